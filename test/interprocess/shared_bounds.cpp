// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_bounds
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/failing_disk.hpp"
#include "interprocess/support/many.hpp"
#include "support/temp_dir.hpp"

// What holds for each process that shares a log, whatever the others ask for, died of or have for a
// clock.

namespace logdb::test {
namespace {

using control = detail::control_header<platform::posix>;
using async_log = quick_shared<Async>;

/// Is a live control file: what another process may have left in it is put there.
class open_control {
 public:
  explicit open_control(const std::filesystem::path& store)
      : file_{store / format::control_name, std::ios::binary | std::ios::in | std::ios::out} {}

  template <class Value>
  void put(std::size_t offset, Value value) {
    file_.seekp(static_cast<std::streamoff>(offset));
    file_.write(reinterpret_cast<const char*>(&value), sizeof value);
    BOOST_REQUIRE(file_.flush().good());
  }
  template <class Value>
  [[nodiscard]] Value get(std::size_t offset) {
    Value value{};
    file_.sync();
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(reinterpret_cast<char*>(&value), sizeof value);
    BOOST_REQUIRE(file_.good());
    return value;
  }

 private:
  std::fstream file_;
};

std::size_t waiter_at(std::size_t place) {
  return offsetof(control, waiters) + place * sizeof(detail::control_waiter<platform::posix>);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(shared_bounds)

BOOST_AUTO_TEST_CASE(each_process_keeps_its_own_bounds_beside_one_with_wider_ones) {
  const temp_dir place;
  auto options = smallest<async_log>();
  options.durability.delay_max = std::chrono::hours{1};
  async_log wide{place / "log", options};
  options.durability.records_max = 20;
  async_log strict{place / "log", options};
  std::uint64_t worst = 0;
  for (int i = 0; i < 100; ++i) {
    wide.append("");
    strict.append("");
    worst = std::max(worst, strict.loss_window().records);
  }
  BOOST_TEST(worst <= 20U);
  options.durability.records_max = std::numeric_limits<std::uint64_t>::max();
  options.durability.bytes_max = 4096;
  async_log narrow{place / "log", options};
  worst = 0;
  for (int i = 0; i < 100; ++i) {
    wide.append(std::string(100, 'x'));
    narrow.append(std::string(100, 'x'));
    worst = std::max(worst, narrow.loss_window().bytes);
  }
  BOOST_TEST(worst <= 4096U);
}

BOOST_AUTO_TEST_CASE(a_group_that_another_clock_dates_is_committed_in_time) {
  for (const auto ahead : {std::chrono::hours{277}, -std::chrono::hours{277}}) {
    const temp_dir place;
    auto options = smallest<async_log>();
    async_log log{place / "log", options};
    auto lazy = options;
    lazy.durability.delay_max = std::chrono::hours{1};
    async_log other{place / "log", lazy};
    log.append("first");
    other.sync();
    other.append("dated by another clock");
    const std::int64_t told = (platform::posix::uptime() + ahead).count();
    open_control{place / "log"}.put(offsetof(control, oldest_open), told);
    log.append("here");  // its process would commit in 10 ms
    while (log.durable_lsn() < lsn{3}) std::this_thread::yield();
    BOOST_TEST(log.loss_window().age.count() >= 0);
  }
}

BOOST_AUTO_TEST_CASE(who_died_while_it_waited_costs_one_group) {
  const temp_dir place;
  auto options = smallest<async_log>();
  options.durability.delay_max = std::chrono::hours{1};
  async_log log{place / "log", options};
  log.append("waited for");
  open_control shared{place / "log"};
  const std::size_t dead = waiter_at(7);
  shared.put(dead + offsetof(detail::control_waiter<platform::posix>, level),
             static_cast<std::uint32_t>(watermark::durable));
  shared.put(dead + offsetof(detail::control_waiter<platform::posix>, target),
             detail::stream_begin + 1);
  shared.put(offsetof(control, waiters_used), std::uint32_t{8});
  log.sync();
  BOOST_TEST(shared.get<std::uint64_t>(
                 dead + offsetof(detail::control_waiter<platform::posix>, target)) == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_sealed_is_given_up_without_another_append) {
  const temp_dir place;
  auto options = smallest<async_log>();
  options.durability.delay_max = std::chrono::hours{1};  // nothing else writes the seal
  options.retention.records_max = 1;
  async_log log{place / "log", options};
  open_control shared{place / "log"};
  const auto begun = [&] { return shared.get<std::uint64_t>(offsetof(control, extent_count)); };
  for (const std::uint64_t first = begun(); begun() == first;) {
    log.sync();
    log.append(std::string(200, 'x'));
  }
  while (log.first_lsn() == lsn{1}) std::this_thread::yield();
  BOOST_TEST(log.first_lsn() == log.last_lsn());
}

BOOST_FIXTURE_TEST_CASE(a_truncation_that_a_power_cut_may_undo_is_told_to_every_process,
                        fresh_disk) {
  using log_type = quick_shared<Fsync, failing_disk>;
  const temp_dir place;
  {
    log_type filled{place / "log", smallest<log_type>()};
    while (filled.stats().segments < 6) filled.append(std::string(1000, 'x'));
  }
  log_type log{place / "log", smallest<log_type>()};
  log_type other{place / "log", smallest<log_type>()};
  const lsn half{log.last_lsn().value() / 2};
  failing_disk::set([](disk_call call, std::string_view) {
    return call == disk_call::sync_directory ? -EIO : 0;
  });
  BOOST_TEST(throws(errc::io, [&] { log.truncate_front(half); }));
  const lsn first = log.first_lsn();
  BOOST_TEST(first > lsn{1});
  BOOST_TEST(other.stats().records == log.stats().records);  // so it has nothing to give up
  BOOST_TEST(throws(errc::io, [&] { other.truncate_front(half); }));
  failing_disk::set({});
  BOOST_TEST(other.truncate_front(half) == first);
  BOOST_TEST(log.truncate_front(half) == first);
}

// Whoever was told of the death may have been unable to look: then only the doubt is left to tell.
BOOST_AUTO_TEST_CASE(a_manifest_whose_writer_died_before_it_said_so_rules) {
  const temp_dir place;
  {
    async_log filled{place / "log", smallest<async_log>()};
    while (filled.stats().segments < 6) filled.append(std::string(1000, 'x'));
  }
  async_log log{place / "log", smallest<async_log>()};
  async_log dead{place / "log", smallest<async_log>()};
  open_control shared{place / "log"};
  const auto generation = shared.get<std::uint64_t>(offsetof(control, generation));
  dead.truncate_front(dead.last_lsn());
  const lsn first = dead.first_lsn();
  BOOST_TEST(first > lsn{2});
  shared.put(offsetof(control, generation), generation);
  shared.put(offsetof(control, in_doubt), std::uint32_t{1});
  log.truncate_front(lsn{2});
  BOOST_TEST(log.first_lsn() == first);
}

BOOST_AUTO_TEST_CASE(two_hundred_processes_may_write_one_log_and_one_more_is_told_so) {
  const temp_dir place;
  const auto options = smallest<async_log>();
  std::vector<std::unique_ptr<async_log>> all;
  while (all.size() < 200) all.push_back(std::make_unique<async_log>(place / "log", options));
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->append(std::to_string(i));
  const auto refused = error_of([&] { const async_log more{place / "log", options}; });
  BOOST_REQUIRE(refused);
  BOOST_TEST(std::string{refused->what()}.find("200 processes") != std::string::npos);
  all[77].reset();
  const async_log in_its_place{place / "log", options};
  BOOST_TEST(texts_of(in_its_place).size() == 200U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
