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

#include <logdb/index/keydir/keys/key_batch.hpp>
#include <logdb/index/keydir/keys/key_map.hpp>
#include <logdb/index/keydir/keys/look_under.hpp>
#include <logdb/index/keydir/keys/placing.hpp>
#include <logdb/index/keydir/keys/snapshot_holds.hpp>
#include <logdb/index/keydir/keys/store_link.hpp>

namespace logdb::detail {

template <class Policies>
class key_commit;
template <class Policies>
class key_learner;

/// The keys of one log and the verbs that read and write them.
///
/// A writer of a key holds the lock of its shard from the look at its newest record until the table
/// says the next one, so that in each key the order of the table is that of the lsns. A reader
/// holds none.
///
/// Lock order: shards in ascending order, then the journal's append lock; where several processes
/// write, the append lock comes first: key_learner. Compaction takes shards one by one.
/// @threads  any
template <class Policies>
class key_store : public linked_store<key_store<Policies>>, public key_map<Policies> {
 public:
  using map = key_map<Policies>;
  using map::gate;
  using map::hash;
  using map::is_shared;
  using map::make_room;
  using map::replace;
  using map::source;
  using map::table;
  using map::view;
  using typename map::guard;
  using typename map::lookup;
  using typename map::read_type;
  using typename map::system;
  using typename map::table_type;

  explicit key_store(index_view<Policies> log) : map{log} {
    if (is_shared && !log.follows()) learner_ = std::make_unique<key_learner<Policies>>(*this);
  }
  key_store(const key_store&) = delete;
  key_store& operator=(const key_store&) = delete;

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
        const auto inside = gate().enter();
        looked = map::look_between(hashed, key, found);
        if (looked == lookup::none) return false;
        if (looked == lookup::found && map::is_readable(found)) return use(found), true;
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
    view().require_writer();
    require_key(key);
    require_value(key, value, view().options().record_bytes_max);
    const std::uint64_t hashed = hash(key);
    {
      const auto inside = gate().enter();
      table().prefetch(hashed);
    }
    format::key_record_head head{.value_bytes = static_cast<std::uint32_t>(value.size()),
                                 .key_bytes = static_cast<std::uint16_t>(key.size()),
                                 .verb = verb,
                                 .expires = expires};
    std::optional<ticket> given;
    if constexpr (is_shared) {
      if (!view().fits(head.record_bytes())) return write_large(head, key, value, wants);
      in_turn(head.record_bytes(), 1,
              [&] { given = write_locked(hashed, head, key, value, wants); });
    } else {
      given = write_locked(hashed, head, key, value, wants);
    }
    if (!given) return view().require_open(), std::nullopt;  // an append would have asked
    view().acknowledge(*given);
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
  void set_relief(std::function<void()> relief) {
    relief_ = std::move(relief);
    map::note_uses();
  }
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
    const timestamp now = view().clock();
    const auto lives = std::max(*ttl, {});
    return now >= timestamp::max() - lives ? timestamp::max() : now + lives;
  }

  /// What snapshots keep compaction from dropping.
  [[nodiscard]] snapshot_holds<system>& holds() { return holds_; }

  /// Returns how many keys have a value; one that has expired counts until it is swept.
  [[nodiscard]] std::uint64_t size() {
    prepare();
    return map::live_keys();
  }

  /// Brings in what other processes wrote.
  void refresh() { prepare(); }

  /// Has something called before each read: what brings in what another process wrote.
  void set_refresh(std::function<void()> refresh) { refresh_ = std::move(refresh); }

  /// Writes one record and points its key there. Under the shard's lock; there is room.
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
    view().require_readable();
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
      view().wait(found.position() + 1, watermark::durable);
    } else {
      view().wait(view().reached(watermark::appended), watermark::durable);
    }
  }

  /// Writes a record if that is wanted on top of the newest of its key; nothing: it is not.
  template <class Wants>
  std::optional<ticket> write_locked(std::uint64_t hashed, format::key_record_head& head,
                                     bytes_view key, bytes_view value, Wants& wants) {
    const guard lock{table().shard_of(hashed).lock};
    read_type before;
    const bool known = look_settled(*this, hashed, key, before);
    if (!wants(known ? &before : nullptr)) return std::nullopt;
    head.previous = known ? source().lsn_of(before).value() : 0;
    if (!is_shared && !view().fits(head.record_bytes())) return write_large(head, key, value);
    const auto replaced = known ? before.replaced() : replaced_record<Policies>{};
    const bool lives = known && replaced.verb != format::key_verb::erase;
    if (lives) return write_alone(hashed, head, key, value, &replaced);
    make_room(hashed, key, known);
    try {
      return write_alone(hashed, head, key, value, known ? &replaced : nullptr);
    } catch (...) {
      map::give_room_back(key);
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

  // On a line of its own: before it is what each new key changes.
  alignas(64) snapshot_holds<system> holds_;
  std::unique_ptr<key_learner<Policies>> learner_;  // null: nobody else writes, or this only reads
  std::function<void()> refresh_;                   // empty: this process is the writer
  std::function<void()> relief_;                    // empty: memory has no limit
};

}  // namespace logdb::detail
