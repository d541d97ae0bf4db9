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
#include <logdb/index/keydir/learn/key_opening.hpp>
#include <logdb/index/keydir/read/versions.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// Says what becomes of a record, and if it stays, what that waits for.
struct ruling {
  enum class verdict : std::uint8_t { keep, keep_newest, bury, drop, drop_newest };

  verdict as = verdict::keep;
  lsn held{};  ///< goes once no snapshot is older than that record; 0: none keeps it
  timestamp ends = timestamp::max();  ///< goes once it has expired
  bool covers = false;                ///< goes once no older segment has the key

  /// Counts a record that stays in the account of its segment.
  void note_in(segment_account& account, std::uint64_t bytes) const {
    if (held != lsn{}) {
      account.held.add(held, bytes);
    } else if (covers) {
      account.covering += bytes;
    } else if (ends != timestamp::max()) {
      account.mortal.add(ends, bytes);
    }
  }
};

/// Returns the highest number of the segments before a record: another one once some of them were
/// compacted.
template <class Policies>
[[nodiscard]] segment_number newest_before(const basic_segment_list<Policies>& list, lsn at) {
  segment_number newest{};
  for (const auto& each : list.log) {
    if (each->base() && each->base() < at) newest = std::max(newest, each->number());
  }
  return newest;
}

/// Tells of each record of a run of segments whether the log still needs it.
///
/// Not needed are: a record that a later one replaced, unless a snapshot may see it; a tombstone,
/// or what has expired, once nothing older can hold the key. What has expired before that becomes
/// a tombstone. Expired is what had expired when the oldest snapshot was taken.
///
/// Of several values of a key one that has expired stays while one before it lives: the way to that
/// leads over it.
template <class Policies>
class compaction_judge {
 public:
  using store_type = key_store<Policies>;
  using verdict = ruling::verdict;

  /// @param older  the segments before the run
  compaction_judge(store_type& store, const segment_list<Policies>& list, std::size_t older)
      : store_{store},
        list_{list},
        older_{older},
        now_{store.view().clock()},  // before the look at what is held: no later snapshot is older
        held_{lowest_held(store)},
        last_{store.view().last_lsn()},
        // Where others compact, too, the keydir may say where a record was before.
        is_plain_{!store_type::is_shared && held_ == held_moment{} && !store.space().has_moved()} {
    now_ = std::min(now_, held_.time);
  }

  /// Has the processor fetch what judge() of a hash will need. Inside the gate.
  void expect(std::uint64_t hash) { store_.table().prefetch(hash); }

  /// @param at  where the record is; then what the keydir says of it, if it is the newest
  [[nodiscard]] ruling judge(std::uint64_t hash, const format::key_record& found, lsn where,
                             address& at) {
    const auto inside = store_.gate().enter();
    if (store_.table().holds(hash, at)) return judge_newest(hash, found, where);
    // What replaced it need not be read: nobody sees this record, and no key has several values.
    const bool erased = found.head.verb == format::key_verb::erase;
    if (is_plain_ && !erased && !store_.has_added()) return {verdict::drop};
    if (look(hash, found.key) != store_type::lookup::found) return judge_forgotten(hash, erased);
    if (!store_.source().is_intact(newest_)) return {verdict::keep};  // it may have been anything
    const lsn newest = store_.source().lsn_of(newest_);
    if (newest == where) {  // the keydir still says where it was before a failed sync
      at = newest_.listed;
      return judge_newest(hash, found, where);
    }
    if (newest > held_.at) return {.as = verdict::keep, .held = newest};
    if (newest_.record.head.verb != format::key_verb::add) return {verdict::drop};
    const timestamp ends = end_of(hash, found.key, newest, where);
    if (ends <= now_) return {verdict::drop};
    return {.as = verdict::keep, .ends = ends};
  }

 private:
  typename store_type::lookup look(std::uint64_t hash, bytes_view key) {
    for (;;) {
      const auto looked = store_.look(hash, key, newest_);
      if (looked != store_type::lookup::again) return looked;
    }
  }

