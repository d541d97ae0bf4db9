// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE conformance_memory
#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

// Every coherent combination in memory.

namespace logdb::test {

using in_memory = basic_log<Storage<Memory>, Durability<None>, Locking<None>>;
using indexed_logs = boost::mp11::mp_list<in_memory>;
using logs = boost::mp11::mp_list<in_memory, in_memory::with<Index<None>>>;

}  // namespace logdb::test

#include "conformance/append.hpp"
#include "conformance/closing.hpp"
#include "conformance/finding.hpp"
#include "conformance/keeping.hpp"
#include "conformance/reading.hpp"
#include "conformance/tailing.hpp"
#include "conformance/transactions.hpp"
