// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE locking_none
#include <type_traits>

#include <boost/test/unit_test.hpp>

#include <logdb/locking/none.hpp>
#include <logdb/storage/directory.hpp>
#include <logdb/storage/memory.hpp>

#include "support/temp_dir.hpp"

namespace {

using logdb::open_mode;
using logdb::detail::no_locking;

BOOST_AUTO_TEST_CASE(any_number_of_leases_leave_no_file) {
  const logdb::test::temp_dir place;
  logdb::Directory storage{place.path(), open_mode::read_write};
  const no_locking::lease<logdb::Directory> first{storage};
  const no_locking::lease<logdb::Directory> second{storage};
  BOOST_TEST(storage.names().empty());
}

BOOST_AUTO_TEST_CASE(it_costs_nothing_on_any_storage) {
  BOOST_TEST(std::is_empty_v<no_locking::lease<logdb::Memory>>);
  BOOST_TEST(std::is_trivially_destructible_v<no_locking::lease<logdb::Memory>>);
  BOOST_TEST((logdb::locking_policy_for<no_locking, logdb::Memory>));
  BOOST_TEST((logdb::locking_policy_for<no_locking, logdb::Directory>));
}

}  // namespace
