// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Steps by which keys come to lead to records: a frame with its addresses, one key, many at once.

#include <atomic>
#include <utility>
#include <vector>

#include <logdb/index/keydir/record_source.hpp>
#include <logdb/record.hpp>

namespace logdb::detail {

/// Appends one frame of records. Where several processes write, in turn.
template <class Store>
auto append_frame(Store& store, format::frame_kind kind, std::uint32_t count, bytes_view first,
                  bytes_view second) {
  if constexpr (Store::is_shared) {
    return store.view().append_in_turn(kind, count, first, second);
  } else {
    return store.view().append(kind, count, first, second);
  }
}

/// Returns the stretch of the segment that a frame was just put into.
template <class Store, class Policies>
stretch<Policies>& stretch_of(Store& store, const placement<Policies>& put) {
  if constexpr (Store::is_shared) {
    if (void* const known = put.in->entries().stretch()) [[likely]]
      return *static_cast<stretch<Policies>*>(known);
    auto& in = store.space().of(store.view().extents().back().segment);
    (void)in.bytes();  // mapped before another process can compact it
    in.set_stream(put.stream);
    return in;
  } else {
    auto& in = store.space().of(*put.in, store.view().segments());
    in.set_stream(put.stream);
    return in;
  }
}

/// Looks a key up until what is found stays. Under the shard's lock.
template <class Store>
bool look_settled(Store& store, std::uint64_t hash, bytes_view key,
                  typename Store::read_type& out) {
  for (;;) {
    const auto looked = store.look(hash, key, out);
    if (looked != Store::lookup::again) return looked == Store::lookup::found;
  }
}

/// Leads a key to a record that was read in the log, unless it leads to a later one.
template <class Store>
void lead_key(Store& store, std::uint64_t hash, const format::key_record& found, address at,
              lsn where) {
  const typename Store::guard lock{store.table().shard_of(hash).lock};
  typename Store::read_type known;
  if (!look_settled(store, hash, found.key, known)) {
    store.table().make_room(hash);
    return store.replace(hash, found.key, nullptr, at, found.head.verb);
  }
  if (store.source().lsn_of(known) > where || known.listed == at) return;
  const auto before = known.replaced();
  store.replace(hash, found.key, &before, at, found.head.verb);
}

/// Leads the key of a record that a walk of the log gave there, unless it leads to a later one.
template <class Store, class Places>
void lead_key(Store& store, const record& each, const Places& places) {
  format::key_record found;
  if (!format::decode_key_record(each.bytes(), found)) return;
  lead_key(store, store.hash(found.key), found, places.address_of(each.bytes()), each.lsn());
}

/// Leads a key to where its newest record has come to stand, if it is that one; returns whether.
template <class Store>
bool relocate_key(Store& store, std::uint64_t hash, const format::key_record& found, address at,
                  lsn where) {
  const typename Store::guard lock{store.table().shard_of(hash).lock};
  typename Store::read_type known;
  if (!look_settled(store, hash, found.key, known)) return false;
  if (store.source().lsn_of(known) != where) return false;
  if (known.listed == at) return true;
  const auto before = known.replaced();
  store.replace(hash, found.key, &before, at, found.head.verb);
  return true;
}

/// Is a time in which readers of some shards wait, since more than one key changes.
template <class Table>
class shards_changing {
 public:
  /// @param keys  that have a `hash`
  template <class Keys>
  shards_changing(Table& table, const Keys& keys) {
    if (keys.size() < 2) return;
    changed_.reserve(keys.size());
    for (const auto& each : keys) {
      auto& count = table.shard_of(each.hash).changes;
      if (count.load() % 2 != 0) continue;
      changed_.push_back(&count);
      count.fetch_add(1);
    }
  }
  shards_changing(const shards_changing&) = delete;
  shards_changing& operator=(const shards_changing&) = delete;
  ~shards_changing() {
    for (auto* const each : changed_) each->fetch_add(1);
  }

 private:
  std::vector<decltype(Table::shard::changes)*> changed_;
};

/// Is a time in which who holds the locks of some shards writes what the log does not name yet, so
/// that nobody needs to wait for it who waits for what is in the log.
template <class Table>
class shards_preparing {
 public:
  /// @param keys  that have a `hash`
  template <class Keys>
  shards_preparing(Table& table, const Keys& keys) {
    shards_.reserve(keys.size());
    for (const auto& each : keys) shards_.push_back(&table.shard_of(each.hash));
    say(true);
  }
  shards_preparing(const shards_preparing&) = delete;
  shards_preparing& operator=(const shards_preparing&) = delete;
  ~shards_preparing() { say(false); }

 private:
  void say(bool prepares) {
    for (auto* const each : shards_) each->prepares.store(prepares);
  }

  std::vector<typename Table::shard*> shards_;
};

}  // namespace logdb::detail
