// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Eviction: keeps the keydir of a cache below a size by erasing keys that were not used of late.

#include <atomic>
#include <string>
#include <vector>

#include <logdb/index/keydir/key_store.hpp>

namespace logdb::detail {

/// Erases keys while there are too many.
///
/// A hand goes round the pages. A key that was read or written since it last came by is spared;
/// another one is erased in the log, as by erase(), and leaves memory at once.
/// @threads  any; one at a time evicts, the others go on
template <class Policies>
class key_evictor {
 public:
  using store_type = key_store<Policies>;
  using table_type = typename store_type::table_type;

  key_evictor(store_type& store, std::uint64_t memory_bytes_max)
      : store_{store}, keys_max_{memory_bytes_max / bytes_a_key} {}

  /// Evicts some keys if there are too many; called after each write.
  void relieve() {
    if (store_.table().size() <= keys_max_ || !mutex_.try_lock()) return;
    const boost::interprocess::scoped_lock<mutex> held{mutex_,
                                                       boost::interprocess::accept_ownership};
    for (int turns = 0; turns < turns_max && store_.table().size() > keys_max_; ++turns)
      evict_page();
  }

 private:
  using mutex = typename table_type::mutex;

  static constexpr std::uint64_t bytes_a_key = 12;
  static constexpr int turns_max = 8;  // the rest is for the next write

  void evict_page() {
    {
      const auto inside = store_.gate().enter();
      store_.table().next_unused(hand_, unused_);
      keys_.clear();
      for (const address each : unused_) {
        if (store_.source().read(each, found_)) keys_.emplace_back(as_text(found_.record.key));
      }
    }
    for (const std::string& key : keys_) {
      if (store_.table().size() <= keys_max_) return;
      evict(as_bytes(key));
    }
  }

  /// Erases a key in the log and forgets it.
  void evict(bytes_view key) {
    format::key_record_head head{.key_bytes = static_cast<std::uint16_t>(key.size()),
                                 .verb = format::key_verb::erase};
    store_.in_turn(head.record_bytes(), 1, [&] { evict(store_.hash(key), key, head); });
  }
  void evict(std::uint64_t hash, bytes_view key, format::key_record_head& head) {
    const typename store_type::guard lock{store_.table().shard_of(hash).lock};
    if (!look_settled(store_, hash, key, found_)) return;
    const auto known = found_.replaced();
    if (known.verb != format::key_verb::erase) {
      head.previous = store_.source().lsn_of(found_).value();
      (void)store_.write_alone(hash, head, key, {}, &known);
      if (!look_settled(store_, hash, key, found_)) return;
    }
    store_.table().remove(hash, found_.listed);
    store_.order().remove(key);
  }

  store_type& store_;
  std::uint64_t keys_max_;
  mutex mutex_;  // of all below
  typename table_type::cursor hand_;
  std::vector<address> unused_;
  std::vector<std::string> keys_;
  read_record<Policies> found_;
};

}  // namespace logdb::detail
