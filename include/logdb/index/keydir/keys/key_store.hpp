// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The index of a key-value log, for as long as the log is open: finds a key's newest record, and
/// writes the next one.

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/format/hash.hpp>
#include <logdb/index/keydir/keys/ended_values.hpp>
#include <logdb/index/keydir/keys/key_batch.hpp>
#include <logdb/index/keydir/keys/key_finder.hpp>
#include <logdb/index/keydir/keys/look_under.hpp>
#include <logdb/index/keydir/keys/placing.hpp>
#include <logdb/index/keydir/keys/snapshot_holds.hpp>
#include <logdb/index/keydir/keys/store_link.hpp>
#include <logdb/index/keydir/places/hints.hpp>
#include <logdb/index/keydir/places/record_source.hpp>
#include <logdb/index/keydir/table/key_order.hpp>
#include <logdb/index/keydir/table/table.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::detail {

template <class Policies>
class key_commit;
template <class Policies>
class key_learner;

/// The keydir of one log with what it leads to.
///
/// A writer of a key holds the lock of its shard from the look at its newest record until the table
/// says the next one, so that in each key the order of the table is that of the lsns. A reader
/// holds none.
///
/// Lock order: shards in ascending order, then the journal's append lock; where several processes
/// write, the append lock comes first: key_learner. Compaction takes shards one by one.
/// @threads  any
template <class Policies>
class key_store : public linked_store<key_store<Policies>> {
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

  static constexpr bool is_shared = index_view<Policies>::is_shared;

  explicit key_store(index_view<Policies> view) : view_{view}, seed_{make_hash_seed(view.store())} {
    if (is_shared && !view.follows()) learner_ = std::make_unique<key_learner<Policies>>(*this);
  }
  key_store(const key_store&) = delete;
  key_store& operator=(const key_store&) = delete;

  [[nodiscard]] index_view<Policies>& view() { return view_; }
  [[nodiscard]] hash_seed seed() const { return seed_; }
  [[nodiscard]] order_type& order() { return order_; }
  [[nodiscard]] const order_type& order() const { return order_; }
  [[nodiscard]] table_type& table() { return *table_; }
  [[nodiscard]] reader_gate<system>& gate() { return gate_; }
  [[nodiscard]] address_space<Policies>& space() { return space_; }
  [[nodiscard]] const record_source<Policies>& source() const { return source_; }
  [[nodiscard]] std::uint64_t hash(bytes_view key) const { return hash_key(key, seed_); }

  /// Calls `use(record)` with the newest record of a key, which may be a tombstone or expired;
  /// returns whether there is one. What `use` is given is valid only there.
  /// @errors  errc::corrupt, errc::io, errc::closed
  template <class Use>
  bool with_newest(bytes_view key, Use&& use) {
    prepare();
    const std::uint64_t hashed = hash(key);
    read_type found;
    for (;;) {
      lookup looked{};
      {
        const auto inside = gate_.enter();
        looked = look_between(hashed, key, found);
        if (looked == lookup::none) return false;
        if (looked == lookup::found && is_readable(found)) return use(found), true;
      }
      looked == lookup::found ? wait_until_readable(found) : system::yield();
    }
  }

  /// Writes a record of a key and returns its lsn.
  lsn write(format::key_verb verb, bytes_view key, bytes_view value,
            std::optional<timestamp> expires) {
    return *write_if(verb, key, value, expires, [](const auto&) { return true; });
  }

  /// Does so if `wants(newest)` says so, of the newest record or null; nothing: it did not.
  template <class Wants>
  std::optional<lsn> write_if(format::key_verb verb, bytes_view key, bytes_view value,
                              std::optional<timestamp> expires, Wants&& wants) {
    view_.require_writer();
    require_key(key);
    require_value(key, value, view_.options().record_bytes_max);
    const std::uint64_t hashed = hash(key);
    {
      const auto inside = gate_.enter();
      table_->prefetch(hashed);
    }
    format::key_record_head head{.value_bytes = static_cast<std::uint32_t>(value.size()),
                                 .key_bytes = static_cast<std::uint16_t>(key.size()),
                                 .verb = verb,
                                 .expires = expires};
    std::optional<ticket> given;
    if constexpr (is_shared) {
      if (!view_.fits(head.record_bytes())) return write_large(head, key, value, wants);
      in_turn(head.record_bytes(), 1,
              [&] { given = write_locked(hashed, head, key, value, wants); });
    } else {
      given = write_locked(hashed, head, key, value, wants);
    }
    if (!given) return view_.require_open(), std::nullopt;  // an append would have asked
    view_.acknowledge(*given);
    relieve();
    return given->last;
  }

