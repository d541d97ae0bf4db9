// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Hints: of each key in a segment its hash and where its last record there stands, so that opening
/// reads no values. Derived: a segment without them is walked.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <logdb/format/frames/batch.hpp>
#include <logdb/format/frames/key_value.hpp>
#include <logdb/format/hash.hpp>
#include <logdb/journal/inspect/sealed_segment.hpp>

namespace logdb::detail {

/// What a footer keeps of one key of its segment.
///
/// Do not change: on disk.
/// ```
///  0 u64 hash     of the key, with the seed of the store
///  8 u64 where    40 bits offset of the record, 20 bits its size in units of 8 bytes, rounded up,
///                 all ones: as many or more; 2 bits verb; 1 bit expires; 1 bit 0
/// ```
struct key_hint {
  std::uint64_t hash = 0;
  std::uint64_t where = 0;

  static constexpr std::uint64_t size_max = (std::uint64_t{1} << 20) - 1;

  static key_hint make(std::uint64_t hash, std::uint64_t offset, const format::key_record& record) {
    const std::uint64_t size = std::min<std::uint64_t>((record.bytes.size() + 7) / 8, size_max);
    return {hash, offset | size << 40 |
                      std::uint64_t{static_cast<std::uint8_t>(record.head.verb)} << 60 |
                      std::uint64_t{record.head.expires ? 1u : 0u} << 62};
  }

  [[nodiscard]] std::uint64_t offset() const { return where & ((std::uint64_t{1} << 40) - 1); }
  [[nodiscard]] std::uint64_t bytes() const { return (where >> 40 & size_max) * 8; }
  [[nodiscard]] format::key_verb verb() const {
    return static_cast<format::key_verb>(where >> 60 & 3);
  }
  [[nodiscard]] bool expires() const { return (where >> 62 & 1) != 0; }
};

static_assert(sizeof(key_hint) == 16, "do not change: on disk, in the footer");

/// Calls `visit(record, offset, lsn)` for each key's record in some frames of a segment.
template <class Visit>
void for_each_key_record(bytes_view bytes, const format::frame_view& frame, lsn first,
                         Visit&& visit) {
  const auto give = [&](bytes_view payload, lsn at) {
    const auto record = format::decode_key_record(payload);
    if (record) visit(*record, static_cast<std::uint64_t>(payload.data() - bytes.data()), at);
  };
  if (frame.header.kind == format::frame_kind::record) return give(frame.payload, first);
  const auto batch = format::batch_view::open(frame.header.kind, frame.header.count, frame.payload);
  if (!batch) return;
  for (const bytes_view each : *batch) give(each, std::exchange(first, first + 1));
}

/// What a segment's records say of its waste.
struct segment_waste {
  std::uint64_t dead_bytes = 0;    ///< of records that later ones in the segment have replaced
  std::uint64_t mortal_bytes = 0;  ///< of values that expire
  std::int64_t expires_first = std::numeric_limits<std::int64_t>::max();  ///< ns since 1970
  std::int64_t expires_last = 0;

  /// Returns about how much has expired at a moment.
  [[nodiscard]] std::uint64_t expired_bytes(timestamp now) const {
    const std::int64_t at = now.time_since_epoch().count();
    if (mortal_bytes == 0 || at < expires_first) return 0;
    if (at >= expires_last) return mortal_bytes;
    const double share = (static_cast<double>(at) - static_cast<double>(expires_first)) /
                         (static_cast<double>(expires_last) - static_cast<double>(expires_first));
    return static_cast<std::uint64_t>(share * static_cast<double>(mortal_bytes)) + 1;
  }
};

/// Sorts hints by hash, those of the same hash by offset.
///
/// Hashes are spread evenly: dealt out by their first bits, few are left to compare with others.
/// @cost  O(hints), if hashes are; at worst as std::sort. As much memory again
/// @source  a radix sort's first pass: Friend, JACM 1956
inline void sort_hints(std::vector<key_hint>& hints) {
  const auto bits = static_cast<unsigned>(std::bit_width(hints.size() / 8 + 1));
  const auto pile_of = [bits](const key_hint& each) { return each.hash >> (64 - bits); };
  std::vector<std::size_t> ends((std::size_t{1} << bits) + 1);
  for (const key_hint& each : hints) ++ends[pile_of(each) + 1];
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<key_hint> sorted(hints.size());
  for (const key_hint& each : hints) sorted[ends[pile_of(each)]++] = each;
  std::size_t begin = 0;
  for (std::size_t pile = 0; pile + 1 < ends.size(); begin = ends[pile++]) {
    std::sort(sorted.data() + begin, sorted.data() + ends[pile],
              [](const key_hint& a, const key_hint& b) {
                return std::pair{a.hash, a.offset()} < std::pair{b.hash, b.offset()};
              });
  }
  hints = std::move(sorted);
}

/// Gathers the hints of one segment.
class hint_collector {
 public:
  explicit hint_collector(hash_seed seed) : seed_{seed} {}

