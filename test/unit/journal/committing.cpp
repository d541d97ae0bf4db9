// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE committing
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "conformance/logs.hpp"
#include "crash/support/failing_disk.hpp"
#include "crash/support/quick_system.hpp"
#include "support/failing_new.hpp"
#include "support/throws.hpp"

// What an append that stands in the log may throw: that the log has failed, and nothing else. And
// what a process lacks is no failure of the log, nor of another process that shares it.

namespace logdb::test {

/// Is the disk that fails on demand, where a thread, or all, may also be out of open files.
struct poor_system : failing_disk {
  using robust_mutex = quick_system::robust_mutex;
  inline static thread_local bool is_out_of_files = false;
  inline static std::atomic<bool> are_all_out_of_files = false;

  static handle open_file(handle directory, const char* name, platform::file_access access) {
    if (is_out_of_files || are_all_out_of_files) return -EMFILE;
    return failing_disk::open_file(directory, name, access);
  }
};
using poor_storage = Storage<BasicDirectory<poor_system>>;
using shared_log = basic_log<poor_storage, Durability<Fsync>, Locking<Fcntl>>;
using single_log = basic_log<poor_storage, Durability<Fsync>>;

/// Is one log that two handles write, as two processes do.
struct two_handles : fresh_disk, small_log<shared_log> {
  shared_log other{path, options};

  void expect(const std::vector<std::string>& wanted) {
    other.close();
    reopen();
    BOOST_TEST((texts(log.records()) == wanted));
    BOOST_TEST(log.verify().intact());
  }
};

template <class Holds>
bool comes_true(Holds holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

BOOST_AUTO_TEST_SUITE(committing)

BOOST_AUTO_TEST_CASE(an_append_for_which_memory_runs_out_is_whole_or_not_there) {
  two_handles f;
  std::vector<std::string> wanted;
  bool failed = true;
  for (long passed = 0; failed; ++passed) {
    // The other one rolls, so that there is much to learn.
    for (int i = 0; i < 20; ++i) {
      wanted.push_back(numbered(wanted.size()) + std::string(1000, 'x'));
      f.other.append(wanted.back());
    }
    const std::string own = numbered(wanted.size());
    const lsn before = f.log.last_lsn();
    const failing_allocation one{passed};
    try {
      f.log.append(own);
      wanted.push_back(own);
    } catch (const std::bad_alloc&) {
      BOOST_REQUIRE(f.log.last_lsn() == before);
    }
    failed = one.has_failed();
  }
  f.expect(wanted);
}

BOOST_AUTO_TEST_CASE(one_that_is_out_of_files_fails_alone) {
  two_handles f;
  const std::string large(1000, 'x');
  for (int i = 0; i < 40; ++i) f.other.append(large);
  f.other.close();  // it would lead when it finishes a segment
  poor_system::are_all_out_of_files = true;
  BOOST_TEST(throws(errc::failed, [&] { f.log.append("by who is out of files"); }));
  poor_system::are_all_out_of_files = false;
  BOOST_TEST(throws(errc::failed, [&] { f.log.append("x"); }));
  shared_log third{f.path, f.options};
  third.append("by another one");
  BOOST_TEST(third.durable_lsn() == lsn{42});
  const auto all = texts(third.records());
  BOOST_TEST(all.size() == 42U);
  BOOST_TEST(throws(errc::failed, [&] { f.log.close(); }));
  third.close();
  f.expect(all);
}

BOOST_AUTO_TEST_CASE(one_that_is_out_of_files_is_served_by_another) {
  two_handles f;
  const std::string large(1000, 'x');
  for (int i = 0; i < 40; ++i) f.other.append(large);
  std::atomic<bool> done = false;
  std::thread writer{[&] {
    poor_system::is_out_of_files = true;
    try {
      f.log.append("by who is out of files");
    } catch (const error& thrown) {
      BOOST_TEST(thrown.what() == "");
    }
    done = true;
  }};
  // One after the other, until one of them has covered it.
  BOOST_TEST(comes_true([&] {
    f.other.append("y");
    return done.load();
  }));
  writer.join();
  f.log.append("on it goes");
  const auto all = texts(f.other.records());
  f.expect(all);
}

BOOST_AUTO_TEST_CASE(memory_that_runs_out_beside_a_failed_sync_loses_nothing) {
  bool failed = true;
  for (long passed = 0; failed && passed < 200; ++passed) {
    const fresh_disk clean;
    small_log<single_log> f;
    for (int i = 0; i < 5; ++i) f.log.append(numbered(static_cast<std::uint64_t>(i)));
    failing_disk::set(fail_times(disk_call::sync, ".seg", -EIO, 1));
    bool is_there = true;
    {
      const failing_allocation one{passed};
      try {
        f.log.append("in the middle");
      } catch (const error& thrown) {
        BOOST_REQUIRE(thrown.condition() == errc::failed);  // it may be there
      } catch (const std::bad_alloc&) {
        is_there = false;
      }
      failed = one.has_failed();
    }
    BOOST_TEST(!failing_disk::synced_after_failure);
    f.log = single_log{f.place / "another", f.options};
    f.log = single_log{f.path, f.options};
    BOOST_REQUIRE(f.log.last_lsn() == lsn{is_there ? 6U : 5U});
    BOOST_REQUIRE(f.log.recovery().damages.empty());
  }
  BOOST_TEST(!failed);
}

BOOST_AUTO_TEST_CASE(retention_is_applied_once_there_is_room_for_its_manifest) {
  const fresh_disk clean;
  auto options = small_options<single_log>();
  options.retention.bytes_max = 1;
  small_log<single_log> f{options};
  auto to_read = options;
  to_read.mode = open_mode::read_only;
  // Its manifest stands.
  BOOST_TEST(comes_true([&] { return single_log{f.path, to_read}.stats().segments == 2; }));
  failing_disk::set([](disk_call call, std::string_view name) {
    return call == disk_call::write && name == "manifest.tmp" ? -ENOSPC : 0;
  });
  const std::string large(1000, 'x');
  BOOST_TEST(throws(errc::no_space, [&] {
    for (int i = 0; i < 200; ++i) f.log.append(large);
  }));
  const lsn before = f.log.first_lsn();
  failing_disk::set({});
  BOOST_TEST(comes_true([&] { return f.log.first_lsn() > before; }));
}

BOOST_AUTO_TEST_CASE(a_manifest_whose_name_was_not_synced_keeps_its_number_to_itself) {
  two_handles f;
  const std::string large(1000, 'x');
  for (int i = 0; i < 100; ++i) f.other.append(large);
  auto chosen = f.options;
  chosen.mode = open_mode::read_only;
  const shared_log reader{f.path, chosen};
  failing_disk::set([own = std::this_thread::get_id()](disk_call call, std::string_view) {
    const bool is_own = std::this_thread::get_id() == own;
    return is_own && call == disk_call::sync_directory ? -EIO : 0;
  });
  BOOST_TEST(throws(errc::io, [&] { f.other.truncate_front(lsn{60}); }));
  failing_disk::set({});
  (void)reader.first_lsn();  // has read it, unless a later one stands there already
  const lsn first = f.other.truncate_front(lsn{30});
  BOOST_TEST(first > lsn{1});
  BOOST_TEST(reader.first_lsn() == first);
  BOOST_TEST(f.log.first_lsn() == first);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
