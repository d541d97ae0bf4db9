// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE event_flip
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/event_log.hpp>

#include "crash/support/damaged_store.hpp"
#include "crash/support/quick_system.hpp"
#include "crash/support/store.hpp"
#include "support/temp_dir.hpp"

// A bit of an event log flips at rest: a query is answered right, in both orders, or with an error;
// and salvage finds what the intact frames have.

namespace {

using logdb::errc;
using logdb::query_order;
using logdb::recovery_mode;
using logdb::test::smallest;
using events = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<logdb::test::quick_system>>,
                                logdb::Durability<logdb::Async>, logdb::Index<logdb::Events>>;
using texts = std::vector<std::string>;

constexpr const char* asked = "even:true";
/// One of so many bytes is harmed, unless LOGDB_CRASH_FLIPS=all.
constexpr std::size_t share = 23;

events::options options_of(recovery_mode recovery, logdb::open_mode mode) {
  auto chosen = smallest<events>();
  chosen.index.stride_bytes = 512;
  chosen.recovery = recovery;
  chosen.mode = mode;
  return chosen;
}

texts found_by(const events& log, query_order order) {
  texts found;
  for (const auto& event : log.query(asked, {.order = order})) found.emplace_back(event.text());
  return found;
}

/// Is a closed log of several segments, with batches, lines, and a transaction of its own.
struct closed_log {
  closed_log() {
    events log{path, options_of(recovery_mode::refuse, logdb::open_mode::read_write)};
    for (int i = 0; i < 3; ++i) {
      log.append(made(20));
      log.append(texts{made(10), made(0), made(200)});
      log.append_lines(made(30) + "\n" + made(7000) + "\nno event\n" + made(5));
    }
    auto unit = log.begin();
    for (int i = 0; i < 3; ++i) unit.append(made(4000));
    unit.commit();
    log.append(made(1));
    expected = found_by(log, query_order::oldest);
    log.close();
  }

  std::string made(std::size_t bytes) {
    const bool even = ++count % 2 == 0;
    return R"({"n":)" + std::to_string(count) + R"(,"even":)" + (even ? "true" : "false") +
           R"(,"t":")" + std::string(bytes, ' ') + "\"}";
  }

  int count = 0;
  logdb::test::temp_dir place;
  std::filesystem::path path = place / "log";
  texts expected;
};

bool is_about_damage(errc condition) {
  return condition == errc::corrupt || condition == errc::not_a_log ||
         condition == errc::format_mismatch;
}

/// Tells whether the events found are some of those that there are, in their order.
bool is_part_of(const texts& found, const texts& expected) {
  auto from = expected.begin();
  return std::ranges::all_of(found, [&](const std::string& event) {
    from = std::find(from, expected.end(), event);
    return from != expected.end() && from++ != expected.end();
  });
}

/// Asks in one order; nothing: it was refused, since something is damaged.
std::optional<texts> answer(const std::filesystem::path& path, const events::options& chosen,
                            query_order order) {
  try {
    const events log{path, chosen};
    texts found = found_by(log, order);
    if (order == query_order::newest) std::ranges::reverse(found);
    if (log.count(asked) != found.size()) throw std::runtime_error{"counted otherwise"};
    return found;
  } catch (const logdb::error& refused) {
    if (!is_about_damage(refused.condition())) throw;
    return std::nullopt;
  }
}

BOOST_FIXTURE_TEST_SUITE(of_a_closed_log, closed_log)

BOOST_AUTO_TEST_CASE(a_query_over_flipped_bits_is_right_or_refused) {
  const logdb::test::damaged_store store{path};
  const auto chosen = options_of(recovery_mode::refuse, logdb::open_mode::read_only);
  BOOST_TEST(expected.size() == 12U);
  store.for_each_bit(share, [&](const std::string& name, std::size_t at, int bit) {
    store.with_flip(name, at, bit, [&] {
      for (const auto order : {query_order::oldest, query_order::newest}) {
        const auto found = answer(path, chosen, order);
        BOOST_TEST_REQUIRE((!found || *found == expected),
                           name << " byte " << at << " bit " << bit);
      }
    });
  });
}

BOOST_AUTO_TEST_CASE(salvage_finds_the_same_in_both_orders_and_all_that_is_intact) {
  const logdb::test::damaged_store store{path};
  const auto chosen = options_of(recovery_mode::salvage, logdb::open_mode::read_only);
  store.for_each_bit(share, [&](const std::string& name, std::size_t at, int bit) {
    store.with_flip(name, at, bit, [&] {
      const auto found = answer(path, chosen, query_order::oldest);
      const std::string where =
          name + " byte " + std::to_string(at) + " bit " + std::to_string(bit);
      BOOST_TEST_REQUIRE(found.has_value(), where);
      BOOST_TEST_REQUIRE((answer(path, chosen, query_order::newest) == found), where);
      BOOST_TEST_REQUIRE(is_part_of(*found, expected), where);
      // The frame with most events has three, two of which match at most.
      BOOST_TEST_REQUIRE(found->size() + 2 >= expected.size(), where);
    });
  });
}

BOOST_AUTO_TEST_CASE(a_writer_goes_on_behind_flipped_bits) {
  const logdb::test::damaged_store store{path};
  const auto chosen = options_of(recovery_mode::salvage, logdb::open_mode::read_write);
  store.for_each_bit(share * 5, [&](const std::string& name, std::size_t at, int bit) {
    store.with_flip_to_write(name, at, bit, [&] {
      const std::string where =
          name + " byte " + std::to_string(at) + " bit " + std::to_string(bit);
      events log{path, chosen};
      const std::string last = R"({"even":true,"last":1})";
      log.append(last);
      texts all = expected;
      all.push_back(last);
      const texts found = found_by(log, query_order::oldest);
      BOOST_TEST_REQUIRE(is_part_of(found, all), where);
      BOOST_TEST_REQUIRE(found.back() == last, where);
      texts turned = found_by(log, query_order::newest);
      std::ranges::reverse(turned);
      BOOST_TEST_REQUIRE((turned == found), where);
    });
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
