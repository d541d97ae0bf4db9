// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Conformance: what only the type of a log shows, and the list of a program's logs.

#include <algorithm>
#include <array>
#include <list>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/test_tools.hpp>

#include "conformance/adapter.hpp"
#include "conformance/logs.hpp"
#include "support/throws.hpp"

namespace logdb::test {

template <class Log>
void a_record_may_be_given_as_text_or_as_bytes() {
  small_log<Log> f;
  const std::string text = "text";
  const std::array bytes{std::byte{'b'}, std::byte{0}, std::byte{'\n'}};
  f.log.append("literal");
  f.log.append(text);
  f.log.append(std::string_view{text}.substr(1));
  f.log.append(bytes);
  f.log.append(std::vector<std::byte>(2, std::byte{'v'}));
  f.log.append(bytes_view{bytes}.first(1));
  const std::vector<std::string> expected{"literal", "text", "ext", {"b\0\n", 3}, "vv", "b"};
  BOOST_TEST(texts(f.log.records()) == expected, boost::test_tools::per_element());
}

template <class Log>
void a_batch_may_come_from_any_range_of_texts() {
  small_log<Log> f;
  f.log.append(std::list<std::string_view>{"a", "b"});
  f.log.append(std::array<const char*, 2>{"c", "d"});
  const std::vector<std::string> expected{"a", "b", "c", "d"};
  BOOST_TEST(texts(f.log.records()) == expected, boost::test_tools::per_element());
}

template <class Log>
void records_are_a_forward_range_for_the_algorithms() {
  using range = typename Log::record_range;
  static_assert(std::ranges::forward_range<range> && std::ranges::view<range>);
  small_log<Log> f;
  fill(f.log, 1, 300);
  const range all = f.log.records();
  const auto is_long = [](const record& each) { return each.size() > 9; };
  BOOST_TEST(std::ranges::distance(all) == 300);
  BOOST_TEST(std::ranges::count_if(all, is_long) == 201);
  BOOST_TEST(std::ranges::find_if(all, is_long)->lsn() == lsn{100});
  BOOST_TEST((std::ranges::find_if(all, [](const record&) { return false; }) == all.end()));
  BOOST_TEST(std::ranges::is_sorted(all, {}, &record::lsn));
  auto at = all.begin();
  const auto copy = at++;
  BOOST_TEST(copy->lsn() == lsn{1});
  BOOST_TEST(at->lsn() == lsn{2});
  BOOST_TEST((copy == all.begin()));
#if !defined(__clang__) || __clang_major__ > 15  // before, it cannot compile libstdc++'s views
  auto few = all | std::views::drop(10) | std::views::take(5);
  BOOST_TEST(holds_lsns(few, lsn{11}, lsn{16}));
#endif
}

/// Satisfied by logs that check what is appended.
template <class Log>
concept checks_events = requires(typename Log::options chosen) {
  chosen.index.check;
};

template <checks_events Log>
void what_is_no_event_is_refused_and_leaves_the_log_as_it_was() {
  auto chosen = small_options<Log>();
  chosen.index.check = decltype(chosen.index.check)::on_append;
  small_log<Log> f{chosen};
  const std::vector<std::string> batch{R"({"a":2})", R"({"a":3)"};
  f.log.append(R"({"a": 1})");
  BOOST_TEST(throws(errc::bad_event, [&] { f.log.append("text"); }));
  BOOST_TEST(throws(errc::bad_event, [&] { f.log.append(batch); }));
  auto unit = f.log.begin();
  unit.append({{"a", 4}});
  BOOST_TEST(throws(errc::bad_event, [&] { unit.append(batch); }));
  unit.commit();
  BOOST_TEST(f.log.append_lines("{\"a\":5}\r\n[]\n{\"a\":6}").refused_total == 1u);
  f.reopen_if_it_lasts();
  const std::vector<std::string> expected{R"({"a": 1})", R"({"a":4})", R"({"a":5})", R"({"a":6})"};
  BOOST_TEST(texts(f.log.records()) == expected, boost::test_tools::per_element());
}

template <class Log>
std::vector<typed_case> typed_cases() {
  std::vector<typed_case> cases{{"a_record_may_be_given_as_text_or_as_bytes", __FILE__, __LINE__,
                                 a_record_may_be_given_as_text_or_as_bytes<Log>},
                                {"a_batch_may_come_from_any_range_of_texts", __FILE__, __LINE__,
                                 a_batch_may_come_from_any_range_of_texts<Log>},
                                {"records_are_a_forward_range_for_the_algorithms", __FILE__,
                                 __LINE__, records_are_a_forward_range_for_the_algorithms<Log>}};
  if constexpr (checks_events<Log>) {
    cases.push_back({"what_is_no_event_is_refused_and_leaves_the_log_as_it_was", __FILE__, __LINE__,
                     what_is_no_event_is_refused_and_leaves_the_log_as_it_was<Log>});
  }
  return cases;
}

template <class Log>
tested_kind kind_of() {
  using policies = typename Log::policies;
  return {
      .name = name_of<Log>(),
      .persistent = policies::storage::persistent,
      .durable_on_return = policies::durability::readable == watermark::durable,
      .finds = finds_records<Log>,
      .open = open_tested<Log>,
      .typed = typed_cases<Log>(),
  };
}

template <class... Logs>
std::vector<tested_kind> kinds_of() {
  return {kind_of<Logs>()...};
}

}  // namespace logdb::test
