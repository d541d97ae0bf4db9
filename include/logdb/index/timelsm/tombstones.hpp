// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `tombstones`, an immutable map from times to the newest deletion of each, and `cover`, what it
/// hides from whom.

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <boost/container/small_vector.hpp>

#include <logdb/index/timelsm/columns/rows.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// Says that a deletion hides what was inserted before it in a closed range of times.
struct fragment {
  time_type first = 0;
  time_type last = 0;
  std::uint64_t deletion = 0;  // their number, from 1
};

/// Fragments by time, disjoint.
using fragments = std::vector<fragment>;

/// Puts newer fragments over older ones: what both cover is the newer's.
inline fragments overlay(std::span<const fragment> older, std::span<const fragment> newer) {
  fragments out;
  out.reserve(older.size() + 2 * newer.size());
  std::size_t at = 0;
  time_type from = time_first;  // the part of older[at] that is left begins here or later
  for (const fragment& over : newer) {
    for (; at < older.size() && older[at].first < over.first; ++at) {
      const time_type begin = std::max(from, older[at].first);
      if (begin < over.first && begin <= older[at].last) {
        out.push_back({begin, std::min(older[at].last, over.first - 1), older[at].deletion});
      }
      if (older[at].last >= over.first) break;
    }
    while (at < older.size() && older[at].last <= over.last) ++at;
    out.push_back(over);
    if (over.last == time_last) return out;
    from = over.last + 1;
  }
  for (; at < older.size(); ++at) {
    out.push_back({std::max(from, older[at].first), older[at].last, older[at].deletion});
  }
  return out;
}

/// Makes disjoint fragments of a few deletions, the newest last.
inline fragments disjoint(std::span<const fragment> deletions) {
  fragments sorted{deletions.begin(), deletions.end()};
  light::sort(sorted, &fragment::first);
  const auto overlaps = [](const fragment& a, const fragment& b) { return a.last >= b.first; };
  if (!light::any_neighbours(sorted, overlaps)) return sorted;
  sorted.clear();
  for (const fragment& one : deletions) sorted = overlay(sorted, {&one, 1});
  return sorted;
}

/// Maps times to the newest deletion of each. Immutable: what two maps have in common they share.
///
/// @threads  any
/// @cost     lookup O(log n); with(k deletions) O(n / 64 + k * 64)
class tombstones {
 public:
  tombstones() = default;
  /// Takes disjoint fragments, sorted.
  explicit tombstones(std::span<const fragment> all) { append(all); }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// Returns the map with some newer deletions, disjoint and sorted.
  [[nodiscard]] tombstones with(std::span<const fragment> newer) const {
    tombstones made;
    made.pages_.reserve(pages_.size() + 1);
    fragments touched;
    const fragment* next = newer.data();
    const fragment* const end = next + newer.size();
    for (std::size_t i = 0; i < pages_.size(); ++i) {
      const time_type last = domain_last(i);
      if (next == end || next->first > last) {
        made.share(pages_[i]);
        continue;
      }
      // Up to the first page that no new fragment reaches.
      const fragment* const begin = next;
      touched.clear();
      for (;; ++i) {
        touched.insert(touched.end(), pages_[i].all->begin(), pages_[i].all->end());
        while (next != end && next->first <= domain_last(i)) ++next;
        const bool on = (next - 1)->last > domain_last(i) ||
                        (next != end && i + 1 < pages_.size() && next->first <= domain_last(i + 1));
        if (!on || i + 1 == pages_.size()) break;
      }
      made.append(overlay(touched, {begin, next}));
    }
    made.append({next, end});
    return made;
  }

  /// Returns the map with newer deletions, each carried out behind the one before.
  /// @param last  the number of the last one that is older
  /// @cost        O(deletions * 64), and for each 64 of them a page for each 64 that there are
  [[nodiscard]] tombstones with_each(std::span<const bounds> newer, std::uint64_t last) const {
    tombstones made = *this;
    while (!newer.empty()) {
      const auto some = newer.first(std::min(newer.size(), page_size));
      newer = newer.subspan(some.size());
      fragments newest;
      for (const bounds& each : some) newest.push_back({each.first, each.last, ++last});
      made = made.with(disjoint(newest));
    }
    return made;
  }

