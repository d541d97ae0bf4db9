// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE timelsm_tombstones
#include <array>
#include <random>

#include "support.hpp"

namespace {

using namespace timelsm_test;  // NOLINT: a test
using logdb::timelsm::cover;
using logdb::timelsm::disjoint;
using logdb::timelsm::fragment;
using logdb::timelsm::tombstones;

constexpr std::int64_t times = 400;

/// Remembers the newest deletion of each time.
class plain_map {
 public:
  void erase(const fragment& one) {
    for (auto time = one.first; time <= one.last; ++time) newest_[index(time)] = one.deletion;
  }
  [[nodiscard]] std::uint64_t newest(std::int64_t time) const { return newest_[index(time)]; }

 private:
  static std::size_t index(std::int64_t time) { return static_cast<std::size_t>(time); }
  std::array<std::uint64_t, times> newest_{};
};

void require_same(const cover& seen, const plain_map& wanted, std::uint64_t applied) {
  for (std::int64_t time = 0; time < times; ++time) {
    const bool hidden = wanted.newest(time) > applied;
    const auto up = seen.up(time, applied, times - 1);
    BOOST_REQUIRE_EQUAL(up.hidden, hidden);
    for (auto at = time; at <= up.bound; ++at) {
      BOOST_REQUIRE_EQUAL(wanted.newest(at) > applied, hidden);
    }
    const auto down = seen.down(time, applied, 0);
    BOOST_REQUIRE_EQUAL(down.hidden, hidden);
    for (auto at = time; at >= down.bound; --at) {
      BOOST_REQUIRE_EQUAL(wanted.newest(at) > applied, hidden);
    }
  }
}

/// Makes deletions number first, first + 1, …
std::vector<fragment> drawn(std::mt19937& random, std::size_t n, std::uint64_t first,
                            std::int64_t longest) {
  std::vector<fragment> made;
  for (std::size_t i = 0; i < n; ++i) {
    const auto begin = static_cast<std::int64_t>(random() % times);
    const auto length = static_cast<std::int64_t>(random()) % longest;
    made.push_back({begin, std::min(begin + length, times - 1), first + i});
  }
  return made;
}

BOOST_AUTO_TEST_SUITE(timelsm_tombstones)

BOOST_AUTO_TEST_CASE(a_map_and_newer_deletions_hide_what_single_times_say) {
  std::mt19937 random{20};
  for (const std::int64_t longest : {1, 5, 50, 400}) {
    plain_map wanted;
    auto map = std::make_shared<const tombstones>();
    std::uint64_t deletion = 1;
    for (int round = 0; round < 12; ++round) {
      const auto some = drawn(random, 1 + random() % 64, deletion, longest);
      deletion += some.size();
      for (const auto& one : some) wanted.erase(one);
      require_same(cover{map, some, {0, times - 1}}, wanted, deletion - some.size());
      require_same(cover{map, some, {0, times - 1}}, wanted, 0);
      map = std::make_shared<const tombstones>(map->with(disjoint(some)));
      require_same(cover{map, {}, {0, times - 1}}, wanted, deletion / 2);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_map_of_many_pages_keeps_every_fragment) {
  tombstones map;
  std::mt19937 random{7};
  std::vector<std::int64_t> order(5000);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i) * 10;
  std::ranges::shuffle(order, random);
  std::vector<fragment> some;
  for (std::size_t i = 0; i < order.size(); ++i) {
    some.push_back({order[i], order[i] + 3, i + 1});
    if (some.size() < 50) continue;
    map = map.with(disjoint(some));
    some.clear();
  }
  BOOST_TEST(map.size() == order.size());
  std::int64_t next = 0;
  map.each([&](const fragment& one) {
    BOOST_REQUIRE_EQUAL(one.first, next);
    BOOST_REQUIRE_EQUAL(one.last, next + 3);
    next += 10;
  });
}

BOOST_AUTO_TEST_CASE(deletions_reach_both_ends_of_time) {
  const std::array all{fragment{first_time, -5, 1}, fragment{7, last_time, 2}};
  const auto map = std::make_shared<const tombstones>(tombstones{}.with(all));
  const cover seen{map, {}, {}};
  BOOST_TEST(seen.hides(first_time, 0));
  BOOST_TEST(seen.hides(-5, 0));
  BOOST_TEST(!seen.hides(-4, 0));
  BOOST_TEST(seen.hides(last_time, 0));
  BOOST_TEST(!seen.hides(last_time, 2));
  BOOST_TEST(seen.up(0, 0, last_time).bound == 6);
  BOOST_TEST(seen.down(0, 0, first_time).bound == -4);
}

BOOST_AUTO_TEST_CASE(a_map_does_not_change_when_another_is_made_of_it) {
  const std::array first{fragment{0, 9, 1}};
  const std::array second{fragment{5, 20, 2}};
  const tombstones before = tombstones{}.with(first);
  const tombstones after = before.with(second);
  BOOST_TEST(before.size() == 1U);
  BOOST_TEST(before.from(0)->last == 9);
  BOOST_TEST(after.size() == 2U);
  BOOST_TEST(after.from(0)->last == 4);
  BOOST_TEST(after.from(5)->deletion == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
