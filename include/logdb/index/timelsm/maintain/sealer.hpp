// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Seals frozen memtables.

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include <logdb/index/timelsm/maintain/publisher.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// Makes runs of memtables: what of one lies behind everything else becomes a partition of L1,
/// uncopied if it came in order; the rest a run of L0, or is merged at once where it reaches into
/// little.
///
/// @threads  one at a time: that which maintains
template <class V, class System>
class sealer {
 public:
  using core_type = core<V, System>;
  using publisher_type = tree_publisher<V, System>;

  sealer(core_type& shared, publisher_type& publisher) : core_{shared}, publisher_{publisher} {}

  /// Seals the oldest frozen memtable; returns whether there was one, and room for it in L0.
  bool seal() {
    const view<V> now = core_.snapshot();
    const tree<V>& before = *now.at->sealed;
    if (now.at->frozen.empty() || before.l0.size() >= core_.options.l0_runs_max) return false;
    if (core_.signals.to_mark.load(std::memory_order_relaxed) == 0)
      return false;  // what is marked is all
    const memtable<V>& table = *now.at->frozen.front();
    drops<V> gone = publisher_.no_drops();
    auto made = std::make_shared<tree<V>>(before);
    if (const auto end = last_time(before)) {
      auto late = take(table, now, {time_first, *end}, gone);
      if (*end != time_last) promote(*made, take(table, now, {*end + 1, time_last}, gone));
      if (!late.empty()) made->l0.push_back(std::move(late));
    } else {
      promote(*made, take(table, now, {}, gone));
    }
    made->count();
    core_.counted.rows_sealed.fetch_add(table.rows(), std::memory_order_relaxed);
    core_.counted.seals.fetch_add(1, std::memory_order_relaxed);
    if (before.l0.empty() && made->l0.size() == 1) merge_little(*made, now, gone);
    publisher_.publish(std::move(made), true);
    publisher_.deliver(std::move(gone));
    return true;
  }

 private:
  [[nodiscard]] const amount& partition() const { return core_.limits.partition; }

  /// Returns the last time of the tree; none when it is empty.
  static std::optional<time_type> last_time(const tree<V>& of) {
    std::optional<time_type> last;
    const auto see = [&last](const sorted_run<V>& one) {
      if (!one.empty()) last = std::max(last.value_or(time_first), one.back().last);
    };
    see(of.l1);
    for (const auto& one : of.l0) see(one);
    return last;
  }

  /// Merges what a memtable has in bounds, or takes it as it is.
  sorted_run<V> take(const memtable<V>& table, const view<V>& now, const bounds& in,
                     drops<V>& gone) {
    const cover hidden = now.hidden(in);
    gatherer<V> some{core_.memory, hidden, gone};
    some.add(all_of(table.pieces), in);
    for (const auto& one : table.chunks) some.add({&one, &one + 1}, in);
    if (const slice<V>* const whole = some.whole()) return divide(*whole, now.deletions());
    return publisher_.merge(some, now);
  }

  sorted_run<V> divide(slice<V> whole, std::uint64_t applied) const {
    whole.applied = applied;
    whole.owner->make_fences(static_cast<std::size_t>(whole.end() - whole.owner->times()));
    whole.find_fences();
    sorted_run<V> parts;
    for (std::size_t at = 0, end = 0; at < whole.size; at = end) {
      const std::size_t most = std::min(whole.size - at, partition().rows);
      end = at + fitting(whole.values + at, most, partition().bytes);
      parts.push_back(whole.part(at, end));
    }
    return parts;
  }

  static void promote(tree<V>& made, sorted_run<V> rows) {
    for (auto& each : rows) made.l1.push_back(std::move(each));
  }

  /// Merges a run of L0 at once that reaches into the end of L1 only.
  void merge_little(tree<V>& made, const view<V>& now, drops<V>& gone) {
    const sorted_run<V>& late = made.l0.front();
    const bounds window{late.front().first, late.back().last};
    amount all = amount_up_to(late, time_last);
    const auto reached = all_of(made.l1).within(window);
    for (const auto* one = reached.first; one != reached.last; ++one) {
      all += one->amount_of(one->up_to(window.last) - one->below(window.first));
    }
    if (!all.within(partition().part(16))) return;
    auto spliced = splice(made, 1, window, now, core_.memory, partition(), gone);
    core_.counted.rows_rewritten.fetch_add(spliced.rows, std::memory_order_relaxed);
    light::erase_if(spliced.made.l0, [](const auto& one) { return one.empty(); });
    made = std::move(spliced.made);
  }

  core_type& core_;
  publisher_type& publisher_;
};

}  // namespace logdb::timelsm