  /// Walks the fragments in the order of time, either way.
  class place {
   public:
    place() = default;
    [[nodiscard]] bool valid() const { return page_ < map_->pages_.size(); }
    const fragment& operator*() const { return (*map_->pages_[page_].all)[at_]; }
    const fragment* operator->() const { return &**this; }
    void next() {
      if (++at_ != map_->pages_[page_].all->size()) return;
      at_ = 0;
      ++page_;
    }
    void previous() {
      if (at_ != 0) return void(--at_);
      --page_;  // wraps around at the front: then it is not valid
      if (valid()) at_ = map_->pages_[page_].all->size() - 1;
    }

   private:
    friend class tombstones;
    place(const tombstones& map, std::size_t of_page, std::size_t at)
        : map_{&map}, page_{of_page}, at_{at} {}

    const tombstones* map_ = nullptr;
    std::size_t page_ = 0;
    std::size_t at_ = 0;
  };

  /// Returns the first fragment that ends at a time or later; not valid when there is none.
  [[nodiscard]] place from(time_type time) const {
    const auto past = light::upper_bound(pages_, time, &page::first);
    if (past == pages_.begin()) return {*this, 0, 0};
    const auto at = static_cast<std::size_t>(past - pages_.begin()) - 1;
    const fragments& all = *pages_[at].all;
    const auto found = light::lower_bound(all, time, &fragment::last);
    if (found == all.end()) return {*this, at + 1, 0};
    return {*this, at, static_cast<std::size_t>(found - all.begin())};
  }

  /// Returns the last fragment that begins at a time or before; not valid when there is none.
  [[nodiscard]] place until(time_type time) const {
    const auto past = light::upper_bound(pages_, time, &page::first);
    if (past == pages_.begin()) return {*this, pages_.size(), 0};
    const auto at = static_cast<std::size_t>(past - pages_.begin()) - 1;
    const fragments& all = *pages_[at].all;
    const auto found = light::upper_bound(all, time, &fragment::first);
    return {*this, at, static_cast<std::size_t>(found - all.begin()) - 1};
  }

  /// Returns how many fragments lie before a place; all of them when it is not valid.
  [[nodiscard]] std::size_t index_of(const place& at) const {
    return at.valid() ? pages_[at.page_].before + at.at_ : size_;
  }
  /// Returns how many begin at a time or before.
  [[nodiscard]] std::size_t index_after(time_type time) const {
    const place last = until(time);
    return last.valid() ? index_of(last) + 1 : 0;
  }

  /// Moves a place on to from(time); one that was never set goes straight there.
  void advance(place& at, time_type time) const {
    for (int step = 0; at.map_ == this && step < few; ++step, at.next()) {
      if (!at.valid() || at->last >= time) return;
    }
    at = from(time);
  }
  /// Moves a place back to until(time).
  void retreat(place& at, time_type time) const {
    for (int step = 0; at.map_ == this && step < few; ++step, at.previous()) {
      if (!at.valid() || at->first <= time) return;
    }
    at = until(time);
  }

  /// Calls f for each fragment.
  template <class F>
  void each(F f) const {
    for (const page& one : pages_) {
      for (const fragment& each : *one.all) f(each);
    }
  }

 private:
  static constexpr std::size_t page_size = 64;
  static constexpr int few = 4;  // steps, before a search is shorter

  struct page {
    time_type first = 0;  // of its first fragment
    std::shared_ptr<const fragments> all{};
    std::size_t before = 0;  // fragments in the pages before
  };

  /// Returns the last time that belongs to a page: just before the next one begins.
  [[nodiscard]] time_type domain_last(std::size_t at) const {
    return at + 1 == pages_.size() ? time_last : pages_[at + 1].first - 1;
  }

  void share(const page& one) {
    pages_.push_back(one);
    pages_.back().before = size_;
    size_ += one.all->size();
  }

  void append(std::span<const fragment> all) {
    while (!all.empty()) {
      const std::size_t n = all.size() < 2 * page_size ? all.size() : page_size;
      pages_.push_back(
          {all.front().first, std::make_shared<const fragments>(
                                  all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n))});
      pages_.back().before = size_;
      size_ += n;
      all = all.subspan(n);
    }
  }

  std::vector<page> pages_;  // by first; none is empty
  std::size_t size_ = 0;
};

using tombstones_ptr = std::shared_ptr<const tombstones>;

