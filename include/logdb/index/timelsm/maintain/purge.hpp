// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Removes from a tree what deletions hide, and tells which deletions still hide something.

#include <algorithm>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/maintain/gather.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// Goes over the slices of a tree: those without hidden rows only learn that they have none, those
/// that are hidden whole go, and of the others those that lost half, or all of them if asked, are
/// rewritten, up to a number of rows.
template <class V>
class purger {
 public:
  purger(const view<V>& now, heap_ptr memory, drops<V>& gone, bool all, const amount& most)
      : now_{now},
        hidden_{now.hidden({})},
        memory_{std::move(memory)},
        gone_{gone},
        all_{all},
        most_{most} {}

  /// Returns the tree without them; a run of L0 may have become empty.
  [[nodiscard]] tree<V> run(const amount& partition) {
    tree<V> made;
    const tree<V>& before = *now_.at->sealed;
    made.l1 = purged(before.l1, partition);
    for (const auto& one : before.l0) made.l0.push_back(purged(one, partition));
    made.count();
    return made;
  }

  [[nodiscard]] bool has_changed() const { return changed_; }
  /// Tells whether it saw every slice, and did not stop because it had done enough.
  [[nodiscard]] bool is_through() const { return through_; }
  [[nodiscard]] std::size_t rows_rewritten() const { return rewritten_.rows; }

 private:
  sorted_run<V> purged(const sorted_run<V>& slices, const amount& partition) {
    sorted_run<V> made;
    for (const auto& one : slices) {
      made.push_back(one);
      if (one.applied < now_.deletions()) look_into(made, partition);
    }
    return made;
  }

  void look_into(sorted_run<V>& made, const amount& partition) {
    slice<V>& one = made.back();
    const std::size_t visible = count_visible(one);
    if (visible == one.size) {
      one.applied = now_.deletions();
      changed_ = true;
    } else if (visible == 0 || all_ || 2 * visible <= one.size) {
      if (visible != 0 && is_enough()) return void(through_ = false);
      rewrite(made, partition);
    }
  }

  void rewrite(sorted_run<V>& made, const amount& partition) {
    const slice<V> old = std::move(made.back());
    made.pop_back();
    gatherer<V> some{memory_, hidden_, gone_};
    some.add({&old, &old + 1}, {});
    rewritten_ += old.amount_of(some.rows());
    if (some.rows() != 0) {
      for (auto& each : some.merge(partition, now_.deletions())) made.push_back(std::move(each));
    }
    changed_ = true;
  }

  [[nodiscard]] bool is_enough() const {
    return rewritten_.rows >= most_.rows || rewritten_.bytes >= most_.bytes;
  }

  [[nodiscard]] std::size_t count_visible(const slice<V>& one) const {
    if (const auto known = visible_at_once(one, hidden_)) return *known;
    std::size_t rows = 0;
    const bounds in{one.first, one.last};
    for (forward_sequence<V> at{{&one, &one + 1}, in, hidden_}; !at.done();) {
      rows += at.take(at.stop()).size;
    }
    return rows;
  }

  const view<V>& now_;
  cover hidden_;
  heap_ptr memory_;
  drops<V>& gone_;
  bool all_;
  amount most_;  // to rewrite
  amount rewritten_;
  bool changed_ = false;
  bool through_ = true;
};

/// Tells whether a deletion was not carried out in some slice of a sequence that it reaches.
template <class V>
bool may_hide(const fragment& by, const slices<V>& all) {
  const auto some = all.within({by.first, by.last});
  return std::any_of(some.first, some.last,
                     [&by](const slice<V>& one) { return one.applied < by.deletion; });
}

/// Returns the fragments of the map that may still hide a row of a view.
template <class V>
fragments still_hiding(const view<V>& now) {
  const version<V>& at = *now.at;
  const slice<V> open = at.growing->open_piece(now.seen);
  std::vector<slices<V>> all;
  const auto see = [&all](const sorted_run<V>& one) {
    all.push_back({one.data(), one.data() + one.size()});
  };
  const auto see_table = [&](const memtable<V>& table) {
    see(table.pieces);
    for (const auto& one : table.chunks) all.push_back({&one, &one + 1});
  };
  see(at.sealed->l1);
  for (const auto& one : at.sealed->l0) see(one);
  for (const auto& one : at.frozen) see_table(*one);
  see_table(*at.active);
  if (open.size != 0) all.push_back({&open, &open + 1});
  const auto hides_late = [&](const fragment& by) {
    for (std::size_t i = 0; i < now.seen.late; ++i) {
      const time_type time = at.growing->late_times[i];
      if (by.first <= time && time <= by.last && at.growing->late_applied[i] < by.deletion) {
        return true;
      }
    }
    return false;
  };
  fragments left;
  at.deleted->each([&](const fragment& one) {
    const auto reaches = [&one](const slices<V>& some) { return may_hide(one, some); };
    if (light::any_of(all, reaches) || hides_late(one)) left.push_back(one);
  });
  return left;
}

}  // namespace logdb::timelsm
