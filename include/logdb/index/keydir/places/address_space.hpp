// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The addresses of an open store: each segment gets a stretch of them, so that one number of 44
/// bits says where a record is.

#include <array>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/index/keydir/places/release_steps.hpp>
#include <logdb/index/keydir/places/segment_keys.hpp>
#include <logdb/index/keydir/table/page.hpp>
#include <logdb/journal/segments/segment_table.hpp>
#include <logdb/journal/write/relocation.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// A segment with the addresses of its bytes.
///
/// @threads  any
template <class Policies>
class stretch : public any_stretch {
 public:
  stretch(segment_ptr<Policies> segment, address base)
      : segment_{std::move(segment)}, base_{base} {}

  [[nodiscard]] const segment_ptr<Policies>& segment() const { return segment_; }
  /// The address of the segment's first byte.
  [[nodiscard]] address base() const { return base_; }

  /// Returns the bytes of the segment, mapped at the first call. @errors errc::corrupt, errc::io
  [[nodiscard]] bytes_view bytes() {
    const std::byte* known = data_.load(std::memory_order_acquire);  // pairs with the store below
    if (known == nullptr) [[unlikely]] {
      const bytes_view all = segment_->bytes();
      size_.store(all.size(), std::memory_order_relaxed);
      data_.store(known = all.data(), std::memory_order_release);
    }
    return {known, size_.load(std::memory_order_relaxed)};
  }

  /// Has the processor fetch a record, if the bytes were mapped before.
  void prefetch(std::uint64_t offset) const {
    const std::byte* const known = data_.load(std::memory_order_acquire);  // pairs with bytes()
    if (known != nullptr) prefetch_record(known + offset);
  }
  /// Does so where it lies: the lines of a short record at once, not one after the other as they
  /// are needed.
  static void prefetch_record(const std::byte* record) {
    __builtin_prefetch(record - format::frame_header_bytes);
    __builtin_prefetch(record + 64);
    __builtin_prefetch(record + 128);
  }

  /// Says at which stream position the segment would begin, once records are appended to it.
  void set_stream(stream_position begin) {
    if (stream_.load(std::memory_order_relaxed) == begin.value()) [[likely]]
      return;
    stream_.store(begin.value(), std::memory_order_release);  // pairs with stream()
  }
  /// 0: all of it was written before the log was opened.
  [[nodiscard]] stream_position stream() const {
    return stream_position{stream_.load(std::memory_order_acquire)};
  }

  /// Where its frames went that a failed sync left in doubt; null: nowhere.
  [[nodiscard]] const relocation* moved() const { return segment_->entries().moved(); }