/// Says that from one time on, up to a bound, rows are hidden or are not.
struct stretch {
  bool hidden = false;
  time_type bound = 0;  // inclusive; at least so far
};

/// What deletions hide within bounds, as a snapshot sees it: a map and a few newer deletions.
class cover {
 public:
  cover() = default;

  /// @param recent  deletions that the map does not have yet, the newest last
  cover(tombstones_ptr map, std::span<const fragment> recent, const bounds& in)
      : map_{std::move(map)} {
    newest_in_map(in);
    boost::container::small_vector<fragment, 8> near;
    for (const fragment& one : recent) {
      if (one.first <= in.last && one.last >= in.first) near.push_back(one);
    }
    if (near.empty()) return;
    const auto made = disjoint({near.data(), near.size()});
    recent_.assign(made.begin(), made.end());
    newest_ = near.back().deletion;
  }

  /// Tells whether anything here may hide rows of a slice.
  [[nodiscard]] bool applies(std::uint64_t applied) const { return newest_ > applied; }

  /// Looks from a time upwards, no further than `last`.
  ///
  /// @param hint  where an earlier look with a lower time ended; moves on
  [[nodiscard]] stretch up(time_type time, std::uint64_t applied, time_type last,
                           tombstones::place& hint) const {
    stretch now{false, last};
    if (has_map_) {
      map_->advance(hint, time);
      for (auto at = hint; at.valid() && at->first <= last; at.next()) {
        if (see_up(*at, time, applied, now)) break;
      }
    }
    if (now.hidden) return now;
    for (const fragment& one : recent_) {
      if (one.last >= time && one.first <= now.bound && see_up(one, time, applied, now)) break;
    }
    return now;
  }
  [[nodiscard]] stretch up(time_type time, std::uint64_t applied, time_type last) const {
    tombstones::place none;
    return up(time, applied, last, none);
  }

  /// Looks from a time downwards, no further than `first`.
  ///
  /// @param hint  where an earlier look with a higher time ended; moves on
  [[nodiscard]] stretch down(time_type time, std::uint64_t applied, time_type first,
                             tombstones::place& hint) const {
    stretch now{false, first};
    if (has_map_) {
      map_->retreat(hint, time);
      for (auto at = hint; at.valid() && at->last >= first; at.previous()) {
        if (see_down(*at, time, applied, now)) break;
      }
    }
    if (now.hidden) return now;
    for (auto at = recent_.rbegin(); at != recent_.rend(); ++at) {
      if (at->first <= time && at->last >= now.bound && see_down(*at, time, applied, now)) break;
    }
    return now;
  }
  [[nodiscard]] stretch down(time_type time, std::uint64_t applied, time_type first) const {
    tombstones::place none;
    return down(time, applied, first, none);
  }

  /// Returns the deletions that reach into the bounds and that the map does not have, in disjoint
  /// parts, sorted.
  [[nodiscard]] std::span<const fragment> recent() const {
    return {recent_.data(), recent_.size()};
  }

  [[nodiscard]] bool hides(time_type time, std::uint64_t applied) const {
    return applies(applied) && up(time, applied, time).hidden;
  }

 private:
  static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

  /// The map is looked at only where it has something in the bounds.
  void newest_in_map(const bounds& in) {
    if (map_ == nullptr || map_->empty()) return;
    const auto at = map_->from(in.first);
    has_map_ = at.valid() && at->first <= in.last;
    if (has_map_) newest_ = unknown;
  }

  /// Returns whether the fragment decides.
  static bool see_up(const fragment& one, time_type time, std::uint64_t applied, stretch& now) {
    if (one.deletion <= applied) return false;
    if (one.first <= time) {
      now = {true, one.last};
    } else {
      now.bound = std::min(now.bound, one.first - 1);
    }
    return true;
  }
  static bool see_down(const fragment& one, time_type time, std::uint64_t applied, stretch& now) {
    if (one.deletion <= applied) return false;
    if (one.last >= time) {
      now = {true, one.first};
    } else {
      now.bound = std::max(now.bound, one.last + 1);
    }
    return true;
  }

  tombstones_ptr map_;
  boost::container::small_vector<fragment, 4> recent_;  // disjoint, sorted
  std::uint64_t newest_ = 0;
  bool has_map_ = false;
};

}  // namespace logdb::timelsm
