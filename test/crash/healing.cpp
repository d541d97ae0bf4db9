// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE healing
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <random>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/failing_disk.hpp"
#include "crash/support/history.hpp"
#include "crash/support/store.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

namespace {

using logdb::errc;
using logdb::lsn;
using logdb::test::disk_call;
using logdb::test::fail_times;
using logdb::test::failing_disk;
using logdb::test::smallest;
using logdb::test::texts_of;
using logdb::test::throws;

template <class Durability>
using faulty_log = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<failing_disk>>,
                                    logdb::Durability<Durability>>;
using wal = faulty_log<logdb::Fsync>;

std::string text_of(int i) { return "record " + std::to_string(i) + std::string(100, 'x'); }

/// Is a log with ten records, whose next segment is ready, so that nothing happens by itself.
struct ten_records : logdb::test::fresh_disk {
  ten_records() {
    for (int i = 0; i < 10; ++i) append();
    await_next_segment();
  }
  void append() {
    log.append(text_of(appended));
    ++appended;
  }
  void await_next_segment() const {
    // Each healing leaves one more behind.
    while (log.stats().segments < 2 + log.stats().heals) std::this_thread::yield();
  }
  /// Checks that the first `count` records are there, and at most one more of each failed append.
  template <class Log>
  void check_records(const Log& opened, int failed = 0) const {
    const auto texts = texts_of(opened);
    BOOST_REQUIRE_GE(texts.size(), static_cast<std::size_t>(appended));
    BOOST_TEST(texts.size() <= static_cast<std::size_t>(appended + failed));
    for (int i = 0; i < appended; ++i) BOOST_TEST(texts[static_cast<std::size_t>(i)] == text_of(i));
  }
  void check_reopened(int failed = 0) {
    { const auto closed = std::move(log); }
    failing_disk::reset();
    wal again{place / "log", smallest<wal>()};
    check_records(again, failed);
    BOOST_TEST(again.verify().intact());
    again.append("and on");
    BOOST_TEST(texts_of(again).back() == "and on");
  }

