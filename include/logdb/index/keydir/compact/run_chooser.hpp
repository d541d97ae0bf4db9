// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which segments of a key-value log are worth a compaction: how much of each is used.

#include <algorithm>
#include <chrono>
#include <optional>

#include <logdb/index/keydir/compact/compaction_judge.hpp>
#include <logdb/light.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// Some segments of a list that follow one another: [first, end).
struct segment_run {
  std::size_t first = 0;
  std::size_t end = 0;
};

/// Chooses the runs of segments of which so much can go that a compaction is worth it.
///
/// Of a segment that was judged it is known to the byte what can go, of another one it is an
/// estimate: the judge has the last word before anything is written.
/// @threads  one at a time
template <class Policies>
class run_chooser {
 public:
  using store_type = key_store<Policies>;

  explicit run_chooser(store_type& store) : store_{store} {}

  /// Looks what every snapshot has reached, and log time: what waits for more cannot go.
  void look() {
    const held_moment held = lowest_held(store_);
    reached_ = {held.at, std::min(held.time, store_.view().clock())};
  }

  /// Returns the first segments from an lsn on that are to be compacted together.
  /// @param is_unsure  more may be dead than was counted
  [[nodiscard]] std::optional<segment_run> find_run(const segment_list<Policies>& list, lsn from,
                                                    double ratio, bool is_unsure) {
    for (std::size_t n = 0; n < list.log.size(); ++n) {
      if (!is_sealed(*list.log[n]) || list.log[n]->base() < from) continue;
      const bool is_told = !is_unsure && !store_.space().of(list.log[n]).is_doubtful();
      if (is_told && !is_wasteful(list, n, ratio)) continue;
      const std::size_t end = extend(list, n, ratio);
      return segment_run{reach_back(list, n), end};
    }
    return std::nullopt;
  }

  /// Tells whether a segment of a run is wasteful.
  [[nodiscard]] bool has_wasteful(const segment_list<Policies>& list, const segment_run& of,
                                  double ratio) {
    for (std::size_t n = of.first; n < of.end; ++n) {
      if (is_wasteful(list, n, ratio)) return true;
    }
    return false;
  }

  /// Tells whether what is attached to the active segment would fill one, and is wasteful.
  [[nodiscard]] bool is_attached_wasteful(const segment_list<Policies>& list, double ratio) {
    const auto active =
        light::find_if(list.log, [](const auto& each) { return each->base() && !each->end(); });
    if (active == list.log.end()) return false;
    use found;
    for (const auto& own : list.attached) {
      if (own->base() >= (*active)->base()) add_use(list, own, found);
    }
    return found.bytes >= store_.view().options().segment_bytes && is_wasteful(found, ratio);
  }

  /// Returns how long it takes until something more has expired that was judged, or all of some
  /// segment that was not.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> until_expiry() {
    std::optional<std::chrono::nanoseconds> first;
    const timestamp now = store_.view().clock();
    const auto list = store_.view().list();
    for (const auto& each : list->log) {
      if (!is_sealed(*each)) continue;
      const auto next = next_expiry(each, now);
      if (next) first = first ? std::min(*first, *next - now) : *next - now;
    }
    return first;
  }

 private:
  static constexpr bool is_shared = store_type::is_shared;

  struct use {
    std::uint64_t bytes = 0;
    std::uint64_t dead = 0;
    [[nodiscard]] std::uint64_t live() const { return bytes - std::min(bytes, dead); }
  };

  /// Returns the end of a run: as far as what is left fits into one segment, and it is worth it.
  [[nodiscard]] std::size_t extend(const segment_list<Policies>& list, std::size_t first,
                                   double ratio) {
    const std::uint64_t room = store_.view().options().segment_bytes;
    std::uint64_t left = use_of(list, first).live();
    std::size_t end = first + 1;
    for (; end < list.log.size() && is_sealed(*list.log[end]); ++end) {
      const std::uint64_t live = use_of(list, end).live();
      if (left + live > room || !(is_wasteful(list, end, ratio) || live < room / 8)) break;
      left += live;
    }
    return end;
  }

  /// Returns the begin of a run: with the little that earlier compactions have left before it.
  [[nodiscard]] std::size_t reach_back(const segment_list<Policies>& list, std::size_t first) {
    const std::uint64_t little = store_.view().options().segment_bytes / 16;
    std::uint64_t left = 0;
    while (first != 0 && list.log[first - 1]->role() == format::segment_role::compacted) {
      left += use_of(list, first - 1).live();
      if (left > little) break;
      --first;
    }
    return first;
  }

  static bool is_sealed(const segment<Policies>& each) {
    return each.base() && each.settled() && each.end() > each.base();
  }

  /// Returns how much of a segment, and of what is attached to it, is used.
  [[nodiscard]] use use_of(const segment_list<Policies>& list, std::size_t n) {
    const auto& each = *list.log[n];
    use found;
    add_use(list, list.log[n], found);
    for (const auto& own : list.attached) {
      if (own->base() >= each.base() && own->base() < each.end()) add_use(list, own, found);
    }
    return found;
  }

  void add_use(const segment_list<Policies>& list, const segment_ptr<Policies>& each, use& found) {
    found.bytes += each->end_offset() - format::segment_header_bytes;
    const auto& in = store_.space().of(each);
    found.dead += in.dead();
    if (const auto* const later = in.account()) {
      found.dead += later->held.upto(reached_.at) + later->mortal.upto(reached_.time);
      if (later->before != newest_before(list, each->base())) found.dead += later->covering;
      return;
    }
    if (is_shared && !each->entries().knows_waste()) {  // another process has finished it
      segment_hints{}.take(*each, each->end_offset());
    }
    found.dead += each->entries().waste().expired_bytes(reached_.time);
  }

  /// Tells whether what can go is worth it.
  [[nodiscard]] bool is_wasteful(const segment_list<Policies>& list, std::size_t n, double ratio) {
    return is_wasteful(use_of(list, n), ratio);
  }
  static bool is_wasteful(const use& found, double ratio) {
    return found.dead != 0 &&
           static_cast<double>(found.dead) >= ratio * static_cast<double>(found.bytes);
  }

  [[nodiscard]] std::optional<timestamp> next_expiry(const segment_ptr<Policies>& of,
                                                     timestamp now) {
    const auto* const in = store_.space().find(of->number());
    if (in != nullptr && in->account() != nullptr) return in->account()->mortal.next(now);
    const auto& waste = of->entries().waste();
    const timestamp last{std::chrono::nanoseconds{waste.expires_last}};
    return waste.mortal_bytes == 0 || last <= now ? std::nullopt : std::optional{last};
  }

  store_type& store_;
  held_moment reached_;  // as of when what can go is counted
};

}  // namespace logdb::detail
