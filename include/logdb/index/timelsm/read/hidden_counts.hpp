// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Counts rows where many deletions are kept: by sums over the fragments of the map.

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/read/walk.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::timelsm {

/// Calls f with each sequence of a tree.
template <class V, class F>
void each_sealed(const tree<V>& of, F f) {
  const auto all = [](const sorted_run<V>& one) {
    return slices<V>{one.data(), one.data() + one.size()};
  };
  f(all(of.l1));
  for (const auto& one : of.l0) f(all(one));
}

/// Counts the rows of a sequence in bounds, hidden or not.
template <class V>
std::size_t count_all(const slices<V>& all, const bounds& in) {
  const auto some = all.within(in);
  std::size_t rows = 0;
  for (const slice<V>* one = some.first; one != some.last; ++one) rows += one->size;
  if (some.empty()) return 0;
  return rows - some.first->below(in.first) - (some.last[-1].size - some.last[-1].up_to(in.last));
}

/// Counts the rows of L1 in bounds, hidden or not, by the numbers known of whole partitions.
template <class V>
std::size_t count_l1(const tree<V>& of, const bounds& in) {
  const slices<V> all{of.l1.data(), of.l1.data() + of.l1.size()};
  const auto some = all.within(in);
  if (some.empty()) return 0;
  const slice<V>& back = some.last[-1];
  const std::size_t begin = of.l1_rows[static_cast<std::size_t>(some.first - all.first)];
  const std::size_t end = of.l1_rows[static_cast<std::size_t>(some.last - all.first) - 1];
  return end + back.up_to(in.last) - (begin + some.first->below(in.first));
}

/// Counts the visible rows of a sequence in bounds, by a walk over its stretches.
template <class V>
std::size_t count_walking(const slices<V>& all, const bounds& in, const cover& hidden) {
  std::size_t rows = 0;
  for (forward_sequence<V> at{all, in, hidden}; !at.done();) rows += at.take(at.stop()).size;
  return rows;
}

/// Counts the visible rows of a sequence in bounds.
template <class V>
std::size_t count_visible(const slices<V>& all, const bounds& in, const cover& hidden) {
  std::size_t rows = 0;
  const auto some = all.within(in);
  for (const slice<V>* one = some.first; one != some.last; ++one) {
    const bool whole = one->first >= in.first && one->last <= in.last;
    const auto known = whole ? visible_at_once(*one, hidden) : std::nullopt;
    rows += known ? *known : count_walking(slices<V>{one, one + 1}, in, hidden);
  }
  return rows;
}

/// Knows of a tree and a map how many rows the fragments hide: a sum before each of them. Made when
/// as many fragments have been looked at one by one as there are, so that it pays whatever is
/// asked.
///
/// @threads  any; nobody waits
template <class V>
class hidden_counts {
 public:
  hidden_counts(std::shared_ptr<const tree<V>> sealed, tombstones_ptr deleted)
      : sealed_{std::move(sealed)}, deleted_{std::move(deleted)} {}

  /// Counts the rows of the tree that the map leaves visible; `recent` hides nothing here.
  [[nodiscard]] std::size_t count(const bounds& in) {
    const std::size_t first = deleted_->index_of(deleted_->from(in.first));
    const std::size_t last = deleted_->index_after(in.last);
    if (last <= first + few || !is_ready(last - first)) return count_each(in);
    // The first and the last of them may reach beyond the bounds.
    const std::uint64_t inside = before_[last - 1] - before_[first + 1];
    std::size_t rows = count_l1(*sealed_, in);
    for (const auto& one : sealed_->l0) rows += count_all(whole(one), in);
    return rows - inside - hidden_by(*deleted_->from(in.first), in) -
           hidden_by(*deleted_->until(in.last), in);
  }

 private:
  static constexpr std::size_t few = 32;

  static slices<V> whole(const sorted_run<V>& one) { return {one.data(), one.data() + one.size()}; }

  [[nodiscard]] std::size_t count_each(const bounds& in) const {
    const cover hidden{deleted_, {}, in};
    std::size_t rows = 0;
    each_sealed(*sealed_, [&](const auto& one) { rows += count_visible(one, in, hidden); });
    return rows;
  }

  /// Counts the rows in bounds that a fragment of the map hides.
  [[nodiscard]] std::uint64_t hidden_by(const fragment& by, const bounds& in) const {
    const bounds both{std::max(by.first, in.first), std::min(by.last, in.last)};
    std::uint64_t rows = 0;
    each_sealed(*sealed_, [&](const slices<V>& all) {
      const auto some = all.within(both);
      for (const slice<V>* one = some.first; one != some.last; ++one) {
        if (one->applied < by.deletion) rows += one->up_to(both.last) - one->below(both.first);
      }
    });
    return rows;
  }

  bool is_ready(std::size_t asked) {
    if (ready_.load(std::memory_order_acquire)) return true;  // pairs with the release in make()
    const std::size_t spent = spent_.fetch_add(asked, std::memory_order_relaxed) + asked;
    return spent >= deleted_->size() && make();
  }

  bool make() {
    const platform::scoped_lock lock{mutex_, std::try_to_lock};
    if (!lock.owns_lock()) return false;
    if (ready_.load(std::memory_order_relaxed)) return true;
    before_.reserve(deleted_->size() + 1);
    before_.assign(1, 0);
    deleted_->each(
        [this](const fragment& one) { before_.push_back(before_.back() + hidden_by(one, {})); });
    ready_.store(true, std::memory_order_release);  // pairs with the acquire in is_ready()
    return true;
  }

  std::shared_ptr<const tree<V>> sealed_;
  tombstones_ptr deleted_;
  platform::atomic<std::size_t> spent_ = 0;
  platform::atomic<bool> ready_ = false;
  platform::mutex mutex_;
  std::vector<std::uint64_t> before_;  // constant once ready_
};

/// Counts the rows of a tree that a view sees in bounds.
///
/// The newest deletions, which are not in the map yet, are few: in what they cover both is counted,
/// with them and without.
template <class V>
std::size_t count_sealed(const view<V>& seen, const bounds& in, const cover& hidden) {
  const tree<V>& of = *seen.at->sealed;
  std::size_t rows = seen.at->counted->count(in);
  const cover by_map{seen.at->deleted, {}, in};
  for (const fragment& one : hidden.recent()) {
    const bounds both{std::max(one.first, in.first), std::min(one.last, in.last)};
    if (both.empty()) continue;  // a part of a deletion that reaches into the bounds elsewhere
    each_sealed(of, [&](const slices<V>& all) {
      rows -= count_visible(all, both, by_map) - count_visible(all, both, hidden);
    });
  }
  return rows;
}

}  // namespace logdb::timelsm
