// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The records that a compaction keeps: what each becomes in the new segment, and their writing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <logdb/format/frames/key_value.hpp>
#include <logdb/index/keydir/compact/compaction_judge.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// A record that stays.
struct survivor {
  std::uint64_t hash = 0;
  address from = 0;
  address to = 0;
  bytes_view bytes{};  // in a segment of the run
  lsn at{};
  timestamp time{};
  ruling ruled{};

  /// Returns how many bytes it has once it is rewritten.
  [[nodiscard]] std::uint64_t bytes_after() const {
    return is_buried() ? tombstone().size() : bytes.size();
  }
  [[nodiscard]] bool is_buried() const { return ruled.as == ruling::verdict::bury; }

  /// Makes a tombstone of it.
  [[nodiscard]] std::vector<std::byte> tombstone() const {
    const auto found = *format::decode_key_record(bytes);
    format::key_record_head head{.key_bytes = found.head.key_bytes,
                                 .verb = format::key_verb::erase,
                                 .previous = found.head.previous,
                                 .near = found.head.near};
    std::vector<std::byte> made(head.record_bytes());
    format::encode_key_head(made.data(), head);
    std::copy(found.key.begin(), found.key.end(),
              made.begin() + static_cast<std::ptrdiff_t>(head.head_bytes()));
    return made;
  }
};

/// The survivors of one run of segments, in the order of their lsns.
template <class Policies>
class survivors {
 public:
  void add(const survivor& one) { all_.push_back(one); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] const survivor& operator[](std::size_t n) const { return all_[n]; }

  /// Writes them to a new segment, with their lsns and times, and syncs them.
  /// @param stride_bytes  of the log's index
  /// @param base_of       tells the address at which the new segment begins
  /// @errors              errc::no_space, errc::io
  template <class BaseOf>
  void write(segment_rewrite<Policies>& rewrite, std::uint64_t stride_bytes, BaseOf base_of) {
    rewrite.begin(room(stride_bytes));
    const address base = base_of(rewrite.segment());
    for (survivor& each : all_) each.to = base + put(rewrite, each);
    rewrite.finish();
  }

 private:
  /// Returns what the new segment takes, with its footer.
  [[nodiscard]] std::uint64_t room(std::uint64_t stride_bytes) const {
    rewrite_size size;
    for (const survivor& each : all_) size.add(each.time, each.bytes_after());
    const std::uint64_t entries = size.frames() / stride_bytes + 1;
    return size.capacity(entries * sizeof(index_entry) + all_.size() * sizeof(key_hint));
  }

  /// Puts one record and returns its offset.
  static std::uint64_t put(segment_rewrite<Policies>& rewrite, const survivor& each) {
    if (each.is_buried()) return rewrite.put(each.at, each.time, each.tombstone());
    const auto found = format::decode_key_record(each.bytes);
    if (found->head.batched) return rewrite.put(each.at, each.time, alone(*found));
    return rewrite.put_as_it_stands(each.at, each.time, each.bytes);
  }

  /// Makes of a record in a batch one that stands alone.
  static std::vector<std::byte> alone(const format::key_record& found) {
    std::vector<std::byte> record{found.bytes.begin(), found.bytes.end()};
    format::finish_batched(record, found.head.previous, found.head.near,
                           static_cast<std::uint32_t>(format::frame_header_bytes), 0);
    return record;
  }

  std::vector<survivor> all_;
};

}  // namespace logdb::detail
