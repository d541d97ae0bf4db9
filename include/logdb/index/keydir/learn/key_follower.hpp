// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Brings a keydir up to what other processes have written: by reading the log from where it has
/// been applied to.

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <logdb/index/keydir/learn/key_opening.hpp>
#include <logdb/index/keydir/table/table_walk.hpp>
#include <logdb/journal/read/records.hpp>

namespace logdb::detail {

/// Follows a log that somebody else writes, and compacts.
/// @threads  any; one at a time catches up, the others wait for it
template <class Policies>
class key_follower {
 public:
  using store_type = key_store<Policies>;
  using guard = typename store_type::guard;

  explicit key_follower(store_type& store) : store_{store} {
    at_latest([this](const auto& scope) {
      applied_ = key_opening<Policies>{store_}.run_sealed(scope);
      note(*scope.list);
      fresh_.clear();
    });
  }

  /// Applies what is in the log beyond what was applied.
  /// @errors  errc::corrupt, errc::io
  void catch_up() {
    const guard lock{mutex_};
    at_latest([this](const auto& scope) {
      if (scope.last != applied_ || scope.list != list_) apply(scope);
    });
  }

 private:
  /// Calls with what may be read now; again if segments went meanwhile that were to be read.
  template <class Call>
  void at_latest(Call call) {
    for (;;) {
      const auto scope = store_.view().scope();
      try {
        return call(scope);
      } catch (const error& missing) {
        if (missing.condition() != errc::corrupt) throw;
        if (store_.view().scope().list == scope.list) throw;
      }
    }
  }

  void apply(const read_scope<Policies>& scope) {
    if (scope.list != list_) note(*scope.list);
    places_.note(*scope.list, store_.space(), scope.salvage);
    if (applied_ < scope.last) {
      const lsn first = std::max(applied_ + 1, scope.first);
      for (const record& each : record_range<Policies>{scope, first}) {
        point_key(store_, each, places_);
      }
      applied_ = scope.last;
    }
    if (!gone_.empty()) follow_compaction(scope);
    fresh_.clear();
    list_ = scope.list;
  }

  /// Remembers which segments there are, which have come, and which have gone.
  void note(const segment_list<Policies>& list) {
    std::set<segment_number> now;
    for (const auto* segments : {&list.log, &list.attached}) {
      for (const auto& each : *segments) now.insert(each->number());
    }
    std::set_difference(known_.begin(), known_.end(), now.begin(), now.end(),
                        std::inserter(gone_, gone_.end()));
    std::set_difference(now.begin(), now.end(), known_.begin(), known_.end(),
                        std::inserter(fresh_, fresh_.end()));
    known_ = std::move(now);
  }

  /// Leads keys to where compaction has put their records, and forgets what it has dropped.
  /// @cost  reads the segments that have come and gone
  void follow_compaction(const read_scope<Policies>& scope) {
    for (const auto& each : scope.list->log) {
      const bool is_new =
          each->role() == format::segment_role::compacted && fresh_.contains(each->number());
      if (!is_new) continue;
      for (const record& one : record_range<Policies>{bounded(scope, *each), each->base()}) {
        point_key(store_, one, places_);
      }
    }
    std::vector<std::shared_ptr<stretch<Policies>>> left;
    for (const segment_number number : gone_) {
      auto* const old = store_.space().find(number);
      if (old == nullptr || !forget(*old)) continue;
      if (auto unused = store_.space().remove(number)) left.push_back(std::move(unused));
    }
    gone_.clear();
    store_.gate().wait_for_readers();
    for (const auto& each : left) store_.space().reuse(*each);
  }

  static read_scope<Policies> bounded(read_scope<Policies> scope, const segment<Policies>& each) {
    scope.last = std::min(scope.last, each.end() - 1);
    return scope;
  }

  /// Drops the keys that still point into a segment that has gone; false: one cannot be read, and
  /// goes on leading there.
  bool forget(stretch<Policies>& old) {
    const auto inside = store_.gate().enter();
    const bytes_view all = old.bytes();
    scan_place place = old.segment()->start();
    const auto stop =
        scan(all, old.segment()->seed(), place, format::read_frame,
             [&](const auto& frame, const auto& at) {
               for_each_key_record(all, frame, at.next, [&](const auto& found, auto offset, lsn) {
                 store_.drop(store_.hash(found.key), old.base() + offset,
                             found.head.verb != format::key_verb::erase);
               });
             });
    const bool is_all = stop != scan_stop::no_frame && stop != scan_stop::lsn_gap;
    return is_all || place.offset == old.segment()->end_offset() || forget_in_table(old);
  }

  /// Does so where the segment ends nobody knows where, or is damaged. Inside the gate.
  /// @cost  looks at 8 bytes of each key
  bool forget_in_table(const stretch<Policies>& old) {
    const address end = old.base() + old.segment()->capacity();
    table_walk walk{store_.table()};
    std::vector<address> page;
    read_record<Policies> found;
    bool is_all = true;
    while (walk.next_page(page)) {
      for (const address each : page) {
        if (each < old.base() || each >= end) continue;
        const bool is_read =
            store_.source().find(each, found) == reading::whole && store_.source().is_intact(found);
        is_all = is_all && is_read;
        if (!is_read) continue;
        store_.drop(store_.hash(found.record.key), each,
                    found.record.head.verb != format::key_verb::erase);
      }
    }
    return is_all;
  }

  store_type& store_;
  typename store_type::table_type::mutex mutex_;  // of all below
  lsn applied_{};
  segment_list_ptr<Policies> list_;
  record_places<Policies> places_;
  std::set<segment_number> known_;
  std::set<segment_number> fresh_;  // and what they took over is not followed yet
  std::set<segment_number> gone_;   // and keys may still point there
};

}  // namespace logdb::detail
