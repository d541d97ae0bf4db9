// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The keys of a log in memory: where the newest record of each is, their order, their number.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>

#include <logdb/format/hash.hpp>
#include <logdb/index/keydir/keys/ended_values.hpp>
#include <logdb/index/keydir/keys/key_finder.hpp>
#include <logdb/index/keydir/places/hints.hpp>
#include <logdb/index/keydir/places/record_source.hpp>
#include <logdb/index/keydir/table/key_order.hpp>
#include <logdb/index/keydir/table/table.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

/// The keydir of one log with what it leads to. It writes nothing to the log.
///
/// @threads  readers: any, each inside the gate; what changes a key: under the lock of its shard
template <class Policies>
class key_map {
 public:
  using policies = Policies;
  using system = typename Policies::storage::system;
  using table_type = keydir_table<system>;
  using guard = typename table_type::guard;
  using shard = typename table_type::shard;
  using read_type = read_record<Policies>;
  /// The keys in order, if the policy wants that.
  using order_type =
      std::conditional_t<Policies::index::is_ordered, key_order<system>, no_key_order>;

  using lookup = key_lookup;

  static constexpr bool is_shared = index_view<Policies>::is_shared;

  explicit key_map(index_view<Policies> view) : view_{view}, seed_{make_hash_seed(view.store())} {}
  key_map(const key_map&) = delete;
  key_map& operator=(const key_map&) = delete;

  [[nodiscard]] index_view<Policies>& view() { return view_; }
  [[nodiscard]] const index_view<Policies>& view() const { return view_; }
  [[nodiscard]] hash_seed seed() const { return seed_; }
  [[nodiscard]] order_type& order() { return order_; }
  [[nodiscard]] const order_type& order() const { return order_; }
  [[nodiscard]] table_type& table() { return *table_; }
  [[nodiscard]] reader_gate<system>& gate() { return gate_; }
  [[nodiscard]] address_space<Policies>& space() { return space_; }
  [[nodiscard]] const record_source<Policies>& source() const { return source_; }
  [[nodiscard]] std::uint64_t hash(bytes_view key) const { return hash_key(key, seed_); }
  /// What was replaced beside the last of several values.
  [[nodiscard]] ended_values<system>& ended() { return ended_; }

  /// Tells whether the durability policy shows a record already.
  [[nodiscard]] bool is_readable(const read_type& found) const {
    if constexpr (Policies::durability::readable == watermark::durable) {
      if (found.in->stream()) return found.position() < view_.reached(watermark::durable);
      const auto& segment = found.in->segment();
      if (segment->role() != format::segment_role::attached || view_.follows()) return true;
      return segment->base() <= view_.durable_lsn();
    }
    return true;
  }

  [[nodiscard]] bool is_value(const read_type& found) const {
    return found.record.head.verb != format::key_verb::erase && !is_expired(found.record.head);
  }
  /// Tells whether the last of several values has expired: one before it may be left.
  [[nodiscard]] bool is_veil(const read_type& found) const {
    const auto& head = found.record.head;
    return head.verb == format::key_verb::add && head.previous != 0 && is_expired(head);
  }
  [[nodiscard]] bool is_expired(const format::key_record_head& head) const {
    return head.expires && *head.expires <= view_.clock();
  }

  [[nodiscard]] key_value value_of(const read_type& found) const {
    return {source_.keep(found, found.record.value), source_.lsn_of(found),
            found.record.head.expires};
  }

  /// Returns how many keys have a value, without a look at what other processes wrote.
  [[nodiscard]] std::uint64_t live_keys() const { return live_.load(std::memory_order_relaxed); }
  /// Has reads remember which keys they used: a cache asks for it.
  void note_uses() { notes_uses_ = true; }

  /// Looks a key up in the table: see key_finder. Inside the gate, or under the shard's lock.
  lookup look(std::uint64_t hashed, bytes_view key, read_type& out) {
    return finder_.look(hashed, key, out);
  }

  /// Looks a key up for a reader, checksums and all: between two batches that change it; `again`:
  /// one does just now. Inside the gate.
  lookup look_between(std::uint64_t hashed, bytes_view key, read_type& out) {
    LOGDB_EXPECTS(gate_.has_reader());
    const shard& in = table_->shard_of(hashed);
    const std::uint32_t changes = in.changes.load(std::memory_order_acquire);
    if (changes % 2 != 0) return lookup::again;
    const lookup looked = look(hashed, key, out);
    if (in.changes.load(std::memory_order_acquire) != changes) return lookup::again;
    if (looked != lookup::found) return looked;
    source_.check(out);
    if (notes_uses_) table_->touch(hashed, out.listed);
    return looked;
  }

