// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A segment of events and its summary.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <logdb/query/compile.hpp>
#include <logdb/query/summary/build/builder.hpp>
#include <logdb/query/summary/plan/count.hpp>
#include <logdb/query/summary/plan/plan.hpp>

#include "unit/query/asked.hpp"

namespace logdb::test {

/// Events of one segment, an event a frame of 100 bytes, one a second until noon.
class summarised {
 public:
  summarised(std::vector<std::string> events, query::summary_options options)
      : events_{std::move(events)} {
    identity.store[3] = std::byte{7};
    identity.segment = 12;
    identity.salt = 34;
    identity.end_offset = 100 * events_.size();
    query::summary_builder builder{identity, options};
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const timestamp time = site(i).appended;
      builder.add({.offset = 100 * i,
                   .at = site(i).at,
                   .frame_time = time,
                   .appended = time,
                   .text = events_[i]});
    }
    identity.options = query::options_hash(options);
    if (auto made = builder.finish()) bytes = *std::move(made);
  }

  [[nodiscard]] const std::vector<std::string>& events() const { return events_; }

  [[nodiscard]] query::event_site site(std::size_t event) const {
    const auto before = std::chrono::seconds{events_.size() - event};
    return {.appended = noon() - before, .at = lsn{event + 5}, .now = noon()};
  }

  /// Opens the summary; none for damage.
  [[nodiscard]] std::optional<query::summary_view> view() const {
    return query::summary_view::open(bytes, identity);
  }

  /// Returns the numbers of the blocks, from 0, that a query reads: "0 3"; "all" for damage.
  [[nodiscard]] std::string blocks(std::string_view text,
                                   query::plan_counts* counts = nullptr) const {
    const auto opened = view();
    if (!opened) return "no summary";
    const auto found = query::plan_blocks(*opened, query::compile(text).where(), noon(), counts);
    if (!found) return "all";
    std::string numbers;
    for (std::size_t i = 0; i < found->blocks(); ++i) {
      if (found->has(i)) numbers += (numbers.empty() ? "" : " ") + std::to_string(i);
    }
    return numbers;
  }

  query::summary_identity identity{};
  std::vector<std::byte> bytes{};

 private:
  std::vector<std::string> events_;
};

/// Returns the first match of a query that stands in a block which a plan leaves out.
inline std::optional<std::string> missed_match(const summarised& segment,
                                               const query::compiled_query& asked,
                                               const query::summary_view& view,
                                               const query::block_set& plan) {
  std::size_t event = 0;
  for (std::size_t block = 0; block < view.blocks(); ++block) {
    const std::size_t end = event + view.block(block).records;
    for (; event < end; ++event) {
      const std::string& text = segment.events()[event];
      if (!plan.has(block) && asked.matches(text, segment.site(event))) return text;
    }
  }
  return std::nullopt;
}

/// Returns how many matches stand in the blocks that one plan has and another one has not.
inline std::uint64_t matches_between(const summarised& segment, const query::compiled_query& asked,
                                     const query::summary_view& view, const query::block_set& in,
                                     const query::block_set& out) {
  std::uint64_t found = 0;
  std::size_t event = 0;
  for (std::size_t block = 0; block < view.blocks(); ++block) {
    const std::size_t end = event + view.block(block).records;
    for (; event < end; ++event) {
      if (!in.has(block) || out.has(block)) continue;
      found += asked.matches(segment.events()[event], segment.site(event)) ? 1 : 0;
    }
  }
  return found;
}

}  // namespace logdb::test
