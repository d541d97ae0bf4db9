// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Counts, histograms and figures over the events that a query finds, fed one after another.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/query/compile.hpp>
#include <logdb/query/evaluate/answer.hpp>
#include <logdb/query/evaluate/collect.hpp>
#include <logdb/query/evaluate/figures.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/types.hpp>

namespace logdb::query {

/// How large an answer may become; over one of these it is errc::too_large.
struct aggregate_options {
  std::size_t groups_max = 100'000;   ///< groups of count, top and stats, and series of a histogram
  std::size_t buckets_max = 100'000;  ///< from the first event's to the last one's
  std::size_t cells_max = 4'000'000;  ///< of a histogram: buckets times series
  std::size_t quantile_bytes_max = 256u << 20;  ///< values kept for percentiles and distinct
};

/// The aggregate of a query, over events that it found: without a pipe that is one, their count.
/// @threads  one at a time
class aggregator {
 public:
  explicit aggregator(compiled_query of, const aggregate_options& options = {})
      : query_{std::move(of)},
        options_{options},
        room_{options.quantile_bytes_max},
        collect_{query_.time_fields()} {
    if (!query_.pipes().empty() && query_.pipes().back().aggregates()) {
      pipe_ = query_.pipes().back();
    }
    for (const field_path& path : pipe_.paths) by_.push_back(collect_.add(path));
    for (const figure& one : pipe_.figures) {
      figure_paths_.push_back(one.is == figure::kind::count ? 0 : collect_.add(one.of));
    }
    if (pipe_.is == pipe::kind::histogram) collect_.want_time();
    if (by_.empty()) group_of({});  // there is an answer without an event, too
  }
  aggregator(const aggregator&) = delete;
  aggregator& operator=(const aggregator&) = delete;

  /// Adds an event that the query found. One with several values of a path counts for each once.
  /// @errors  errc::too_large: over one of the options; the answer is of no use then
  void add(std::string_view event, const event_site& site) {
    collect_.read(event, site.appended, site.at);
    std::vector<answer_value> values;
    add_to_groups(values);
  }
  void add(bytes_view event, const event_site& site) { add(as_text(event), site); }

  /// Returns the answer for what was added so far.
  /// @errors  errc::too_large
  [[nodiscard]] answer result() { return pipe_.is == pipe::kind::histogram ? histogram() : rows(); }

 private:
  /// The events with the same values.
  struct group {
    std::vector<answer_value> values{};
    std::uint64_t count = 0;
    std::vector<detail::figure_tally> figures{};
    std::map<std::int64_t, std::uint64_t> buckets{};  // of a histogram, by number from 1970
  };

  /// Adds the event to the groups of each choice of its values, path after path.
  void add_to_groups(std::vector<answer_value>& values) {
    if (values.size() == by_.size()) return add_to(group_of(values));
    std::vector<answer_value> own = collect_.values(by_[values.size()]);
    if (own.empty()) own.emplace_back();
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    for (answer_value& value : own) {
      values.push_back(std::move(value));
      add_to_groups(values);
      values.pop_back();
    }
  }

  group& group_of(const std::vector<answer_value>& values) {
    std::string key;
    for (const answer_value& value : values) detail::add_to_key(key, value);
    const auto found = numbers_.find(key);
    if (found != numbers_.end()) return groups_[found->second];
    if (groups_.size() == options_.groups_max) {
      throw error{errc::too_large,
                  "more groups than groups_max, " + std::to_string(options_.groups_max)};
    }
    group made{.values = values};
    for (const figure& one : pipe_.figures) made.figures.emplace_back(one);
    groups_.push_back(std::move(made));
    numbers_.emplace(std::move(key), groups_.size() - 1);
    return groups_.back();
  }

