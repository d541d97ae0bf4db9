// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The heads of a store in one file: where the table of its regions stands, and how it is replaced.
///
/// The table is never changed in place. A new one goes to one of three heads that is neither the
/// newest, which a process that dies now would leave, nor the newest that is known to be on stable
/// storage, which a power cut now would leave. So readers and crashes find a whole one, always.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/format/files/single_file.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/storage/directory/directory_file.hpp>

namespace logdb::detail {

/// The region of one file within the file.
///
/// A reader that loads `size` first sees an offset that goes with it.
struct single_file_region {
  static constexpr std::uint64_t clean = UINT64_MAX;

  platform::atomic<std::uint64_t> offset = 0;    // the release of size publishes it
  platform::atomic<std::uint64_t> capacity = 0;  // likewise
  platform::atomic<std::uint64_t> size = 0;      // released behind what it covers
  // How many syncs had failed at the oldest write of this process that is not synced. Sequentially
  // consistent: see single_file_numbers::failures.
  platform::atomic<std::uint64_t> unsynced = clean;
  std::uint64_t known_since = 0;  // how many had when this process learned of it
  bool zero_behind = true;        // from size on there is nothing but zeros
};

using single_file_regions = std::map<std::string, std::shared_ptr<single_file_region>, std::less<>>;

/// The heads of one open file.
///
/// @threads  one at a time
template <class System>
class single_file_heads {
 public:
  using file = directory_file<System>;

  /// Reads the table that rules.
  /// @errors  errc::not_a_log, errc::corrupt, errc::format_mismatch, errc::io
  single_file_regions load(const file& from) {
    // A live writer replaces tables while this reads: a damaged one is looked at again, until it is
    // clear that nobody is at it.
    for (int tries = 0;; ++tries) {
      const auto found = read_heads(from);
      if (found.empty()) throw error{errc::corrupt, "no head is whole", {.path = from.path()}};
      const std::size_t looked_at = tries < tries_max ? 1 : found.size();
      for (std::size_t i = 0; i < looked_at; ++i) {
        auto regions = read_table(from, found[i]);
        if (!regions) continue;
        begin_at(found[i], found.front().head.generation, from.size());
        return *std::move(regions);
      }
      if (tries >= tries_max) break;
      System::yield();
    }
    throw error{errc::corrupt, "no table of what is in the file is whole", {.path = from.path()}};
  }

  /// Learns of what other processes wrote since load(), and reads the table that rules.
  ///
  /// Requires that nobody writes meanwhile. A head that was there before load() is not believed: it
  /// may be of before a crash.
  /// @errors  errc::not_a_log, errc::corrupt, errc::format_mismatch, errc::io
  single_file_regions catch_up(const file& from) {
    const auto found = read_heads(from);
    auto regions = found.empty() ? std::nullopt : read_table(from, found.front());
    if (!regions) throw error{errc::corrupt, "the newest table is damaged", {.path = from.path()}};
    for (const auto& [slot, head] : found) {
      if (head.generation <= begun_at_ && slot != found.front().slot) continue;
      heads_[slot] = head;
      places_[slot] = {head.table_offset, head.table_capacity};
    }
    newest_ = found.front().slot;
    end_ = std::max({end_, found.front().head.end, format::round_to_region(from.size())});
    return *std::move(regions);
  }

  /// Tells whether a head was written since load().
  [[nodiscard]] bool is_current(const file& from) const {
    const auto found = read_heads(from);
    return !found.empty() && found.front().head == heads_[newest_];
  }

