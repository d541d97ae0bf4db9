// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a KeyDir keeps for one segment: the entries of a Sparse, and in the footer the hints.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include <logdb/index/keydir/places/hints.hpp>
#include <logdb/index/sparse.hpp>
#include <logdb/journal/control/control.hpp>
#include <logdb/journal/write/relocation.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>

namespace logdb::detail {

/// A stretch of an address_space, whatever the storage of its log.
class any_stretch {
 protected:
  any_stretch() = default;
  ~any_stretch() = default;
};

/// Finds records of a segment by lsn and time, and knows its keys once it is sealed.
///
/// In the footer, do not change: on disk:
/// ```
///  0 u64 entries   how many
///  8 u64 dead      bytes of records that later ones in the segment have replaced
/// 16 u64 mortal    bytes of records that expire
/// 24 i64 first     when the first of them does: log time, ns since 1970
/// 32 i64 last      when the last does
/// 40 entries       24 bytes each, as Sparse has them
///  … hints         16 bytes each, by hash
/// ```
class segment_keys {
 public:
  segment_keys(const Sparse::options& chosen, std::uint64_t capacity) : sparse_{chosen, capacity} {}

  [[nodiscard]] std::uint64_t due() const { return sparse_.due(); }
  void note(const index_entry& entry) { sparse_.note(entry); }
  [[nodiscard]] std::optional<index_entry> floor(lsn at) const { return sparse_.floor(at); }
  [[nodiscard]] std::optional<index_entry> floor(timestamp time) const {
    return sparse_.floor(time);
  }

  /// Gathers the hints of the segment for encode(): none if it is damaged.
  void learn(const sealed_segment& sealed) {
    hint_collector collected{make_hash_seed(sealed.store())};
    is_whole_ = collected.walk(sealed);
    set_waste(collected.waste());
    own_ = collected.take();
    hints_ = own_;
  }

  [[nodiscard]] std::vector<std::byte> encode() const {
    const std::vector<std::byte> entries = sparse_.encode();
    const std::uint64_t count = entries.size() / sizeof(index_entry);
    const auto keys = std::as_bytes(hints_);
    // What is damaged, or does not fit into a frame, is walked instead.
    if (!is_whole_ || entries.size() + keys.size() > bytes_max) return {};
    std::vector<std::byte> out(fixed_bytes);
    format::store(out.data(), count);
    format::store(out.data() + 8, waste_.dead_bytes);
    format::store(out.data() + 16, waste_.mortal_bytes);
    format::store(out.data() + 24, waste_.expires_first);
    format::store(out.data() + 32, waste_.expires_last);
    out.insert(out.end(), entries.begin(), entries.end());
    out.insert(out.end(), keys.begin(), keys.end());
    return out;
  }

  /// Takes back what encode() gave; the bytes stay where they are for as long as this lives.
  bool decode(bytes_view bytes) {
    if (bytes.size() < fixed_bytes) return false;
    const auto count = format::load<std::uint64_t>(bytes.data());
    if (count > (bytes.size() - fixed_bytes) / sizeof(index_entry)) return false;
    const bytes_view entries = bytes.subspan(fixed_bytes, count * sizeof(index_entry));
    const bytes_view keys = bytes.subspan(fixed_bytes + entries.size());
    // Frames stand at multiples of 8, so these do.
    if (keys.size() % sizeof(key_hint) != 0 || !sparse_.decode(entries)) return false;
    const std::span hints{reinterpret_cast<const key_hint*>(keys.data()),
                          keys.size() / sizeof(key_hint)};
    if (!light::is_sorted(hints, &key_hint::hash)) return false;
    hints_ = hints;
    set_waste({format::load<std::uint64_t>(bytes.data() + 8),
               format::load<std::uint64_t>(bytes.data() + 16),
               format::load<std::int64_t>(bytes.data() + 24),
               format::load<std::int64_t>(bytes.data() + 32)});
    has_hints_ = true;
    return true;
  }

  /// Returns the hints that the footer had; null: there are none.
  [[nodiscard]] const std::span<const key_hint>* hints() const {
    return has_hints_ ? &hints_ : nullptr;
  }
  /// Known once the segment is sealed, to whatever finished it or has read its footer.
  [[nodiscard]] const segment_waste& waste() const { return waste_; }
  [[nodiscard]] bool knows_waste() const { return knows_waste_; }
  void set_waste(const segment_waste& known) {
    waste_ = known;
    knows_waste_ = true;
  }
  /// Frees what encode() needed.
  void forget_hints() {
    if (own_.empty()) return;
    hints_ = {};
    own_ = {};
  }

  [[nodiscard]] const relocation* moved() const {
    return moved_.load(std::memory_order_acquire);  // pairs with forward()
  }
  /// Says where frames went; before they are gone from here.
  void forward(std::unique_ptr<relocation> moved) noexcept {
    relocation_ = std::move(moved);
    moved_.store(relocation_.get(), std::memory_order_release);
  }

  [[nodiscard]] any_stretch* stretch() const { return stretch_.load(std::memory_order_acquire); }
  void set_stretch(any_stretch* stretch) { stretch_.store(stretch, std::memory_order_release); }

 private:
  static constexpr std::size_t fixed_bytes = 40;
  static constexpr std::uint64_t bytes_max = std::uint64_t{3} << 30;

  Sparse::segment_index sparse_;
  std::span<const key_hint> hints_;  // in own_ or in the footer's bytes
  std::vector<key_hint> own_;
  segment_waste waste_;
  bool has_hints_ = false;
  bool is_whole_ = true;  // own_ has all of the segment
  bool knows_waste_ = false;
  std::unique_ptr<relocation> relocation_;
  platform::atomic<const relocation*> moved_ = nullptr;  // relocation_ once it is whole
  platform::atomic<any_stretch*> stretch_ = nullptr;     // of an address_space
};

}  // namespace logdb::detail