  void add_to(group& of) {
    ++of.count;
    for (std::size_t i = 0; i < of.figures.size(); ++i) {
      if (pipe_.figures[i].is == figure::kind::count) continue;
      for (const answer_value& value : collect_.values(figure_paths_[i])) {
        of.figures[i].add(value, room_);
      }
    }
    if (pipe_.is == pipe::kind::histogram) add_to_bucket(of);
  }

  void add_to_bucket(group& of) {
    const std::int64_t at = collect_.time().time_since_epoch().count();
    const std::int64_t width = pipe_.width.count();
    const std::int64_t bucket = at / width - (at % width < 0 ? 1 : 0);
    const bool none = first_ > last_;
    first_ = none ? bucket : std::min(first_, bucket);
    last_ = none ? bucket : std::max(last_, bucket);
    check_buckets();
    if (++of.buckets[bucket] == 1 && ++cells_ > options_.cells_max) refuse_cells();
  }

  /// Returns how many buckets lie between the ends, these included.
  [[nodiscard]] std::uint64_t bucket_count() const {
    if (first_ > last_) return 0;
    return static_cast<std::uint64_t>(last_) - static_cast<std::uint64_t>(first_) + 1;
  }

  void check_buckets() const {
    if (bucket_count() <= options_.buckets_max) return;
    throw error{errc::too_large,
                "more buckets than buckets_max, " + std::to_string(options_.buckets_max)};
  }

  [[noreturn]] void refuse_cells() const {
    throw error{errc::too_large,
                "more buckets times series than cells_max, " + std::to_string(options_.cells_max)};
  }

  [[nodiscard]] answer rows() {
    answer made;
    for (group& of : groups_) {
      answer_row row{of.values, of.count, {}};
      for (detail::figure_tally& one : of.figures) row.figures.push_back(one.result(of.count));
      made.rows.push_back(std::move(row));
    }
    std::sort(made.rows.begin(), made.rows.end(), [](const answer_row& a, const answer_row& b) {
      return a.count != b.count ? a.count > b.count : a.values < b.values;
    });
    if (pipe_.is == pipe::kind::top && made.rows.size() > pipe_.most) {
      made.rows.resize(static_cast<std::size_t>(pipe_.most));
    }
    return made;
  }

  [[nodiscard]] answer histogram() const {
    answer made;
    made.width = pipe_.width;
    made.buckets = static_cast<std::size_t>(bucket_count());
    if (made.buckets * groups_.size() > options_.cells_max) refuse_cells();
    if (made.buckets != 0) made.begin = begin_of(first_);
    for (const group& of : groups_) {
      answer_series series{of.values.empty() ? answer_value{} : of.values.front(), {}};
      series.counts.resize(made.buckets);
      for (const auto& [bucket, count] : of.buckets) {
        series.counts[static_cast<std::size_t>(bucket - first_)] = count;
      }
      made.series.push_back(std::move(series));
    }
    std::sort(made.series.begin(), made.series.end(),
              [](const answer_series& a, const answer_series& b) { return a.value < b.value; });
    return made;
  }

  /// Returns when a bucket begins, or the earliest time that 64 bits hold.
  [[nodiscard]] timestamp begin_of(std::int64_t bucket) const {
    std::int64_t begin = 0;
    if (__builtin_mul_overflow(bucket, pipe_.width.count(), &begin)) return timestamp::min();
    return timestamp{std::chrono::nanoseconds{begin}};
  }

  compiled_query query_;
  aggregate_options options_;
  pipe pipe_{};  // count, unless the query has another one
  detail::value_room room_;
  detail::collector collect_;
  std::vector<std::size_t> by_{};            // the numbers of its paths in `collect_`
  std::vector<std::size_t> figure_paths_{};  // those of the figures
  std::vector<group> groups_{};
  std::unordered_map<std::string, std::size_t> numbers_{};  // the index of a group by its key
  std::int64_t first_ = 0;  // the ends of a histogram; first_ > last_: none so far
  std::int64_t last_ = -1;
  std::size_t cells_ = 0;
};

}  // namespace logdb::query
