// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Checks everything that must hold of a time index.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/options.hpp>
#include <logdb/index/timelsm/read/query.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// Looks at every row and every deletion of a view.
template <class V>
class validator {
 public:
  validator(view<V> seen, const timelsm_options<V>& options, const size_limits& limits)
      : seen_{std::move(seen)}, options_{options}, limits_{limits} {}

  /// Returns what does not hold, in words.
  [[nodiscard]] std::vector<std::string> run() {
    const version<V>& at = *seen_.at;
    check_sequence(at.sealed->l1, "L1");
    for (const auto& one : at.sealed->l0) check_sequence(one, "a run of L0");
    for (const auto& one : at.frozen) check_table(*one);
    check_table(*at.active);
    check_limits();
    check_tombstones();
    check_counts();
    return std::move(faults_);
  }

 private:
  void require(bool holds, const std::string& what) {
    if (!holds) faults_.push_back(what);
  }

  void check_slice(const slice<V>& kept, const std::string& where) {
    const slice<V> one = kept.in_memory();
    require(one.size != 0, where + " has an empty slice");
    if (one.size == 0) return;
    require(std::is_sorted(one.begin(), one.end()), where + " is not sorted");
    require(one.first == one.begin()[0] && one.last == one.end()[-1], where + " has wrong bounds");
    require(one.applied <= seen_.deletions(), where + " knows a deletion to come");
    require(one.owner != nullptr, where + " does not keep its rows");
  }

  void check_sequence(const sorted_run<V>& slices, const std::string& where) {
    for (const auto& one : slices) check_slice(one, where);
    const auto is_behind = [](const auto& a, const auto& b) { return a.last > b.first; };
    require(!light::any_neighbours(slices, is_behind), where + " overlaps");
  }

  void check_table(const memtable<V>& table) {
    check_sequence(table.pieces, "an in-order run");
    for (const auto& one : table.chunks) check_slice(one, "a chunk of late rows");
  }

  void check_limits() {
    const tree<V>& sealed = *seen_.at->sealed;
    require(sealed.l0.size() <= options_.l0_runs_max, "L0 is above its limit");
    for (const auto& one : sealed.l0) require(!one.empty(), "L0 has an empty run");
    const auto too_large = [this](const auto& one) { return one.size > limits_.partition.rows; };
    require(light::none_of(sealed.l1, too_large), "a partition is too large");
    require(sealed.l1_rows.back() == rows_of(sealed.l1), "L1 is counted wrongly");
    require(seen_.seen.late <= head<V>::late_max, "too many late rows are not sorted");
  }

  void check_tombstones() {
    const fragment* before = nullptr;
    std::size_t count = 0;
    seen_.at->deleted->each([&](const fragment& one) {
      require(one.first <= one.last, "a tombstone is inverted");
      require(before == nullptr || before->last < one.first, "tombstones overlap");
      require(one.deletion <= seen_.at->growing->deletions, "a tombstone is from the future");
      before = &one;
      ++count;
    });
    require(count == seen_.at->deleted->size(), "tombstones are counted wrongly");
  }

  void check_counts() {
    const query<V> all{seen_, {}};
    std::size_t forward = 0;
    time_type last = time_first;
    auto up = all.template walk<forward_walk<V>>();
    for (auto rows = up.next(); rows.size != 0; rows = up.next()) {
      require(rows.times[0] >= last, "a scan goes back");
      last = rows.times[rows.size - 1];
      forward += rows.size;
    }
    std::size_t backward = 0;
    auto down = all.template walk<backward_walk<V>>();
    for (auto rows = down.next(); rows.size != 0; rows = down.next()) backward += rows.size;
    require(forward == all.count(), "a count disagrees with a scan");
    require(forward == backward, "a scan back disagrees with a scan");
  }

  view<V> seen_;
  const timelsm_options<V>& options_;
  size_limits limits_;
  std::vector<std::string> faults_;
};

}  // namespace logdb::timelsm
