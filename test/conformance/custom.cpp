// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE conformance_custom
#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

// The policies that the examples show, word for word; each example has a main of its own.
#define main custom_storage_main
#include "../../examples/custom_storage.cpp"
#undef main
#define main custom_durability_main
#include "../../examples/custom_durability.cpp"
#undef main
#define main custom_index_main
#include "../../examples/custom_index.cpp"
#undef main
#define main custom_locking_main
#include "../../examples/custom_locking.cpp"
#undef main

namespace logdb::test {

/// Has the verbs that the suite calls; the example's own are fewer.
struct HalvesWithBatches : Halves {
  template <class Log>
  class face : public detail::append_verbs<Log> {};
  template <class Transaction>
  class transaction_face : public detail::append_verbs<Transaction> {};
};

using logs =
    boost::mp11::mp_list<basic_log<Storage<Shelf>>, basic_log<Durability<Selective>>,
                         basic_log<Index<HalvesWithBatches>>, basic_log<Locking<InProcess>>>;

}  // namespace logdb::test

#include "conformance/append.hpp"
#include "conformance/closing.hpp"
#include "conformance/keeping.hpp"
#include "conformance/reading.hpp"
#include "conformance/reopening.hpp"
#include "conformance/tailing.hpp"
#include "conformance/transactions.hpp"
