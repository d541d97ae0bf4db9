// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE policy
#include <concepts>
#include <type_traits>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/throws.hpp"

// How policies make one type, and what those that do nothing cost.

namespace {

using logdb::Async;
using logdb::async_wal;
using logdb::basic_log;
using logdb::Directory;
using logdb::Durability;
using logdb::durable_wal;
using logdb::Flock;
using logdb::Fsync;
using logdb::Index;
using logdb::Locking;
using logdb::Memory;
using logdb::None;
using logdb::Sparse;
using logdb::Storage;
namespace detail = logdb::detail;

using in_memory = basic_log<Storage<Memory>, Durability<None>, Index<None>, Locking<None>>;

BOOST_AUTO_TEST_SUITE(policy)

BOOST_AUTO_TEST_CASE(an_axis_left_out_has_its_default) {
  using all = basic_log<Storage<Directory>, Durability<Fsync>, Index<Sparse>, Locking<Flock>>;
  BOOST_TEST((std::same_as<basic_log<>, all>));
  BOOST_TEST((std::same_as<durable_wal, basic_log<>>));
  BOOST_TEST((std::same_as<basic_log<Index<None>>, basic_log<Locking<Flock>, Index<None>>>));
}

BOOST_AUTO_TEST_CASE(what_is_left_out_of_a_log_in_memory_fits_it) {
  using all = basic_log<Storage<Memory>, Durability<None>, Index<Sparse>, Locking<None>>;
  BOOST_TEST((std::same_as<basic_log<Storage<Memory>>, all>));
  BOOST_TEST((std::same_as<basic_log<Index<Sparse>, Storage<Memory>>, all>));
  basic_log<Storage<Memory>> log;
  BOOST_TEST(log.append("x").value() == 1U);
}

BOOST_AUTO_TEST_CASE(the_order_of_policies_does_not_matter) {
  using one = basic_log<Storage<Memory>, Durability<None>, Index<Sparse>, Locking<None>>;
  using two = basic_log<Locking<None>, Index<Sparse>, Durability<None>, Storage<Memory>>;
  using three = basic_log<Durability<None>, Locking<None>, Storage<Memory>>;
  BOOST_TEST((std::same_as<one, two> && std::same_as<two, three>));
  BOOST_TEST((std::same_as<async_wal, basic_log<Durability<Async>>>));
  BOOST_TEST((!std::same_as<async_wal, durable_wal>));
}

BOOST_AUTO_TEST_CASE(with_replaces_some_policies_and_keeps_the_others) {
  BOOST_TEST((std::same_as<async_wal::with<Durability<Fsync>>, durable_wal>));
  BOOST_TEST((std::same_as<durable_wal::with<>, durable_wal>));
  BOOST_TEST((std::same_as<in_memory::with<Storage<Directory>>,
                           basic_log<Durability<None>, Index<None>, Locking<None>>>));
  using back = durable_wal::with<Index<None>, Locking<None>>::with<Index<Sparse>>;
  BOOST_TEST((std::same_as<back, basic_log<Locking<None>>>));
}

BOOST_AUTO_TEST_CASE(the_built_in_policies_meet_their_contracts) {
  BOOST_TEST((logdb::storage_policy<Directory> && logdb::storage_policy<Memory>));
  BOOST_TEST((logdb::durability_policy<Fsync> && logdb::durability_policy<Async> &&
              logdb::durability_policy<detail::no_durability>));
  BOOST_TEST((logdb::index_policy<Sparse> && logdb::index_policy<detail::no_index>));
  BOOST_TEST((logdb::locking_policy<Flock> && logdb::locking_policy<detail::no_locking>));
  BOOST_TEST((!logdb::storage_policy<Fsync> && !logdb::durability_policy<Flock> &&
              !logdb::index_policy<Async> && !logdb::locking_policy<Sparse>));
}

BOOST_AUTO_TEST_CASE(coherence_can_be_asked) {
  using memory_fsync = detail::policy_set<Memory, Fsync, detail::no_index, detail::no_locking>;
  using memory_flock = detail::policy_set<Memory, detail::no_durability, detail::no_index, Flock>;
  BOOST_TEST(!detail::coherent<memory_fsync>);
  BOOST_TEST(!detail::coherent<memory_flock>);
  BOOST_TEST(detail::coherent<in_memory::policies>);
  BOOST_TEST(detail::coherent<durable_wal::policies>);
}

BOOST_AUTO_TEST_CASE(a_hook_that_a_policy_does_not_name_has_its_default) {
  using least = logdb::index_traits<detail::no_index>;
  BOOST_TEST((!least::reads_staging && !least::keeps_log_time && !least::keeps_all));
  BOOST_TEST((!least::one_writer && least::may_truncate && !least::has_log_index));
  using memory = logdb::storage_traits<Memory>;
  BOOST_TEST((!memory::shared_writers && !memory::has_files_beside() && !memory::opens_itself()));
  using memory_file = logdb::file_traits<Memory::file>;
  BOOST_TEST((!memory_file::maps_private() && !memory_file::unshares()));
}

BOOST_AUTO_TEST_CASE(a_hook_that_a_policy_names_is_the_policys_own) {
  using keys = logdb::index_traits<logdb::KeyDir>;
  BOOST_TEST((keys::reads_staging && keys::keeps_log_time && keys::has_log_index));
  BOOST_TEST((!keys::may_truncate && !keys::one_writer));
  using directory = logdb::storage_traits<Directory>;
  BOOST_TEST((directory::shared_writers && directory::opens_itself()));
  BOOST_TEST(logdb::file_traits<Directory::file>::maps_private());
  const Sparse::options wrong{.stride_bytes = 1};
  BOOST_TEST(logdb::index_traits<Sparse>::fault_of(wrong) != nullptr);
}

BOOST_AUTO_TEST_CASE(a_shared_lease_has_the_verbs_of_one) {
  using logdb::Fcntl;
  BOOST_TEST((logdb::sharing_lease<Fcntl::lease<Directory>>));
  BOOST_TEST((logdb::locking_policy_for<Fcntl, Directory>));
  BOOST_TEST((logdb::locking_policy_for<Flock, Directory>));
  BOOST_TEST((!logdb::sharing_lease<Flock::lease<Directory>>));
}

template <class Log>
concept can_read_by_lsn = requires(Log log) {
  log.read(logdb::lsn{1});
};
template <class Log>
concept can_find_time = requires(Log log) {
  log.find_time(logdb::timestamp{});
};
template <class Log>
concept can_append = requires(Log log) {
  log.append("x");
};

BOOST_AUTO_TEST_CASE(the_index_decides_which_verbs_there_are) {
  BOOST_TEST((can_append<durable_wal> && can_append<in_memory>));
  BOOST_TEST((can_read_by_lsn<durable_wal> && can_find_time<durable_wal>));
  BOOST_TEST((!can_read_by_lsn<in_memory> && !can_find_time<in_memory>));
  BOOST_TEST(can_append<durable_wal::transaction_type>);
}

template <class Log>
concept has_mode = requires(typename Log::options options) {
  options.mode;
};
template <class Log>
concept has_retention = requires(typename Log::options options) {
  options.retention;
};
template <class Log>
concept has_sizes = requires(typename Log::options options) {
  options.segment_bytes, options.record_bytes_max, options.recovery;
};

BOOST_AUTO_TEST_CASE(options_are_those_that_a_log_can_have) {
  using keys_in_memory = basic_log<Storage<Memory>, Index<logdb::KeyDir>>;
  BOOST_TEST((has_mode<durable_wal> && has_retention<durable_wal> && has_sizes<durable_wal>));
  BOOST_TEST((!has_mode<in_memory> && has_retention<in_memory> && has_sizes<in_memory>));
  BOOST_TEST((has_mode<logdb::kv_store> && !has_retention<logdb::kv_store>));
  BOOST_TEST((has_mode<logdb::timelog> && !has_retention<logdb::timelog>));
  BOOST_TEST((!has_mode<keys_in_memory> && !has_retention<keys_in_memory>));
  BOOST_TEST(
      (has_sizes<logdb::kv_store> && has_sizes<logdb::timelog> && has_sizes<keys_in_memory>));
  BOOST_TEST((!has_mode<logdb::memory_timelog> && !has_retention<logdb::memory_timelog> &&
              !has_sizes<logdb::memory_timelog>));
}

/// An index that wants small records.
struct careful : Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "require"};

  template <class Options>
  static void require(const Options& chosen) {
    if (chosen.record_bytes_max <= 100) return;
    throw logdb::error{logdb::errc::invalid_argument, "records of more than 100 bytes"};
  }
};

