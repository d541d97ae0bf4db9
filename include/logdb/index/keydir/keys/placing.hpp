// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Steps by which keys come to point at records: a frame with its addresses, one key, many at once.

#include <atomic>
#include <utility>
#include <vector>

#include <logdb/format/frames/frame_writer.hpp>
#include <logdb/index/keydir/places/record_source.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/record.hpp>

namespace logdb::detail {

/// Where a frame of records was put.
template <class Policies>
struct placed_frame {
  ticket given{};
  stretch<Policies>& in;
  std::uint64_t offset = 0;
};

/// Returns the stretch of a segment.
/// @param known  what the segment says; null: it has none yet
template <class Store>
auto& stretch_of(Store& store, const segment_ptr<typename Store::policies>& segment,
                 any_stretch* known) {
  return known != nullptr ? *static_cast<stretch<typename Store::policies>*>(known)
                          : store.space().of(segment);
}

/// Returns the stretch of the segment that the next frame is put into. In a turn.
template <class Store>
auto& active_stretch(Store& store) {
  const auto& active = store.view().active();
  any_stretch* const known = active.segment->entries().stretch();
  auto& in = stretch_of(store, active.segment, known);
  // Mapped before another process can compact it.
  if (Store::is_shared && known == nullptr) (void)in.bytes();
  in.set_stream(active.base);
  return in;
}

/// Puts one frame. With the append lock and room for it.
/// @errors  std::bad_alloc, errc::no_space, errc::io; nothing was put
template <class Store>
auto put_frame(Store& store, format::frame_header& header, bytes_view first, bytes_view second) {
  // First: once the frame is in the log, nothing may fail any more.
  auto& in = active_stretch(store);
  const auto put = store.view().append_in_turn(header, first, second);
  return placed_frame<typename Store::policies>{put.given, in, put.offset};
}

/// Appends one frame of records. Where several processes write, in turn.
/// @errors  as append(); nothing was appended
template <class Store>
auto append_frame(Store& store, format::frame_kind kind, std::uint32_t count, bytes_view first,
                  bytes_view second) {
  auto header = format::header_of(kind, count, first, second);
  if constexpr (Store::is_shared) {
    return put_frame(store, header, first, second);
  } else {
    const auto turn = store.view().take_turn(header.payload_bytes, count);
    return put_frame(store, header, first, second);
  }
}

/// Looks a key up until what is found stays; returns whether it is there. Under the shard's lock:
/// what has just gone was another key's then, since keys are led away under that lock before.
template <class Store>
bool look_settled(Store& store, std::uint64_t hash, bytes_view key,
                  typename Store::read_type& out) {
  LOGDB_EXPECTS(store.table().shard_of(hash).lock.is_held());
  for (;;) {
    const auto looked = store.look(hash, key, out);
    if (looked != Store::lookup::again) return looked == Store::lookup::found;
  }
}

/// Points a key at a record that was read in the log, unless it points at a later one.
template <class Store>
void point_key(Store& store, std::uint64_t hash, const format::key_record& found, address at,
               lsn where) {
  const typename Store::guard lock{store.table().shard_of(hash).lock};
  typename Store::read_type known;
  if (!look_settled(store, hash, found.key, known)) {
    store.make_room(hash, found.key, false);
    return store.replace(hash, nullptr, at, found.head.verb);
  }
  if (store.source().lsn_of(known) > where || known.listed == at) return;
  const auto before = known.replaced();
  if (before.verb == format::key_verb::erase) store.make_room(hash, found.key, true);
  store.replace(hash, &before, at, found.head.verb);
}

/// Points the key of a record that a walk of the log gave there, unless it points at a later one.
template <class Store, class Places>
void point_key(Store& store, const record& each, const Places& places) {
  format::key_record found;
  if (!format::decode_key_record(each.bytes(), found)) return;
  point_key(store, store.hash(found.key), found, places.address_of(each.bytes()), each.lsn());
}

/// Points a key to where its newest record has come to stand, if it is that one and the key points
/// to where `is_left(address)` says that it may leave; returns whether it points there now.
template <class Store, class IsLeft>
bool relocate_key(Store& store, const format::key_record& found, address at, lsn where,
                  IsLeft is_left) {
  const std::uint64_t hash = store.hash(found.key);
  const typename Store::guard lock{store.table().shard_of(hash).lock};
  typename Store::read_type known;
  if (!look_settled(store, hash, found.key, known)) return false;
  if (store.source().lsn_of(known) != where) return false;
  if (known.listed == at) return true;
  if (!is_left(known.listed)) return false;
  const auto before = known.replaced();
  store.replace(hash, &before, at, found.head.verb);
  return true;
}

/// A time in which readers of some shards wait, since more than one key changes.
template <class Table>
class shards_changing {
 public:
  /// @param keys  that have a `hash`
  template <class Keys>
  shards_changing(Table& table, const Keys& keys) : shards_changing{keys.size()} {
    begin(table, keys);
  }
  /// Makes room for so many keys, for begin() not to fail.
  explicit shards_changing(std::size_t keys) { changed_.reserve(keys); }
  template <class Keys>
  void begin(Table& table, const Keys& keys) noexcept {
    if (keys.size() < 2) return;
    for (const auto& each : keys) {
      auto& count = table.shard_of(each.hash).changes;
      if (count.load(std::memory_order_relaxed) % 2 != 0) continue;
      changed_.push_back(&count);
      count.fetch_add(1, std::memory_order_acq_rel);
    }
  }
  shards_changing(const shards_changing&) = delete;
  shards_changing& operator=(const shards_changing&) = delete;
  ~shards_changing() {
    for (auto* const each : changed_) each->fetch_add(1, std::memory_order_acq_rel);
  }

 private:
  std::vector<decltype(Table::shard::changes)*> changed_;
};

/// Marks shards whose holder is still writing a segment that no frame names yet: readers of what is
/// in the log need not wait for it.
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
    for (auto* const each : shards_) each->prepares.store(prepares, std::memory_order_release);
  }

  std::vector<typename Table::shard*> shards_;
};

}  // namespace logdb::detail
