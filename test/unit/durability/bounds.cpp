// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE durability_bounds
#include <chrono>
#include <thread>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "conformance/logs.hpp"

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