  logdb::test::temp_dir place;
  wal log{place / "log", smallest<wal>()};
  int appended = 0;
};

BOOST_FIXTURE_TEST_SUITE(on_a_failing_disk, ten_records)

BOOST_AUTO_TEST_CASE(a_failed_sync_heals_into_a_new_segment) {
  failing_disk::set(fail_times(disk_call::sync, "01.seg", -EIO, 1));
  for (int i = 0; i < 20; ++i) append();
  BOOST_TEST(log.stats().heals == 1U);
  BOOST_TEST(log.durable_lsn() == lsn{30});
  check_records(log);
  BOOST_TEST(log.verify().intact());
  BOOST_TEST(!failing_disk::synced_after_failure);
  log.close();
  BOOST_TEST(!failing_disk::synced_after_failure);
  check_reopened();
}

BOOST_AUTO_TEST_CASE(a_truncation_throws_until_no_power_cut_undoes_it) {
  const auto oldest = place / "log" / logdb::format::segment_name(logdb::segment_number{1});
  while (log.stats().segments < 6) append();
  log.close();
  wal again{place / "log", smallest<wal>()};
  const lsn half{static_cast<std::uint64_t>(appended / 2)};
  const auto truncate = [&] { return again.truncate_front(half); };
  failing_disk::set([](disk_call call, std::string_view) {
    return call == disk_call::sync_directory ? -EIO : 0;
  });
  BOOST_TEST(throws(errc::io, truncate));
  const lsn first = again.first_lsn();
  BOOST_TEST(first > lsn{1});
  BOOST_TEST(throws(errc::io, truncate));  // it finds nothing to give up, but is no surer of that
  BOOST_TEST(throws(errc::io, [&] { again.truncate_front(lsn{1}); }));
  BOOST_TEST(std::filesystem::exists(oldest));
  failing_disk::set({});
  BOOST_TEST(truncate() == first);
  again.close();
  BOOST_TEST(!std::filesystem::exists(oldest));
  const wal reopened{place / "log", smallest<wal>()};
  BOOST_TEST(reopened.first_lsn() == first);
  BOOST_TEST(reopened.verify().intact());
}

BOOST_AUTO_TEST_CASE(a_failed_sync_heals_again_and_again) {
  for (int round = 0; round < 20; ++round) {
    await_next_segment();
    // The last segment that was written is synced first; making others is left alone.
    bool armed = true;
    failing_disk::set([armed](disk_call call, std::string_view name) mutable {
      if (!armed || call != disk_call::sync || !name.ends_with(".seg")) return 0;
      armed = false;
      return -EIO;
    });
    for (int i = 0; i < 7; ++i) append();
  }
  failing_disk::set({});
  BOOST_TEST(log.stats().heals > 0U);
  check_records(log);
  log.close();
  BOOST_TEST(!failing_disk::synced_after_failure);
  check_reopened();
}

BOOST_AUTO_TEST_CASE(a_log_that_cannot_be_healed_fails_and_still_reads) {
  failing_disk::set(fail_times(disk_call::sync, ".seg", -EIO, -1));
  BOOST_TEST(throws(errc::failed, [&] { log.append("lost?"); }));
  BOOST_TEST(throws(errc::failed, [&] { log.append("refused"); }));
  BOOST_TEST(throws(errc::failed, [&] { log.sync(); }));
  check_records(log);
  BOOST_TEST(log.read(lsn{3}).text() == text_of(2));
  BOOST_TEST(throws(errc::failed, [&] { log.close(); }));
  BOOST_TEST(throws(errc::closed, [&] { log.append("late"); }));
  check_reopened(1);
}

BOOST_AUTO_TEST_CASE(a_failed_write_heals_into_a_new_segment) {
  for (const int failure : {-EIO, -ENOSPC}) {
    const auto before = log.stats().heals;
    failing_disk::set(fail_times(disk_call::write, ".seg", failure, 1));
    append();
    BOOST_TEST(log.stats().heals == before + 1);
    await_next_segment();
  }
  check_records(log);
  check_reopened();
}

BOOST_AUTO_TEST_CASE(a_failure_at_the_first_append_after_an_open_keeps_what_was_there) {
  for (const auto kind : {disk_call::write, disk_call::sync}) {
    log.close();
    log = wal{place / "log", smallest<wal>()};
    while (log.stats().segments < 2) std::this_thread::yield();
    bool armed = true;
    failing_disk::set([armed, kind](disk_call call, std::string_view name) mutable {
      if (!armed || call != kind || !name.ends_with(".seg")) return 0;
      armed = false;
      return -EIO;
    });
    append();
    check_records(log);
  }
  check_reopened();
}

BOOST_AUTO_TEST_CASE(writes_that_all_fail_end_the_log_and_lose_nothing_acknowledged) {
  failing_disk::set(fail_times(disk_call::write, ".seg", -ENOSPC, -1));
  BOOST_TEST(throws(errc::failed, [&] { log.append("lost?"); }));
  check_records(log);
  check_reopened(1);
}

BOOST_AUTO_TEST_CASE(a_healing_cut_at_the_manifest_loses_nothing_acknowledged) {
  for (const auto kind : {disk_call::rename, disk_call::sync_directory, disk_call::open}) {
    logdb::test::temp_dir other;
    failing_disk::reset();
    wal cut{other / "log", smallest<wal>()};
    for (int i = 0; i < appended; ++i) cut.append(text_of(i));
    while (cut.stats().segments < 2) std::this_thread::yield();
    failing_disk::set([kind](disk_call call, std::string_view name) {
      if (call == disk_call::sync && name.ends_with("01.seg")) return -EIO;
      return call == kind && (kind == disk_call::sync_directory || name.find("manifest") == 0 ||
                              name.find("MANIFEST") == 0)
                 ? -EIO
                 : 0;
    });
    BOOST_TEST(throws(errc::failed, [&] { cut.append("lost?"); }));
    check_records(cut);
    { const auto closed = std::move(cut); }
    failing_disk::reset();
    wal again{other / "log", smallest<wal>()};
    check_records(again, 1);
    BOOST_TEST(again.verify().intact());
  }
}

BOOST_AUTO_TEST_CASE(no_space_for_the_next_segment_takes_nothing_and_passes) {
  failing_disk::set(fail_times(disk_call::allocate, ".seg", -ENOSPC, -1));
  int refused = 0;
  while (refused < 5) {
    const auto last = log.last_lsn();
    const auto failure = logdb::test::error_of([&] { append(); });
    if (!failure) continue;
    ++refused;
    BOOST_TEST((failure->condition() == errc::no_space));
    BOOST_TEST(log.last_lsn() == last);
  }
  check_records(log);
  failing_disk::set({});
  for (int i = 0; i < 200; ++i) append();
  BOOST_TEST(log.stats().heals == 0U);
  check_reopened();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_healing_while_the_next_segment_is_being_made_keeps_the_order) {
  const logdb::test::fresh_disk fresh;
  const logdb::test::temp_dir place;
  std::binary_semaphore begun{0};
  std::binary_semaphore healed{0};
  failing_disk::before_allocate = [&](const std::string& name) {
    if (!name.ends_with("02.seg")) return;
    begun.release();
    healed.acquire();
  };
  std::vector<std::string> expected;
  {
    wal log{place / "log", smallest<wal>()};
    begun.acquire();
    failing_disk::set(fail_times(disk_call::sync, "01.seg", -EIO, 1));
    std::thread other{[&] { log.append("healed"); }};
    // The healing may wait for the maker or go ahead: both are let go on.
    while (!failing_disk::has_failed("01.seg")) std::this_thread::yield();
    healed.release();
    other.join();
    expected.emplace_back("healed");
    for (int i = 0; i < 500; ++i) log.append(expected.emplace_back(text_of(i)));
    BOOST_TEST(log.stats().heals == 1U);
    BOOST_TEST(texts_of(log) == expected);
  }
  failing_disk::before_allocate = {};
  const wal again{place / "log", smallest<wal>()};
  BOOST_TEST(texts_of(again) == expected);
}

/// Runs appends against a disk of which any call may fail, and reopens the log whenever it failed.
class unreliable_disk {
 public:
  explicit unreliable_disk(std::uint64_t seed) : random_{seed} {}