  /// Runs what looks at the keydir and then appends a frame of so many bytes at most. Where other
  /// processes write, too, none of them appends between the look and the frame.
  template <class Write>
  void in_turn(std::uint64_t payload_bytes, std::uint64_t count, Write&& write) {
    if constexpr (is_shared) {
      learner_->in_turn(payload_bytes, count, std::forward<Write>(write));
    } else {
      write();
    }
  }
  /// What learns from the other processes that write.
  [[nodiscard]] key_learner<Policies>& learner() requires is_shared { return *learner_; }

  /// Has something called after each write: what keeps the keydir small.
  void set_relief(std::function<void()> relief) { relief_ = std::move(relief); }
  /// Calls it. The write before it stands, whatever becomes of this: the next one tries again.
  void relieve() noexcept {
    if (!relief_) [[likely]]
      return;
    try {
      relief_();
    } catch (const std::exception&) {
      return;
    }
  }

  /// Returns the value of a key; nothing: it has none.
  [[nodiscard]] std::optional<key_value> get(bytes_view key) { return get_value(*this, key); }
  [[nodiscard]] bool contains(bytes_view key) { return has_value(*this, key); }

  /// Returns the moment at which a value ends, whatever it was given.
  [[nodiscard]] std::optional<timestamp> expiry(std::optional<std::chrono::nanoseconds> ttl) const {
    if (!ttl) return std::nullopt;
    const timestamp now = view_.clock();
    const auto lives = std::max(*ttl, {});
    return now >= timestamp::max() - lives ? timestamp::max() : now + lives;
  }

  /// What was replaced beside the last of several values.
  [[nodiscard]] ended_values<system>& ended() { return ended_; }
  /// What snapshots keep compaction from dropping.
  [[nodiscard]] snapshot_holds<system>& holds() { return holds_; }

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

  /// Returns how many keys have a value; one that has expired counts until it is swept.
  [[nodiscard]] std::uint64_t size() {
    prepare();
    return live_.load(std::memory_order_relaxed);
  }

  /// The same without a look at what other processes wrote.
  [[nodiscard]] std::uint64_t live_keys() const { return live_.load(std::memory_order_relaxed); }
  /// Brings in what other processes wrote.
  void refresh() { prepare(); }

  /// Has something called before each read: what brings in what another process wrote.
  void set_refresh(std::function<void()> refresh) { refresh_ = std::move(refresh); }

  using lookup = key_lookup;

  /// Looks a key up in the table: see key_finder. Inside the gate, or under the shard's lock.
  lookup look(std::uint64_t hashed, bytes_view key, read_type& out) {
    return finder_.look(hashed, key, out);
  }

  /// Looks a key up for a reader, checksums and all: between two batches that change it; `again`:
  /// one does just now. Inside the gate.
  lookup look_between(std::uint64_t hashed, bytes_view key, read_type& out) {
    const shard& in = table_->shard_of(hashed);
    const std::uint32_t changes = in.changes.load(std::memory_order_acquire);
    if (changes % 2 != 0) return lookup::again;
    const lookup looked = look(hashed, key, out);
    if (in.changes.load(std::memory_order_acquire) != changes) return lookup::again;
    if (looked != lookup::found) return looked;
    source_.check(out);
    if (relief_) table_->touch(hashed, out.listed);
    return looked;
  }

