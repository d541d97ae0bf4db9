// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What compaction keeps: judges each record by what the keydir and open snapshots need.

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/index/keydir/opening.hpp>
#include <logdb/index/keydir/versions.hpp>

namespace logdb::detail {

/// Tells of each record of a run of segments whether the log still needs it.
///
/// Not needed are: a record that a later one replaced, unless a snapshot may see it; a tombstone,
/// or what has expired, once nothing older can hold the key. What has expired before that becomes
/// a tombstone.
template <class Policies>
class compaction_judge {
 public:
  using store_type = key_store<Policies>;

  enum class verdict : std::uint8_t { keep, keep_newest, bury, drop, drop_newest };

  /// @param older  the segments before the run
  compaction_judge(store_type& store, const segment_list<Policies>& list, std::size_t older)
      : store_{store},
        list_{list},
        older_{older},
        held_{store.lowest_held()},
        // Where others compact, too, the keydir may say where a record was before.
        is_plain_{!store_type::is_shared && held_ == format::lsn_max &&
                  !store.space().has_moved()} {}

  /// Has the processor fetch what judge() of a hash will need. Inside the gate.
  void expect(std::uint64_t hash) { store_.table().prefetch(hash); }

  /// @param at  where the record is; then what the keydir says of it, if it is the newest
  [[nodiscard]] verdict judge(std::uint64_t hash, const format::key_record& found, lsn where,
                              address& at) {
    const auto inside = store_.gate().enter();
    if (store_.table().holds(hash, at)) return judge_newest(hash, found, where);
    // What replaced it need not be read: nobody sees this record, and no key has several values.
    const bool erased = found.head.verb == format::key_verb::erase;
    if (is_plain_ && !erased && !store_.has_added()) return verdict::drop;
    if (look(hash, found.key) != store_type::lookup::found) {
      // Nothing leads here any more: what erased the key has been erased itself.
      return erased && may_be_older(hash) ? verdict::keep : verdict::drop;
    }
    const lsn newest = store_.source().lsn_of(newest_);
    if (newest == where) {  // the keydir still says where it was before a failed sync
      at = newest_.listed;
      return judge_newest(hash, found, where);
    }
    if (newest > held_) return verdict::keep;
    if (newest_.record.head.verb != format::key_verb::add) return verdict::drop;
    return where >= first_value(hash, found.key) ? verdict::keep : verdict::drop;
  }

 private:
  typename store_type::lookup look(std::uint64_t hash, bytes_view key) {
    for (;;) {
      const auto looked = store_.look(hash, key, newest_);
      if (looked != store_type::lookup::again) return looked;
    }
  }

  [[nodiscard]] verdict judge_newest(std::uint64_t hash, const format::key_record& found,
                                     lsn where) {
    const bool erased = found.head.verb == format::key_verb::erase;
    // One of several values ends alone: the others are judged when a later record replaces them.
    const bool expired = found.head.verb == format::key_verb::put && store_.is_expired(found.head);
    if (!erased && !expired) return verdict::keep_newest;
    if (where > held_) return verdict::keep_newest;
    if (!may_be_older(hash)) return verdict::drop_newest;
    return erased ? verdict::keep_newest : verdict::bury;
  }

  /// Tells whether a segment before the run may hold a key of that hash.
  [[nodiscard]] bool may_be_older(std::uint64_t hash) {
    if constexpr (!has_step<durability_point::tombstone_kept>) return false;
    if (hints_.empty()) load_hints();
    return std::ranges::any_of(hints_, [hash](const segment_hints& each) {
      const auto near = std::ranges::lower_bound(each.hints, hash, {}, &key_hint::hash);
      return near != each.hints.end() && near->hash == hash;
    });
  }

  void load_hints() {
    const lsn end = list_.log[older_]->base();
    for (std::size_t n = 0; n < older_; ++n) load_hints(*list_.log[n]);
    for (const auto& own : list_.attached) {
      if (own->base() < end) load_hints(*own);
    }
  }
  void load_hints(segment<Policies>& of) { hints_.emplace_back().take(of, of.end_offset()); }

  /// Returns the lsn of the oldest value of a key that has several.
  [[nodiscard]] lsn first_value(std::uint64_t hash, bytes_view key) {
    const auto [known, fresh] = first_values_.try_emplace(hash);
    if (!fresh && is_same_key(as_bytes(known->second.first), key)) return known->second.second;
    lsn first{};
    const key_versions<Policies> chain{store_, log_snapshot<Policies>{store_.view().scope()}};
    chain.follow(store_.source().lsn_of(newest_), [&](const auto& found, const record& where) {
      if (found.head.verb != format::key_verb::erase) first = where.lsn();
      return found.head.verb == format::key_verb::add;
    });
    known->second = {std::string{as_text(key)}, first};
    return first;
  }

  store_type& store_;
  const segment_list<Policies>& list_;
  std::size_t older_;
  lsn held_;
  bool is_plain_;  // no snapshot is open, and every record is where the keydir says
  std::vector<segment_hints> hints_;  // of the segments before the run, once they are needed
  std::unordered_map<std::uint64_t, std::pair<std::string, lsn>> first_values_;  // by hash
  read_record<Policies> newest_;
};

}  // namespace logdb::detail