  /// Writes a table, so that it rules.
  /// @param generation  higher than any before: even if this fails, what it left there must not
  ///                    pass for what comes next
  /// @param durable     the newest generation that is known to be on stable storage; 0: none
  /// @errors            errc::no_space, errc::io; then the one before still does
  void publish(file& to, const single_file_regions& regions, std::uint64_t generation,
               std::uint64_t durable) {
    const std::vector<std::byte> table = encode_table(regions);
    const std::size_t slot = free_slot(durable);
    place& own = places_[slot];
    if (table.size() > own.capacity) {
      const std::uint64_t room = format::round_to_region(2 * table.size());
      own = {take(room), room};
    }
    format::single_file_head head{.generation = generation};
    head.table_offset = own.offset;
    head.table_capacity = own.capacity;
    head.table_bytes = table.size();
    head.end = end_;
    head.table_crc = format::table_crc(head.generation, table);
    to.write(own.offset, table);
    to.write(slot * format::region_alignment, bytes_view{format::encode(head)});
    heads_[slot] = head;
    newest_ = slot;
  }

  /// Writes the ruling table again, byte for byte. The next sync then covers it, also if a process
  /// that died had a sync of it fail.
  void repeat(file& to) {
    const format::single_file_head& head = heads_[newest_];
    std::vector<std::byte> table(head.table_bytes);
    to.read(head.table_offset, table);
    to.write(head.table_offset, table);
    to.write(newest_ * format::region_alignment, bytes_view{format::encode(head)});
  }

  /// Returns the generation that rules; 0: the file is new.
  [[nodiscard]] std::uint64_t newest() const {
    return newest_ == none ? 0 : heads_[newest_].generation;
  }
  /// Returns the highest generation that was there at load(), whole or not.
  [[nodiscard]] std::uint64_t begun_at() const { return begun_at_; }
  /// Tells whether the table of a generation stands there still.
  [[nodiscard]] bool has(std::uint64_t generation) const {
    return generation != 0 && light::any_of(heads_, [generation](const auto& head) {
             return head.generation == generation;
           });
  }

  /// Takes the next `bytes` of the file, a multiple of format::region_alignment.
  /// @errors  errc::no_space
  [[nodiscard]] std::uint64_t take(std::uint64_t bytes) {
    if (bytes > format::single_file_bytes_max - end_) {
      throw error{errc::no_space, "a store in one file cannot grow so large"};
    }
    end_ += bytes;
    return end_ - bytes;
  }

  /// Gives a region that is the last more room; false: it is not, or there is none.
  [[nodiscard]] bool extend(std::uint64_t offset, std::uint64_t capacity, std::uint64_t room) {
    if (capacity == 0 || offset + capacity != end_) return false;
    (void)take(room - capacity);
    return true;
  }

  [[nodiscard]] std::uint64_t end() const { return end_; }
  /// Returns how much of the file the ruling table takes from the regions.
  [[nodiscard]] std::uint64_t table_bytes() const {
    const auto& head = heads_[newest_];
    return head.table_offset < format::single_file_data_begin ? 0 : head.table_capacity;
  }

 private:
  struct place {
    std::uint64_t offset = 0;
    std::uint64_t capacity = 0;
  };
  struct found_head {
    std::size_t slot = 0;
    format::single_file_head head{};
  };

  static constexpr std::size_t none = format::single_file_heads;
  static constexpr int tries_max = 64;

  static constexpr place first_place(std::size_t slot) {
    return {format::single_file_tables_begin + slot * format::region_alignment,
            format::region_alignment};
  }

  /// Returns the heads that are whole, the newest first.
  static std::vector<found_head> read_heads(const file& from) {
    std::vector<found_head> found;
    bool ours = false;
    for (std::size_t slot = 0; slot < format::single_file_heads; ++slot) {
      found_head one{.slot = slot};
      const auto fault = read_head(from, slot, one.head);
      ours = ours || fault != format::format_fault::not_ours;
      if (fault == format::format_fault::none) found.push_back(one);
    }
    if (!ours) throw error{errc::not_a_log, "no log in one file", {.path = from.path()}};
    light::sort(found, [](const auto& one) { return ~one.head.generation; });  // the newest first
    return found;
  }