  /// Judges a record that nothing leads to any more: what erased the key has been erased itself.
  [[nodiscard]] ruling judge_forgotten(std::uint64_t hash, bool erased) {
    // This process forgets only what no snapshot sees. The keydir of another one may lead there.
    if (store_type::is_shared && held_ != held_moment{}) {
      return {.as = verdict::keep, .held = last_ + 1};
    }
    if (erased && may_be_older(hash)) return {.as = verdict::keep, .covers = true};
    return {verdict::drop};
  }

  [[nodiscard]] ruling judge_newest(std::uint64_t hash, const format::key_record& found,
                                    lsn where) {
    const bool erased = found.head.verb == format::key_verb::erase;
    const timestamp ends = erased ? timestamp::min() : end_of_newest(hash, found, where);
    if (ends > now_) return {.as = verdict::keep_newest, .ends = ends};
    if (where > held_.at) return {.as = verdict::keep_newest, .held = where};
    if (!may_be_older(hash)) return {verdict::drop_newest};
    return {.as = erased ? verdict::keep_newest : verdict::bury, .covers = true};
  }

  /// Tells whether a segment before the run may hold a key of that hash.
  [[nodiscard]] bool may_be_older(std::uint64_t hash) {
    if constexpr (!has_step<durability_point::tombstone_kept>) return false;
    if (hints_.empty()) load_hints();
    return light::any_of(hints_, [hash](const segment_hints& each) {
      const auto near = light::lower_bound(each.hints, hash, &key_hint::hash);
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

  /// Returns when the newest value of a key has ended, and those that it has beside it.
  [[nodiscard]] timestamp end_of_newest(std::uint64_t hash, const format::key_record& found,
                                        lsn where) {
    if (!found.head.expires) return timestamp::max();
    const timestamp own = *found.head.expires;
    const bool is_alone = found.head.verb == format::key_verb::put ||
                          key_versions<Policies>::before(found, where) == lsn{};
    if (own > now_ || is_alone) return own;
    return end_of(hash, found.key, where, where);
  }

  /// The values of a key that has several, up to one: when they all have ended.
  struct ending {
    lsn first{};  // the oldest of which that is so
    timestamp ends{};
  };
  struct chain {
    std::string key{};
    std::vector<ending> endings{};  // the oldest first
  };

  /// Returns when one of several values of a key has ended, and all before it.
  [[nodiscard]] timestamp end_of(std::uint64_t hash, bytes_view key, lsn newest, lsn where) {
    chain& known = chains_[hash];
    if (known.endings.empty() || !is_same_key(as_bytes(known.key), key)) {
      known = {std::string{as_text(key)}, endings_of(newest)};
    }
    const auto past = light::upper_bound(known.endings, where, &ending::first);
    return past == known.endings.begin() ? timestamp::min() : std::prev(past)->ends;
  }

  [[nodiscard]] std::vector<ending> endings_of(lsn newest) {
    std::vector<ending> values;
    const key_versions<Policies> versions{store_, log_snapshot<Policies>{store_.view().scope()}};
    versions.follow(newest, [&](const format::key_record& found, const record& where) {
      if (found.head.verb == format::key_verb::erase) return false;
      values.push_back({where.lsn(), found.head.expires.value_or(timestamp::max())});
      return found.head.verb == format::key_verb::add;
    });
    // One that cannot be read yet is not judged yet.
    if (values.empty()) return {{lsn{}, timestamp::max()}};
    std::vector<ending> endings;
    for (auto each = values.rbegin(); each != values.rend(); ++each) {
      if (endings.empty() || each->ends > endings.back().ends) endings.push_back(*each);
    }
    return endings;
  }

  store_type& store_;
  const segment_list<Policies>& list_;
  std::size_t older_;
  timestamp now_;
  held_moment held_;
  lsn last_;       // nothing in the run is newer
  bool is_plain_;  // no snapshot is open, and every record is where the keydir says
  std::vector<segment_hints> hints_;  // of the segments before the run, once they are needed
  std::unordered_map<std::uint64_t, chain> chains_;  // by hash
  read_record<Policies> newest_;
};

}  // namespace logdb::detail
