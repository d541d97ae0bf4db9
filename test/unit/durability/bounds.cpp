// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE durability_bounds
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "conformance/logs.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// What a power cut may cost at most, as it was asked for.

namespace logdb::test {

using namespace std::chrono_literals;
using none_log = basic_log<Durability<None>>;

BOOST_AUTO_TEST_SUITE(durability)

BOOST_AUTO_TEST_CASE(an_async_log_never_has_more_records_at_risk_than_was_asked_for) {
  for (const std::uint64_t most : {1U, 2U, 10U}) {
    auto options = small_options<async_wal>();
    options.durability.records_max = most;
    options.durability.delay_max = 1h;
    small_log<async_wal> f{options};
    std::uint64_t worst = 0;
    for (std::uint64_t n = 1; n <= 200; ++n) {
      f.log.append(numbered(n));
      worst = std::max(worst, f.log.loss_window().records);
    }
    BOOST_TEST(worst <= most);
    BOOST_TEST((texts(f.log.records()) == numbered(1, 200)));
  }
}

BOOST_AUTO_TEST_CASE(a_batch_counts_as_its_records) {
  auto options = small_options<async_wal>();
  options.durability.records_max = 10;
  options.durability.delay_max = 1h;
  small_log<async_wal> f{options};
  std::uint64_t worst = 0;
  for (std::uint64_t n = 1; n <= 200; n += 5) {
    f.log.append(numbered(n, n + 4));
    worst = std::max(worst, f.log.loss_window().records);
  }
  BOOST_TEST(worst <= 10U);
}

BOOST_AUTO_TEST_CASE(an_async_log_never_has_more_bytes_at_risk_than_was_asked_for) {
  auto options = small_options<async_wal>();
  options.durability.bytes_max = 12000;
  options.durability.delay_max = 1h;
  small_log<async_wal> f{options};
  std::uint64_t worst = 0;
  for (std::uint64_t n = 1; n <= 500; ++n) {
    f.log.append(std::string(300, 'x'));
    worst = std::max(worst, f.log.loss_window().bytes);
  }
  BOOST_TEST(worst <= 12000U);
  BOOST_TEST(worst > 300U);
}

BOOST_AUTO_TEST_CASE(a_bound_of_bytes_holds_at_every_size_of_the_ring) {
  for (const std::uint64_t most : {4096U, 64U << 10, 3U << 20}) {
    for (const std::uint64_t ring : {std::uint64_t{32} << 10, Async::options{}.staging_bytes}) {
      async_wal::options options;
      options.durability.staging_bytes = ring;
      options.durability.bytes_max = most;
      options.durability.delay_max = 1h;
      small_log<async_wal> f{options};
      std::uint64_t worst = 0;
      std::uint64_t records = 0;
      for (std::size_t bytes = 0; bytes < 2 * most && records < 3000; bytes += 1 + bytes / 50) {
        f.log.append(std::string(bytes, 'x'));
        ++records;
        worst = std::max(worst, f.log.loss_window().bytes);
      }
      BOOST_TEST(worst <= most);
      BOOST_TEST(f.log.last_lsn() == lsn{records});
    }
  }
}

BOOST_AUTO_TEST_CASE(a_large_transaction_waits_for_what_is_at_risk_before_it) {
  async_wal::options options;
  options.durability.records_max = 100;
  options.durability.delay_max = 1h;
  small_log<async_wal> f{options};
  fill(f.log, 1, 90);
  auto large = f.log.begin();
  for (int i = 0; i < 9000; ++i) large.append(std::string(1000, 'x'));
  large.commit();
  BOOST_TEST(f.log.loss_window().records == 9000U);
  f.log.append("alone");
  BOOST_TEST(f.log.loss_window().records == 1U);
}

BOOST_AUTO_TEST_CASE(records_behind_a_batch_of_small_ones_count_as_much) {
  auto options = small_options<async_wal>();
  options.durability.records_max = 100;
  options.durability.delay_max = 1h;
  small_log<async_wal> f{options};
  std::uint64_t worst = 0;
  f.log.append(std::vector<std::string>(50, "x"));
  for (int i = 0; i < 200; ++i) {
    f.log.append("");
    worst = std::max(worst, f.log.loss_window().records);
  }
  BOOST_TEST(worst == 100U);
}

BOOST_AUTO_TEST_CASE(bounds_that_cannot_be_kept_are_refused_with_their_value) {
  const auto fault = [](auto change) {
    async_wal::options options;
    change(options.durability);
    const temp_dir place;
    const auto failure = error_of([&] { const async_wal log{place / "log", options}; });
    BOOST_REQUIRE(failure);
    BOOST_TEST((failure->condition() == errc::invalid_argument));
    return std::string{failure->what()};
  };
  const auto has = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  BOOST_TEST(has(fault([](auto& own) { own.delay_max = -1ns; }), "not -1 ns"));
  BOOST_TEST(has(fault([](auto& own) { own.delay_max = std::chrono::nanoseconds::max(); }),
                 "not 9223372036854775807 ns"));
  BOOST_TEST(has(fault([](auto& own) { own.bytes_max = 4095; }), "not 4095"));
  BOOST_TEST(has(fault([](auto& own) { own.records_max = 0; }), "not 0"));
}

BOOST_AUTO_TEST_CASE(the_longest_delay_can_be_waited_for) {
  auto options = small_options<async_wal>();
  options.durability.delay_max = std::chrono::hours{24 * 365};
  small_log<async_wal> f{options};
  f.log.append("at risk");
  BOOST_TEST(f.log.durable_lsn() == lsn{0});
}

BOOST_AUTO_TEST_CASE(an_async_log_syncs_by_itself_after_the_delay) {
  auto options = small_options<async_wal>();
  options.durability.delay_max = 1ms;
  small_log<async_wal> f{options};
  f.log.append("soon durable");
  while (f.log.durable_lsn() < lsn{1}) std::this_thread::yield();
  BOOST_TEST(f.log.loss_window().records == 0U);
  BOOST_TEST(f.log.stats().syncs >= 1U);
}

BOOST_AUTO_TEST_CASE(an_async_log_does_not_sync_before_the_delay) {
  auto options = small_options<async_wal>();
  options.durability.delay_max = 1h;
  small_log<async_wal> f{options};
  f.log.append("at risk");
  BOOST_TEST(f.log.durable_lsn() == lsn{0});
  BOOST_TEST(f.log.loss_window().records == 1U);
  BOOST_TEST(f.log.loss_window().bytes >= 24U);
  f.log.wait_durable(lsn{1});
  BOOST_TEST(f.log.durable_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE(a_log_without_durability_syncs_only_when_asked) {
  auto options = small_options<none_log>();
  options.durability.delay_max = 1ms;
  small_log<none_log> f{options};
  fill(f.log, 1, 100);
  while (f.log.stats().groups == 0) std::this_thread::yield();
  BOOST_TEST(f.log.durable_lsn() == lsn{0});
  BOOST_TEST(f.log.stats().syncs == 0U);
  f.log.sync();
  BOOST_TEST(f.log.durable_lsn() == lsn{100});
}

BOOST_AUTO_TEST_CASE(a_small_delay_is_kept_on_a_log_with_a_large_one_elsewhere) {
  auto lazy_options = small_options<async_wal>();
  lazy_options.durability.delay_max = 1h;
  small_log<async_wal> lazy{lazy_options};
  lazy.log.append("at risk");
  auto options = small_options<async_wal>();
  options.durability.delay_max = 0ns;
  small_log<async_wal> f{options};
  f.log.append("soon durable");
  while (f.log.durable_lsn() < lsn{1}) std::this_thread::yield();
  BOOST_TEST(lazy.log.durable_lsn() == lsn{0});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