  static format::format_fault read_head(const file& from, std::size_t slot,
                                        format::single_file_head& out) {
    std::array<std::byte, format::single_file_head_bytes> bytes;
    const std::uint64_t at = slot * format::region_alignment;
    const std::uint64_t size = from.size();
    if (at + bytes.size() > size) return format::format_fault::not_ours;
    from.read(at, bytes);
    const auto fault = format::decode(bytes, out);
    if (fault == format::format_fault::none) {
      const bool own = out.table_offset == first_place(slot).offset &&
                       out.table_capacity == first_place(slot).capacity;
      const bool lies_well = own || out.table_offset >= format::single_file_data_begin;
      return lies_well ? fault : format::format_fault::damaged;
    }
    if (fault != format::format_fault::not_ours && fault != format::format_fault::damaged) {
      throw error{errc::format_mismatch,
                  "written by a newer version of the format, or with the other byte order",
                  {.path = from.path()}};
    }
    return fault;
  }

  /// Reads the table of a head; nothing when it is not whole.
  static std::optional<single_file_regions> read_table(const file& from, const found_head& chosen) {
    const auto& head = chosen.head;
    const std::uint64_t size = from.size();
    const std::uint64_t room = size - std::min(size, head.table_offset);
    if (head.table_bytes > room) return {};
    std::vector<std::byte> table(head.table_bytes);
    from.read(head.table_offset, table);
    const auto entries = format::decode_table(head, table);
    if (!entries) return {};
    single_file_regions regions;
    for (const auto& entry : *entries) regions.emplace(entry.name, make_region(entry, size));
    return regions;
  }

  /// Makes a head the ruling one. Of the others nothing is believed: their tables begin at their
  /// first places again.
  void begin_at(const found_head& chosen, std::uint64_t highest, std::uint64_t size) {
    heads_ = {};
    heads_[chosen.slot] = chosen.head;
    newest_ = chosen.slot;
    begun_at_ = highest;
    // What a crash left behind the end is never taken for zeros.
    end_ = std::max(chosen.head.end, format::round_to_region(size));
    places_ = {first_place(0), first_place(1), first_place(2)};
    places_[chosen.slot] = {chosen.head.table_offset, chosen.head.table_capacity};
  }

  /// A power cut may have left the file shorter than its table says, as any file.
  static std::shared_ptr<single_file_region> make_region(const format::single_file_entry& entry,
                                                         std::uint64_t file_bytes) {
    auto region = std::make_shared<single_file_region>();
    const std::uint64_t there = file_bytes - std::min(file_bytes, entry.offset);
    region->offset.store(entry.offset, std::memory_order_relaxed);  // nobody else has it yet
    region->capacity.store(entry.capacity, std::memory_order_relaxed);
    region->size.store(std::min(entry.size, there), std::memory_order_relaxed);
    region->zero_behind = false;
    return region;
  }

  static std::vector<std::byte> encode_table(const single_file_regions& regions) {
    std::vector<std::byte> table;
    for (const auto& [name, region] : regions) {
      format::single_file_entry entry{.name = name};
      entry.size = region->size.load(std::memory_order_acquire);
      entry.offset = region->offset.load(std::memory_order_relaxed);
      entry.capacity = region->capacity.load(std::memory_order_relaxed);
      format::encode(entry, table);
    }
    return table;
  }

  [[nodiscard]] std::size_t free_slot(std::uint64_t durable) const {
    const auto is_durable = [&](std::size_t slot) {
      return durable != 0 && heads_[slot].generation == durable;
    };
    std::size_t slot = 0;
    constexpr bool keeps = has_step<durability_point::durable_table_kept>;
    while (slot == newest_ || (keeps && is_durable(slot))) ++slot;
    return slot;
  }

  std::array<format::single_file_head, format::single_file_heads> heads_{};
  std::array<place, format::single_file_heads> places_{first_place(0), first_place(1),
                                                       first_place(2)};
  std::size_t newest_ = none;   // rules; none: the file is new
  std::uint64_t begun_at_ = 0;  // the highest generation that was there
  std::uint64_t end_ = format::single_file_data_begin;
};

}  // namespace logdb::detail