  /// Reads what the table leads to, checksums and all. Inside the gate.
  lookup read_whole(address at, read_type& out) {
    LOGDB_EXPECTS(gate_.has_reader());
    return finder_.read_whole(at, out);
  }

  /// Tells whether a key may have several values. Asked after the keydir was, it knows of those
  /// that the keydir then led to.
  [[nodiscard]] bool has_added() const { return has_added_.load(std::memory_order_acquire); }
  /// Says what a record is that the keydir leads to from now on. Before it does.
  void note_verb(format::key_verb verb) {
    if (verb != format::key_verb::add || has_added_.load(std::memory_order_relaxed)) return;
    has_added_.store(true, std::memory_order_release);  // pairs with has_added()
  }

  /// Takes all keys of a shard, sorted by hash, at open. One thread a shard.
  void fill(std::size_t number, std::span<const hashed_address> keys, std::uint64_t live) {
    table_->fill(number, keys);
    live_.fetch_add(live, std::memory_order_relaxed);
  }

  /// Makes room for a key without a value: replace() cannot fail then. Under the shard's lock.
  /// @param known  it has a tombstone in the table; eviction may have taken it out of the order
  /// @errors       std::bad_alloc; nothing was changed
  void make_room(std::uint64_t hashed, bytes_view key, bool known) {
    LOGDB_EXPECTS(table_->shard_of(hashed).lock.is_held());
    if (!known) table_->make_room(hashed);
    order_.insert(key);
  }
  /// Takes that back, in as far as readers may see it.
  void give_room_back(bytes_view key) noexcept { order_.remove(key); }

  /// Points a key at its next record. Under the shard's lock; there is room if it is a new one.
  /// @param before  its newest record so far; null: there is none
  void replace(std::uint64_t hashed, const replaced_record<Policies>* before, address after,
               format::key_verb verb) noexcept {
    LOGDB_EXPECTS(table_->shard_of(hashed).lock.is_held());
    note_verb(verb);
    const bool lives = verb != format::key_verb::erase;
    auto* const in = space_.at(after);
    if (!lives && in != nullptr) in->add_dead(tombstone_bytes);
    if (before == nullptr) {
      table_->insert(hashed, after);
      live_.fetch_add(lives ? 1 : 0, std::memory_order_relaxed);
      return;
    }
    table_->update(hashed, before->listed, after);
    const bool lived = before->verb != format::key_verb::erase;
    if (lives != lived) live_.fetch_add(lives ? 1 : ~std::uint64_t{0}, std::memory_order_relaxed);
    if (verb != format::key_verb::add) end_values(*this, *before);
  }

  /// Points a key to where the same record stands now; false: it points elsewhere by now.
  /// @param becomes  what the record is there, if that changes
  bool move(std::uint64_t hashed, address from, address to,
            std::optional<format::key_verb> becomes) {
    const guard lock{table_->shard_of(hashed).lock};
    if (!table_->update(hashed, from, to)) return false;
    if (becomes == format::key_verb::erase) live_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }

  /// Forgets a key whose newest record is given up, unless it points elsewhere by now.
  /// @param lived  that record was no tombstone
  void drop(std::uint64_t hashed, address at, bool lived) {
    const guard lock{table_->shard_of(hashed).lock};
    read_type gone;
    const bool ordered =
        order_type::keeps && source_.find(at, gone) == reading::whole && source_.is_intact(gone);
    if (!table_->remove(hashed, at)) return;
    if (ordered) order_.remove(gone.record.key);
    if (lived) live_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  // What a tombstone counts for, about: it takes no part in what a log is kept for.
  static constexpr std::uint64_t tombstone_bytes = 64;

  index_view<Policies> view_;
  hash_seed seed_;
  mutable reader_gate<system> gate_;
  address_space<Policies> space_;
  std::unique_ptr<table_type> table_ = std::make_unique<table_type>(gate_);
  record_source<Policies> source_{space_, &view_};
  key_finder<Policies> finder_{*table_, source_,
                               view_.options().recovery == recovery_mode::salvage};
  [[no_unique_address]] order_type order_{gate_};
  ended_values<system> ended_;
  bool notes_uses_ = false;
  platform::atomic<bool> has_added_ = false;  // stays once set, also when all such keys have gone
  alignas(64) platform::atomic<std::uint64_t> live_ = 0;
};

}  // namespace logdb::detail