  /// Walks the frames of a segment, checksums and all, and moves the place behind the last whole
  /// one: short of where they should end there is damage, and the hints are not all.
  /// @param bytes  the segment from its start to where its frames end
  scan_stop walk(bytes_view bytes, format::frame_seed frames, scan_place& place) {
    const auto stop =
        scan(bytes, frames, place, format::read_frame, [&](const auto& frame, const auto& at) {
          for_each_key_record(bytes, frame, at.next,
                              [&](const auto& record, auto offset, lsn) { add(record, offset); });
        });
    settle(bytes);
    return stop;
  }

  /// Does so with a segment that is sealed; false: there is damage.
  bool walk(const sealed_segment& sealed) {
    const bool is_whole = sealed.for_each([this](bytes_view bytes, std::uint64_t offset, lsn) {
      if (const auto record = format::decode_key_record(bytes)) add(*record, offset);
    });
    settle(sealed.bytes());
    return is_whole;
  }

  [[nodiscard]] const segment_waste& waste() const { return waste_; }
  [[nodiscard]] std::vector<key_hint> take() { return std::move(hints_); }

 private:
  void add(const format::key_record& record, std::uint64_t offset) {
    hints_.push_back(key_hint::make(hash_key(record.key, seed_), offset, record));
    if (record.head.expires) note_expiry(record);
  }

  void note_expiry(const format::key_record& record) {
    waste_.mortal_bytes += record.bytes.size();
    const std::int64_t at = record.head.expires->time_since_epoch().count();
    waste_.expires_first = std::min(waste_.expires_first, at);
    waste_.expires_last = std::max(waste_.expires_last, at);
  }

  /// Leaves of each key the last record; they are sorted by hash.
  void settle(bytes_view bytes) {
    sort_hints(hints_);
    under_.assign(hints_.size(), 0);
    std::size_t kept = 0;
    for (std::size_t n = 0; n < hints_.size(); ++n) {
      expect(bytes, n + ahead);
      const key_hint each = hints_[n];
      std::size_t same = kept;
      while (same > 0 && hints_[same - 1].hash == each.hash &&
             !is_same(bytes, hints_[same - 1], each)) {
        --same;
      }
      const bool known = same > 0 && hints_[same - 1].hash == each.hash;
      const std::size_t place = known ? same - 1 : kept++;
      const std::uint64_t before = known ? under_[place] + hints_[place].bytes() : 0;
      // What was there before an add still is a value, until something else follows.
      const bool adds = each.verb() == format::key_verb::add;
      if (!adds) waste_.dead_bytes += before;
      under_[place] = adds ? before : 0;
      hints_[place] = each;
    }
    hints_.resize(kept);
    hints_.shrink_to_fit();
    under_ = {};
  }

  /// Has the processor fetch two records that will be compared.
  void expect(bytes_view bytes, std::size_t n) const {
    if (n + 1 >= hints_.size() || hints_[n].hash != hints_[n + 1].hash) return;
    __builtin_prefetch(bytes.data() + hints_[n].offset());
    __builtin_prefetch(bytes.data() + hints_[n + 1].offset());
  }

  static bool is_same(bytes_view bytes, const key_hint& a, const key_hint& b) {
    const auto first = format::decode_key_record(bytes.subspan(a.offset()));
    const auto second = format::decode_key_record(bytes.subspan(b.offset()));
    return first && second && is_same_key(first->key, second->key);
  }

  static constexpr std::size_t ahead = 8;

  hash_seed seed_;
  std::vector<key_hint> hints_;
  std::vector<std::uint64_t> under_;  // by hint: bytes of the values that the key has beside it
  segment_waste waste_;
};

}  // namespace logdb::detail
