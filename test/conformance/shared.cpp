// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE conformance_shared
#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

// Logs that several processes may write, with one that does.

namespace logdb::test {

using indexed_logs =
    boost::mp11::mp_list<shared_wal, basic_log<Durability<Async>, Index<Sparse>, Locking<Fcntl>>>;
using logs = boost::mp11::mp_push_back<indexed_logs,
                                       basic_log<Durability<None>, Index<None>, Locking<Fcntl>>>;

}  // namespace logdb::test

#include "conformance/append.hpp"
#include "conformance/closing.hpp"
#include "conformance/finding.hpp"
#include "conformance/keeping.hpp"
#include "conformance/reading.hpp"
#include "conformance/reopening.hpp"
#include "conformance/tailing.hpp"
#include "conformance/transactions.hpp"
