// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE conformance_single_file
#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

// Every durability and every locking on one file.

namespace logdb::test {

using indexed_logs =
    boost::mp11::mp_list<basic_log<Storage<SingleFile>, Durability<Fsync>, Locking<Flock>>,
                         basic_log<Storage<SingleFile>, Durability<Async>, Locking<None>>,
                         basic_log<Storage<SingleFile>, Durability<None>, Locking<Flock>>>;
using logs = boost::mp11::mp_push_back<
    indexed_logs, basic_log<Storage<SingleFile>, Index<None>, Durability<Fsync>, Locking<None>>>;

}  // namespace logdb::test

#include "conformance/append.hpp"
#include "conformance/closing.hpp"
#include "conformance/finding.hpp"
#include "conformance/keeping.hpp"
#include "conformance/reading.hpp"
#include "conformance/reopening.hpp"
#include "conformance/tailing.hpp"
#include "conformance/transactions.hpp"