BOOST_AUTO_TEST_CASE(what_an_index_requires_of_the_options_is_asked_at_the_open) {
  using careful_log = basic_log<Storage<Memory>, Index<careful>>;
  const auto open = [](std::uint64_t bytes) {
    careful_log::options options;
    options.record_bytes_max = bytes;
    const careful_log log{"records", options};
  };
  open(100);
  BOOST_TEST(logdb::test::throws(logdb::errc::invalid_argument, [&] { open(101); }));
}

BOOST_AUTO_TEST_CASE(a_log_is_moved_and_never_copied) {
  BOOST_TEST(std::is_nothrow_move_constructible_v<durable_wal>);
  BOOST_TEST(std::is_nothrow_move_assignable_v<durable_wal>);
  BOOST_TEST(!std::is_copy_constructible_v<durable_wal>);
  BOOST_TEST(!(std::is_convertible_v<const char*, durable_wal>));
}

BOOST_AUTO_TEST_CASE(policies_take_no_room_in_a_log) {
  BOOST_TEST(sizeof(durable_wal) == 2 * sizeof(void*));
  BOOST_TEST(sizeof(in_memory) == 2 * sizeof(void*));
}

BOOST_AUTO_TEST_CASE(what_is_read_is_one_type_for_all_durabilities_and_lockings) {
  using shared = logdb::shared_wal;
  BOOST_TEST((std::is_same_v<durable_wal::record_range, async_wal::record_range>));
  BOOST_TEST((std::is_same_v<durable_wal::record_range, shared::record_range>));
  BOOST_TEST((std::is_same_v<logdb::log_snapshot<durable_wal::policies>,
                             logdb::log_snapshot<shared::policies>>));
  BOOST_TEST((!std::is_same_v<durable_wal::record_range, in_memory::record_range>));
}

template <class IndexChoice, class LockingChoice>
using plain = detail::policy_set<Directory, Fsync, IndexChoice, LockingChoice>;

BOOST_AUTO_TEST_CASE(a_policy_that_does_nothing_is_empty) {
  BOOST_TEST(std::is_empty_v<detail::no_index::segment_index>);
  BOOST_TEST(std::is_empty_v<detail::no_index::options>);
  BOOST_TEST(std::is_empty_v<detail::no_locking::options>);
  BOOST_TEST(std::is_empty_v<detail::no_locking::lease<Directory>>);
  using with_index = detail::segment<plain<Sparse, Flock>>;
  using without_index = detail::segment<plain<detail::no_index, Flock>>;
  BOOST_TEST(sizeof(with_index) >= sizeof(without_index) + sizeof(Sparse::segment_index) - 8);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
