// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Index<Sparse>: one entry every stride of bytes; finds records by lsn and by append time.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

#include <logdb/index/append_verbs.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/record.hpp>

namespace logdb {

namespace detail {

/// Gives `read` and `find_time` to a log whose records are plain bytes.
template <class Log>
class find_verbs {
 public:
  /// Returns the record with this lsn.
  ///
  /// @errors   errc::truncated below first_lsn(); errc::not_found above last_lsn(), or when
  ///           salvage skipped it; errc::corrupt
  /// @threads  any; waits for no writer
  /// @cost     O(log segments + stride)
  [[nodiscard]] record read(lsn at) const { return self().snapshot().read(at); }

  /// Returns the lsn of the first record whose commit group began at `time` or later, if there is
  /// one. Where a clock came back by more than an hour, what it had put ahead counts as of then.
  /// @cost  O(segments + stride)
  [[nodiscard]] std::optional<lsn> find_time(timestamp time) const {
    return self().snapshot().find_time(time);
  }

 private:
  const Log& self() const { return static_cast<const Log&>(*this); }
};

}  // namespace detail

/// Narrows a search to one stride, then scans. Exact: the index only ever excludes.
struct Sparse {
  struct options {
    /// one entry (24 bytes) for each so many bytes of log, at least 64
    std::uint64_t stride_bytes = 64u << 10;

    /// Returns what is out of its range; null: nothing.
    [[nodiscard]] const char* fault() const {
      return stride_bytes >= 64 ? nullptr : "index.stride_bytes must be at least 64";
    }
  };

  static constexpr std::string_view name = "Sparse";
  static constexpr std::uint32_t id = 1;
  static constexpr index_hooks hooks{"fault"};

  /// Plain records: what one of the two writes the other can read.
  static constexpr bool reads(std::uint32_t written_by) { return written_by <= 1; }

  /// Holds the entries of one segment: one writer appends, readers see a prefix, nobody waits.
  class segment_index {
   public:
    segment_index(const options& chosen, std::uint64_t capacity)
        : stride_{std::max<std::uint64_t>(chosen.stride_bytes, 64)},
          room_{capacity / stride_ + 2} {}

    [[nodiscard]] std::uint64_t due() const { return due_; }

    void note(const index_entry& entry) {
      const std::size_t count = count_.load(std::memory_order_relaxed);
      if (count == room_) return;
      if (!entries_) entries_ = std::make_unique<index_entry[]>(room_);
      entries_[count] = entry;
      due_ = entry.offset + stride_;
      count_.store(count + 1, std::memory_order_release);  // pairs with the acquire in known()
    }

    [[nodiscard]] std::optional<index_entry> floor(lsn at) const {
      return last_where([at](const index_entry& entry) { return entry.first <= at; });
    }

    [[nodiscard]] std::optional<index_entry> floor(timestamp time) const {
      return last_where([time](const index_entry& entry) { return entry.time < time; });
    }

    [[nodiscard]] std::vector<std::byte> encode() const {
      const auto bytes = std::as_bytes(known());
      return {bytes.begin(), bytes.end()};
    }

    bool decode(bytes_view bytes) {
      const std::size_t count = bytes.size() / sizeof(index_entry);
      if (bytes.size() % sizeof(index_entry) != 0 || count > room_) return false;
      auto entries = std::make_unique<index_entry[]>(room_);
      if (count != 0) std::memcpy(entries.get(), bytes.data(), bytes.size());
      if (!light::is_sorted(std::span{entries.get(), count}, &index_entry::first)) {
        return false;
      }
      entries_ = std::move(entries);
      count_.store(count, std::memory_order_release);  // pairs with the acquire in known()
      return true;
    }

   private:
    [[nodiscard]] std::span<const index_entry> known() const {
      const std::size_t count = count_.load(std::memory_order_acquire);  // pairs with note()
      if (count == 0) return {};  // the writer may be making room
      return {entries_.get(), count};
    }

    template <class Predicate>
    [[nodiscard]] std::optional<index_entry> last_where(Predicate holds) const {
      const auto entries = known();
      const auto past = std::partition_point(entries.begin(), entries.end(), holds);
      if (past == entries.begin()) return std::nullopt;
      return *std::prev(past);
    }

    std::uint64_t stride_;
    std::uint64_t room_;                      // entries at most: the segment holds no more strides
    std::uint64_t due_ = 0;                   // the writer's alone
    std::unique_ptr<index_entry[]> entries_;  // written before count_ covers it, then never again
    platform::atomic<std::size_t> count_ = 0;
  };

  template <class Log>
  class face : public detail::append_verbs<Log>, public detail::find_verbs<Log> {};

  template <class Transaction>
  class transaction_face : public detail::append_verbs<Transaction> {};
};

static_assert(sizeof(index_entry) == 24, "do not change: on disk, in the footer");

}  // namespace logdb
