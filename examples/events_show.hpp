// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the events tool shows: matches with what was found in them, bars, and how far a load is.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <variant>
#include <vector>

#include <logdb/event_log.hpp>

namespace show {

/// Adds the texts that a query looks for; what stands under NOT is in no match.
inline void add_texts(const logdb::query::expression& of, std::vector<std::string>& texts) {
  using kind = logdb::query::expression::kind;
  if (of.is() == kind::term) {
    const auto& what = of.condition().what;
    std::string text;
    if (const auto* same = std::get_if<logdb::query::equals>(&what)) text = same->text;
    if (const auto* words = std::get_if<logdb::query::phrase>(&what)) text = words->text;
    if (!text.empty()) texts.push_back(text);
  } else if (of.is() == kind::all_of || of.is() == kind::any_of) {
    for (const auto& part : of.parts()) add_texts(part, texts);
  }
}

/// Returns an event with each of the texts in bold red where it stands as it is written.
inline std::string highlighted(std::string_view event, const std::vector<std::string>& texts) {
  std::string out;
  while (!event.empty()) {
    const auto found = std::find_if(texts.begin(), texts.end(),
                                    [event](const auto& text) { return event.starts_with(text); });
    const std::size_t bytes = found == texts.end() ? 1 : found->size();
    if (found != texts.end()) out += "\033[1;31m";
    out += event.substr(0, bytes);
    if (found != texts.end()) out += "\033[0m";
    event.remove_prefix(bytes);
  }
  return out;
}

/// Draws a histogram: a line a bucket, its bar in proportion to the largest one.
inline void draw(const logdb::query::answer& of, std::size_t columns = 50) {
  std::vector<std::uint64_t> totals(of.buckets);
  for (const auto& series : of.series) {
    for (std::size_t i = 0; i < of.buckets; ++i) totals[i] += series.counts[i];
  }
  const std::uint64_t most = totals.empty() ? 0 : *std::max_element(totals.begin(), totals.end());
  for (std::size_t i = 0; i < of.buckets; ++i) {
    const auto share = static_cast<double>(totals[i]) / static_cast<double>(most);
    const auto length = static_cast<std::size_t>(share * static_cast<double>(columns) + 0.5);
    std::cout << logdb::query::print_time(of.begin + i * of.width) << ' '
              << std::string(length, '#') << (length == 0 ? "" : " ") << totals[i] << '\n';
  }
}

/// A bar on the standard error, if that is a terminal, of how much of a known size is done.
class progress {
 public:
  explicit progress(std::uint64_t whole) : whole_{::isatty(STDERR_FILENO) == 1 ? whole : 0} {}

  void at(std::uint64_t bytes) {
    if (whole_ == 0) return;
    constexpr std::uint64_t columns = 40;
    const std::uint64_t done = std::min(bytes, whole_) * columns / whole_;
    if (done == shown_) return;
    shown_ = done;
    std::cerr << "\r[" << std::string(done, '#') << std::string(columns - done, ' ') << ']'
              << (done == columns ? "\n" : "") << std::flush;
  }

 private:
  std::uint64_t whole_;  // 0: nothing is shown
  std::uint64_t shown_ = UINT64_MAX;
};

}  // namespace show