  void run(int opens) {
    for (int i = 0; i < opens; ++i) {
      failing_disk::reset();
      {
        wal log{place_ / "log", smallest<wal>()};
        check(log);
        break_disk();
        append_until_failed(log);
        BOOST_TEST(!failing_disk::synced_after_failure);
        failing_disk::set({});
        heals_ += log.stats().heals;
      }
    }
    failing_disk::reset();
    check(wal{place_ / "log", smallest<wal>()});
  }
  [[nodiscard]] std::uint64_t heals() const { return heals_; }

 private:
  void break_disk() {
    failing_disk::set([random = std::mt19937_64{random_()}](disk_call, std::string_view) mutable {
      return random() % 40 == 0 ? -EIO : 0;
    });
  }

  void append_until_failed(wal& log) {
    for (int i = 0; i < 300; ++i) {
      const std::string text = text_of(attempts_++);
      try {
        const lsn at = log.append(text);
        acknowledged_.emplace_back(at, text);
      } catch (const logdb::error& failure) {
        if (failure.condition() == errc::failed) return;
      }
    }
  }

  void check(const wal& log) const {
    BOOST_TEST(log.recovery().damages.empty());
    const auto texts = texts_of(log);
    for (const auto& [at, text] : acknowledged_) {
      BOOST_REQUIRE_LE(at.value(), texts.size());
      BOOST_REQUIRE_EQUAL(texts[at.value() - 1], text);
    }
  }

  logdb::test::fresh_disk fresh_;
  logdb::test::temp_dir place_;
  std::mt19937_64 random_;
  int attempts_ = 0;
  std::uint64_t heals_ = 0;
  std::vector<std::pair<lsn, std::string>> acknowledged_;
};

BOOST_AUTO_TEST_CASE(an_unreliable_disk_takes_no_acknowledged_record) {
  std::uint64_t heals = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    unreliable_disk disk{seed};
    disk.run(20);
    heals += disk.heals();
  }
  BOOST_TEST(heals > 0U);
}

}  // namespace
