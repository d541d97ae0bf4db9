// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Eviction: keeps the keydir of a cache below a size by erasing keys that were not used of late.

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/keydir/keys/key_store.hpp>
#include <logdb/index/keydir/table/table_walk.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// Erases keys while they take too much.
///
/// A hand goes round the pages. A key that was read or written since it last came by is spared;
/// another one is erased in the log, as by erase(), and leaves memory at once, unless a snapshot is
/// open: that may see its value, and the way there begins in the keydir. Another hand goes round
/// for keys that were erased, once they are many and no snapshot is open: they go first.
/// @threads  any; one at a time evicts, the others go on
template <class Policies>
class key_evictor {
 public:
  using store_type = key_store<Policies>;
  using table_type = typename store_type::table_type;

  key_evictor(store_type& store, std::uint64_t memory_bytes_max)
      : store_{store}, bytes_max_{memory_bytes_max}, hand_{store.table()}, sweep_{store.table()} {}

  /// Evicts some keys if they take too much; called after each write.
  void relieve() {
    if (bytes_of(store_.table().size()) <= bytes_max_ || !mutex_.try_lock()) return;
    const platform::scoped_lock<mutex> held{mutex_, std::adopt_lock};
    const bool is_seen = lowest_held(store_) != held_moment{};
    std::size_t passed = 0;  // without a key: most are, where a few large ones take it all
    for (int turns = 0; turns < turns_max && is_above(is_seen);) {
      if (!is_seen && erased() * bytes_a_key > bytes_max_ / 8) {
        sweep_page();
        ++turns;
      } else if (evict_page(is_seen) || ++passed > table_type::shard_count) {
        ++turns;
      }
    }
  }

 private:
  using mutex = typename table_type::mutex;

  // What the table takes for one on average; docs/keyvalue.md has what it takes for none.
  static constexpr std::uint64_t bytes_a_key = 12;
  static constexpr int turns_max = 8;  // the rest is for the next write

  [[nodiscard]] std::uint64_t bytes_of(std::uint64_t keys) const {
    return keys * bytes_a_key + store_.order().bytes();
  }
  [[nodiscard]] std::uint64_t erased() const {
    const std::uint64_t live = store_.live_keys();
    return std::max(store_.table().size(), live) - live;
  }
  /// Tells whether keys are to go. What a snapshot keeps in the keydir counts once it is gone.
  [[nodiscard]] bool is_above(bool is_seen) const {
    return bytes_of(is_seen ? store_.live_keys() : store_.table().size()) > bytes_max_;
  }

  /// Evicts what is needed of the next page; returns whether it has a key.
  bool evict_page(bool is_seen) {
    const auto page = hand_;
    {
      const auto inside = store_.gate().enter();
      if (!hand_.next_unused(page_)) return false;
      keys_.clear();
      for (const address each : page_) {
        if (reads(each)) keys_.emplace_back(as_text(found_.record.key));
      }
    }
    for (const std::string& key : keys_) {
      if (!is_above(is_seen)) break;
      evict(as_bytes(key));
    }
    page.tighten_next();
    return true;
  }

  /// Reads a record; false: it has moved, or is damaged, and stays: nobody can tell whose it is.
  [[nodiscard]] bool reads(address at) {
    return store_.source().find(at, found_) == reading::whole && is_intact();
  }
  [[nodiscard]] bool is_intact() const { return store_.source().is_intact(found_); }

  /// Erases a key in the log and forgets it.
  void evict(bytes_view key) {
    format::key_record_head head{.key_bytes = static_cast<std::uint16_t>(key.size()),
                                 .verb = format::key_verb::erase};
    store_.in_turn(head.record_bytes(), 1, [&] { evict(store_.hash(key), key, head); });
  }
  void evict(std::uint64_t hash, bytes_view key, format::key_record_head& head) {
    const typename store_type::guard lock{store_.table().shard_of(hash).lock};
    if (!look_settled(store_, hash, key, found_) || !is_intact()) return;
    const auto known = found_.replaced();
    if (known.verb != format::key_verb::erase) {
      head.previous = store_.source().lsn_of(found_).value();
      (void)store_.write_alone(hash, head, key, {}, &known);
      if (!look_settled(store_, hash, key, found_)) return;
    }
    store_.order().remove(key);  // who walks through the keys does not look for it
    if (store_.source().lsn_of(found_) <= seen_by_all()) store_.table().remove(hash, found_.listed);
  }

  /// Returns up to which record every snapshot sees all, those too that are taken from now on.
  [[nodiscard]] lsn seen_by_all() {
    const lsn held = lowest_held(store_).at;
    if constexpr (Policies::durability::readable == watermark::durable) {
      return std::min(held, store_.view().durable_lsn());
    }
    return held;
  }

  /// Forgets the keys on a page that were erased.
  void sweep_page() {
    const auto page = sweep_;
    const lsn seen = seen_by_all();
    gone_.clear();
    {
      const auto inside = store_.gate().enter();
      if (!sweep_.next_page(page_)) return sweep_.restart();
      for (const address each : page_) {
        if (!reads(each)) continue;
        const bool erased = found_.record.head.verb == format::key_verb::erase;
        if (!erased || store_.source().lsn_of(found_) > seen) continue;
        gone_.push_back({store_.hash(found_.record.key), each});
      }
    }
    for (const hashed_address& each : gone_) store_.drop(each.hash, each.at, false);
    page.tighten_next();
  }

  store_type& store_;
  std::uint64_t bytes_max_;
  mutex mutex_;  // of all below
  table_walk<typename store_type::system> hand_;
  table_walk<typename store_type::system> sweep_;
  std::vector<address> page_;
  std::vector<std::string> keys_;
  std::vector<hashed_address> gone_;
  read_record<Policies> found_;
};

}  // namespace logdb::detail
