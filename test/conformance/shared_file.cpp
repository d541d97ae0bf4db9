// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE conformance_shared_file
#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

// Logs in one file that several processes may write, with one that does.

namespace logdb::test {

using indexed_logs =
    boost::mp11::mp_list<shared_wal::with<Storage<SingleFile>>,
                         basic_log<Storage<SingleFile>, Durability<Async>, Locking<Fcntl>>>;
using logs = boost::mp11::mp_push_back<
    indexed_logs, basic_log<Storage<SingleFile>, Durability<None>, Index<None>, Locking<Fcntl>>>;

}  // namespace logdb::test

#include "conformance/append.hpp"
#include "conformance/closing.hpp"
#include "conformance/finding.hpp"
#include "conformance/keeping.hpp"
#include "conformance/reading.hpp"
#include "conformance/reopening.hpp"
#include "conformance/tailing.hpp"
#include "conformance/transactions.hpp"
