// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Brings a keydir behind what other processes have compacted: from segments that are gone to those
/// that took their place.

#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <logdb/index/keydir/keys/key_store.hpp>
#include <logdb/index/keydir/table/table_walk.hpp>
#include <logdb/journal/read/records.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// Knows which segments are gone, and points the keys that point there elsewhere.
///
/// Until that is done what was mapped of them is read as before, so nothing depends on when. Only
/// keys that nothing leads away from there are forgotten: compaction has dropped them. Whoever
/// forgets has learned all that was appended before it looked at the segments: what compaction
/// dropped because of a later record that later record has replaced by then.
/// @threads  any
template <class Policies>
class key_moves {
 public:
  using store_type = key_store<Policies>;
  using system = typename store_type::system;
  using stretch_type = stretch<Policies>;
  using stretches = std::vector<std::shared_ptr<stretch_type>>;

  explicit key_moves(store_type& store) : store_{store} {}

  /// Looks at the segments as they are now.
  /// @errors  errc::corrupt, errc::io
  segment_list_ptr<Policies> look() {
    const guard lock{mutex_};
    // In this order: the list then names everything that is attached below that.
    settled_ = end_of_settled(*store_.view().catch_up());
    looked_ = store_.view().catch_up();
    for (const auto& each : looked_->log) {
      if (is_compacted(*each)) compacted_.insert(each->number());
    }
    return looked_;
  }

  /// Returns what keys may still point to and is not among the segments; nothing: somebody has
  /// looked again since.
  [[nodiscard]] std::optional<stretches> gone(const segment_list_ptr<Policies>& list) {
    const guard lock{mutex_};
    if (list != looked_) return std::nullopt;
    stretches found = store_.space().all();
    light::erase_if(found, [&](const auto& each) { return !is_gone(*each); });
    return found;
  }

  /// Says of a segment that this process has compacted that it was not listed for good.
  void note_given_up(segment_number number) {
    const guard lock{mutex_};
    compacted_.insert(number);
  }

  /// Leads keys away from what is gone, and forgets those that compaction has dropped.
  ///
  /// Only from there: another thread may have found by now that this list is gone, too, and have
  /// led keys on. Back here they would be forgotten by it.
  /// @cost  reads what took the place of what is gone; looks at 8 bytes of each key
  void leave(const segment_list_ptr<Policies>& list, const stretches& gone) {
    if (gone.empty()) return;
    const auto spans = spans_of(gone);
    record_places<Policies> places;
    places.note(*list, store_.space(), store_.view().options().recovery == recovery_mode::salvage);
    for (const auto& each : list->log) {
      const auto is_taken_over = [&each](const auto& old) { return takes_over(*each, *old); };
      if (each->base() && light::any_of(gone, is_taken_over)) {
        point_to(list, each, places, spans);
      }
    }
    forget(spans);
  }

  /// Lets go of what no key leads to any more, and unlinks what the compacting process could not.
  void let_go(const stretches& gone) {
    if (gone.empty()) return;
    for (const auto& each : gone) (void)store_.space().remove(each->segment()->number());
    store_.gate().wait_for_readers();
    for (const auto& each : gone) store_.space().reuse(*each);
    std::vector<segment_number> numbers;
    for (const auto& each : gone) numbers.push_back(each->segment()->number());
    {
      const guard lock{mutex_};
      for (const segment_number each : numbers) compacted_.erase(each);
    }
    store_.view().unlink_replaced(numbers);
  }

 private:
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;
  using span = std::pair<address, address>;
  using spans_type = std::vector<span>;

  static bool is_compacted(const segment<Policies>& each) {
    return each.role() == format::segment_role::compacted;
  }

  /// Returns where the settled part of a list ends: what begins there or later may be missing in
  /// it, since segments come to be settled while it is looked at.
  static lsn end_of_settled(const segment_list<Policies>& list) {
    lsn end{};
    for (const auto& each : list.log) {
      if (!each->settled()) break;
      end = each->end();
    }
    return end;
  }

  /// One that this process is just writing is not listed yet; a key leads only to those that a look
  /// has found listed.
  [[nodiscard]] bool is_gone(const stretch_type& each) const {
    const auto& in = *each.segment();
    if (!in.base() || in.base() >= settled_ || looked_->has(in.number())) return false;
    return !is_compacted(in) || compacted_.contains(in.number());
  }

  /// Tells whether a listed segment may have records of one that is gone: it was compacted out of
  /// that; or it stands again, since the manifest of a compaction could not be written.
  static bool takes_over(const segment<Policies>& listed, const stretch_type& gone) {
    const auto& old = *gone.segment();
    if (is_compacted(old)) return listed.base() < old.end() && old.base() < listed.end();
    return is_compacted(listed) && listed.base() <= old.base() && old.base() < listed.end();
  }

  void point_to(const segment_list_ptr<Policies>& list, const segment_ptr<Policies>& to,
                const record_places<Policies>& places, const spans_type& from) {
    const auto is_left = [&from](address at) { return is_in(from, at); };
    const read_scope<Policies> scope{list, list->log.front()->base(), to->end() - 1};
    auto& in = store_.space().of(to);
    for (const record& each : record_range<Policies>{scope, to->base()}) {
      const auto found = format::decode_key_record(each.bytes());
      if (!found) continue;
      const address at = places.address_of(each.bytes());
      // It was kept for a snapshot, or as one of several values: if not, it can go.
      if (!relocate_key(store_, *found, at, each.lsn(), is_left)) {
        in.add_dead(disk_bytes_of(*found));
      }
    }
  }

  /// Returns the addresses of what is gone, ascending.
  static spans_type spans_of(const stretches& gone) {
    spans_type spans;
    for (const auto& each : gone) {
      spans.emplace_back(each->base(), each->base() + each->segment()->capacity());
    }
    light::sort(spans);
    return spans;
  }

  /// Drops the keys that still point there.
  void forget(const spans_type& spans) {
    table_walk walk{store_.table()};
    std::vector<address> page;
    read_record<Policies> found;
    for (;;) {
      const auto inside = store_.gate().enter();
      if (!walk.next_page(page)) return;
      for (const address each : page) {
        if (!is_in(spans, each) || !store_.source().read(each, found)) continue;
        store_.drop(store_.hash(found.record.key), each,
                    found.record.head.verb != format::key_verb::erase);
      }
    }
  }

  static bool is_in(const spans_type& spans, address at) {
    const auto past = light::upper_bound(spans, at, &span::first);
    return past != spans.begin() && at < std::prev(past)->second;
  }

  store_type& store_;
  mutex mutex_;  // of all below; held over no other lock of the index
  segment_list_ptr<Policies> looked_;
  lsn settled_{};  // every segment before it was settled when looked_ was taken
  std::set<segment_number> compacted_;  // that a look has found listed, or that were given up
};

}  // namespace logdb::detail