  /// Reads what the table leads to, checksums and all. Inside the gate.
  lookup read_whole(address at, read_type& out) { return finder_.read_whole(at, out); }

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
    if (!known) table_->make_room(hashed);
    order_.insert(key);
  }
  /// Takes that back, in as far as readers may see it.
  void give_room_back(bytes_view key) noexcept { order_.remove(key); }

  /// Leads a key to its next record. Under the shard's lock; there is room if it is a new one.
  /// @param before  its newest record so far; null: there is none
  void replace(std::uint64_t hashed, const replaced_record<Policies>* before, address after,
               format::key_verb verb) noexcept {
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

  /// Leads a key to another place of the same record; false: it leads elsewhere by now.
  /// @param becomes  what the record is there, if that changes
  bool move(std::uint64_t hashed, address from, address to,
            std::optional<format::key_verb> becomes) {
    const guard lock{table_->shard_of(hashed).lock};
    if (!table_->update(hashed, from, to)) return false;
    if (becomes == format::key_verb::erase) live_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }

  /// Forgets a key whose newest record is given up, unless it leads elsewhere by now.
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

  /// Writes one record and leads its key there. Under the shard's lock; there is room.
  /// @param before  the key's newest record so far; null: there is none
  /// @errors        as append(); nothing was changed
  ticket write_alone(std::uint64_t hashed, const format::key_record_head& head, bytes_view key,
                     bytes_view value, const replaced_record<Policies>* before) {
    scratch room;
    const auto front = room.take(head.head_bytes() + key.size());
    format::encode_key_head(front.data(), head);
    if (!key.empty()) std::memcpy(front.data() + head.head_bytes(), key.data(), key.size());
    const auto put = append_frame(*this, format::frame_kind::record, 1, front, value);
    replace(hashed, before, put.in.base() + put.offset + format::frame_header_bytes, head.verb);
    return put.given;
  }

 private:
  void prepare() {
    view_.require_readable();
    if constexpr (is_shared) {
      // A cache may so come to have too many keys: the next write erases some, no read writes.
      if (learner_ != nullptr) learner_->catch_up();
    }
    if (refresh_) [[unlikely]]
      refresh_();
  }

  /// Waits for the sync that covers a record. Not inside the gate.
  void wait_until_readable(const read_type& found) {
    if (found.in->stream()) {
      view_.wait(found.position() + 1, watermark::durable);
    } else {
      view_.wait(view_.reached(watermark::appended), watermark::durable);
    }
  }

  /// Writes a record if that is wanted on top of the newest of its key; nothing: it is not.
  template <class Wants>
  std::optional<ticket> write_locked(std::uint64_t hashed, format::key_record_head& head,
                                     bytes_view key, bytes_view value, Wants& wants) {
    const guard lock{table_->shard_of(hashed).lock};
    read_type before;
    const bool known = look_settled(*this, hashed, key, before);
    if (!wants(known ? &before : nullptr)) return std::nullopt;
    head.previous = known ? source_.lsn_of(before).value() : 0;
    if (!is_shared && !view_.fits(head.record_bytes())) return write_large(head, key, value);
    const auto replaced = known ? before.replaced() : replaced_record<Policies>{};
    const bool lives = known && replaced.verb != format::key_verb::erase;
    if (lives) return write_alone(hashed, head, key, value, &replaced);
    make_room(hashed, key, known);
    try {
      return write_alone(hashed, head, key, value, known ? &replaced : nullptr);
    } catch (...) {
      give_room_back(key);
      throw;
    }
  }

  /// Writes a record that does not fit into staging, where other processes write, too.
  template <class Wants>
  std::optional<lsn> write_large(const format::key_record_head& head, bytes_view key,
                                 bytes_view value, Wants& wants) {
    key_batch alone;
    alone.add(head.verb, key, value, head.expires);
    return key_commit<Policies>{*this, alone}.run_if(wants);
  }

  /// The same for a record that does not fit into staging.
  ticket write_large(const format::key_record_head& head, bytes_view key, bytes_view value) {
    key_batch alone;
    alone.add(head.verb, key, value, head.expires);
    return key_commit<Policies>{*this, alone}.put_under_locks();
  }

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
  snapshot_holds<system> holds_;
  ended_values<system> ended_;
  std::unique_ptr<key_learner<Policies>> learner_;  // null: nobody else writes, or this only reads
  std::function<void()> refresh_;                   // empty: this process is the writer
  std::function<void()> relief_;                    // empty: memory has no limit
  platform::atomic<bool> has_added_ = false;  // stays once set, also when all such keys have gone
  alignas(64) platform::atomic<std::uint64_t> live_ = 0;
};

}  // namespace logdb::detail