  /// Counts bytes of records that no key needs any more.
  void add_dead(std::uint64_t bytes) { dead_.fetch_add(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t dead() const { return dead_.load(std::memory_order_relaxed); }

  /// Says that more may be dead than is counted: the records tell.
  void doubt() { doubtful_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool is_doubtful() const { return doubtful_.load(std::memory_order_relaxed); }

  /// Takes what a compaction has found: how much it can free now, and what later.
  /// @param counted  what dead() was before it judged the records
  void settle(std::uint64_t counted, std::uint64_t dead, segment_account found) {
    dead_.fetch_add(dead - counted, std::memory_order_relaxed);
    account_ = std::make_unique<const segment_account>(std::move(found));
    doubtful_.store(false, std::memory_order_relaxed);
  }
  /// Null: nobody has judged the records yet. For compaction, as settle() is.
  [[nodiscard]] const segment_account* account() const { return account_.get(); }

 private:
  segment_ptr<Policies> segment_;
  address base_;
  platform::atomic<const std::byte*> data_ = nullptr;
  platform::atomic<std::uint64_t> size_ = 0;
  platform::atomic<std::uint64_t> stream_ = 0;
  std::unique_ptr<const segment_account> account_;
  platform::atomic<bool> doubtful_ = false;
  alignas(64) platform::atomic<std::uint64_t> dead_ = 0;
};

/// Gives addresses to segments and takes them back.
///
/// Addresses come in pieces of 2 MiB. at() takes no lock and is used inside a reader_gate, or
/// under the lock of a shard whose keys may stand there.
/// @threads  any
template <class Policies>
class address_space {
 public:
  using system = typename Policies::storage::system;
  using stretch_type = stretch<Policies>;
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  address_space() = default;
  address_space(const address_space&) = delete;
  address_space& operator=(const address_space&) = delete;
  ~address_space() {
    for (auto& each : leaves_) delete each.load(std::memory_order_relaxed);
  }

  /// Returns the stretch that an address lies in; null: its segment is gone.
  [[nodiscard]] stretch_type* at(address where) const {
    const leaf* const found =
        leaves_[where >> (piece_bits + leaf_bits)].load(std::memory_order_acquire);
    return found == nullptr
               ? nullptr
               : (*found)[(where >> piece_bits) & leaf_mask].load(std::memory_order_seq_cst);
  }

  /// Returns the stretch of a segment, which it gets with the first call.
  /// @errors  errc::no_space when 16 TiB of segments are open; std::bad_alloc
  stretch_type& of(const segment_ptr<Policies>& segment) {
    const guard lock{mutex_};
    return found_or_made(*segment, segment);
  }

  /// Returns the stretch of a file; null: it has none.
  [[nodiscard]] stretch_type* find(segment_number number) const {
    const guard lock{mutex_};
    const auto found = stretches_.find(number);
    return found == stretches_.end() ? nullptr : found->second.get();
  }

  /// Returns all stretches that there are.
  [[nodiscard]] std::vector<std::shared_ptr<stretch_type>> all() const {
    const guard lock{mutex_};
    std::vector<std::shared_ptr<stretch_type>> found;
    for (const auto& [number, each] : stretches_) found.push_back(each);
    return found;
  }

  /// Tells whether an address may be one that a failed sync has moved elsewhere.
  [[nodiscard]] bool has_moved() const {
    const guard lock{mutex_};
    return light::any_of(stretches_,
                         [](const auto& each) { return each.second->moved() != nullptr; });
  }

  /// Makes the addresses of a segment lead nowhere; what is returned is kept until nobody uses it.
  [[nodiscard]] std::shared_ptr<stretch_type> remove(segment_number number) {
    const guard lock{mutex_};
    const auto found = stretches_.find(number);
    if (found == stretches_.end()) return nullptr;
    auto gone = std::move(found->second);
    stretches_.erase(found);
    link(*gone, nullptr);
    gone->segment()->entries().set_stretch(nullptr);
    return gone;
  }

  /// Gives back the addresses of a stretch that nobody uses any more.
  void reuse(const stretch_type& gone) {
    const guard lock{mutex_};
    taken_.erase(gone.base() >> piece_bits);
  }

 private:
  static constexpr unsigned piece_bits = 21;
  static constexpr unsigned leaf_bits = 11;
  static constexpr std::uint64_t leaf_mask = (std::uint64_t{1} << leaf_bits) - 1;
  static constexpr std::uint64_t piece_count = std::uint64_t{1} << (address_bits - piece_bits);
  static constexpr std::size_t leaf_count = static_cast<std::size_t>(piece_count >> leaf_bits);
  using leaf = std::array<platform::atomic<stretch_type*>, std::size_t{1} << leaf_bits>;

  [[nodiscard]] static std::uint64_t pieces(std::uint64_t bytes) {
    return (bytes >> piece_bits) + 1;
  }

  stretch_type& found_or_made(segment<Policies>& segment, const segment_ptr<Policies>& owner) {
    const auto known = stretches_.find(segment.number());
    if (known != stretches_.end()) {
      segment.entries().set_stretch(known->second.get());  // another view of the same file
      return *known->second;
    }
    const std::uint64_t count = pieces(segment.bytes_left());
    const std::uint64_t first = free_run(count);
    auto made = std::make_shared<stretch_type>(owner, first << piece_bits);
    make_leaves(first, count);
    taken_.emplace(first, count);
    try {
      stretches_.emplace(segment.number(), made);
    } catch (...) {
      taken_.erase(first);
      throw;
    }
    link(*made, made.get());
    segment.entries().set_stretch(made.get());
    return *made;
  }

  /// Finds so many free pieces in a row: behind the last that were given, or from the start again.
  [[nodiscard]] std::uint64_t free_run(std::uint64_t count) {
    for (const std::uint64_t start : {next_, std::uint64_t{1}}) {
      std::uint64_t at = start;
      for (auto used = taken_.lower_bound(at); used != taken_.end() && used->first < at + count;
           ++used) {
        at = used->first + used->second;
      }
      if (at + count <= piece_count) return next_ = at + count, at;
    }
    throw error{errc::no_space, "an open key-value log addresses at most 16 TiB of segments"};
  }

  void make_leaves(std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t n = first >> leaf_bits; n <= (first + count - 1) >> leaf_bits; ++n) {
      if (leaves_[n].load(std::memory_order_relaxed) == nullptr)
        leaves_[n].store(new leaf{}, std::memory_order_release);
    }
  }

  void link(const stretch_type& at, stretch_type* to) {
    const std::uint64_t first = at.base() >> piece_bits;
    for (std::uint64_t n = first; n < first + pieces(at.segment()->bytes_left()); ++n) {
      (*leaves_[n >> leaf_bits].load(std::memory_order_relaxed))[n & leaf_mask].store(
          to, std::memory_order_seq_cst);
    }
  }

  mutable mutex mutex_;
  std::map<segment_number, std::shared_ptr<stretch_type>> stretches_;  // guarded by mutex_
  std::map<std::uint64_t, std::uint64_t> taken_;  // guarded by mutex_: runs of pieces
  std::uint64_t next_ = 1;                        // guarded by mutex_; piece 0 is nobody's
  // Made with the lock, and stay: the release in make_leaves() pairs with at(). What they lead to
  // is taken out, sequentially consistent: see reader_gate.
  std::array<platform::atomic<leaf*>, leaf_count> leaves_{};
};

/// Finds the address of a record by where the bytes of its segment are mapped.
template <class Policies>
class record_places {
 public:
  /// Notes the segments that have records from one on.
  /// @param salvages  those that cannot be read are passed
  /// @errors          errc::corrupt, errc::io
  void note(const segment_list<Policies>& list, address_space<Policies>& space, bool salvages,
            lsn first = lsn{}) {
    mapped_.clear();
    for (const auto* segments : {&list.log, &list.attached}) {
      for (const auto& each : *segments) {
        // Behind damage a salvaging open also reads frames whose first record nobody has named.
        if ((!each->base() && !salvages) || (each->end() && each->end() <= first)) continue;
        note(each, space, salvages);
      }
    }
    light::sort(mapped_, [](const mapped_segment& each) { return each.bytes.data(); });
  }

  [[nodiscard]] address address_of(bytes_view record) const {
    const auto past = light::upper_bound(
        mapped_, record.data(), [](const mapped_segment& each) { return each.bytes.data(); });
    const mapped_segment& in = *std::prev(past);
    return in.base + static_cast<std::uint64_t>(record.data() - in.bytes.data());
  }

 private:
  struct mapped_segment {
    bytes_view bytes{};
    address base = 0;
  };

  void note(const segment_ptr<Policies>& each, address_space<Policies>& space, bool salvages) {
    try {
      const bytes_view bytes = each->bytes();
      if (!bytes.empty()) mapped_.push_back({bytes, space.of(each).base()});
    } catch (const error& missing) {
      if (!salvages || missing.condition() != errc::corrupt) throw;
    }
  }

  std::vector<mapped_segment> mapped_;  // in the order of their bytes
};

}  // namespace logdb::detail
