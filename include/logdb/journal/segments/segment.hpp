// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One segment: a file with bounds, its index, and how long it lives.

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/format/files/manifest.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/journal/inspect/footer_reader.hpp>
#include <logdb/journal/inspect/image.hpp>
#include <logdb/journal/segments/done_once.hpp>
#include <logdb/journal/segments/segment_bounds.hpp>
#include <logdb/journal/segments/segment_file.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/policy/storage_traits.hpp>
#include <logdb/policy/stored.hpp>

namespace logdb::detail {

/// Shared by the log and by everything that reads from it; the last one out unlinks a dropped
/// one.
///
/// @threads  readers: any; what changes it is the writer's, ordered by its locks
template <class Policies>
class basic_segment : public any_segment,
                      public segment_bounds<typename Policies::storage::system>,
                      public segment_file<typename Policies::storage> {
 public:
  using storage = typename Policies::storage;
  using system = typename storage::system;
  using bounds = segment_bounds<system>;
  using file_type = segment_file<storage>;
  using index = typename Policies::index::segment_index;
  using index_options = typename Policies::index::options;

  using bounds::end_offset;
  using bounds::settled;
  using bounds::start;
  using file_type::bytes;
  using file_type::capacity;

  basic_segment(std::shared_ptr<storage> volume, const format::manifest_segment& entry,
                const identity& store, const index_options& chosen, recovery_mode mode)
      : bounds{entry},
        file_type{
            std::move(volume), {entry.number, entry.salt, store}, entry.capacity, *this, mode},
        seed_{format::make_seed(entry.salt)},
        index_{chosen, entry.capacity},
        loaded_{entry.end_offset == 0} {}  // what is written now is noted as it comes

  ~basic_segment() {
    if (!dropped_.load(std::memory_order_acquire)) return;  // pairs with drop()
    if (this->is_forked()) return;                          // the file is the parent's
    // An event log may have put a summary beside records that are plain.
    this->remove(storage_traits<storage>::keeps_derived && Policies::index::reads(1));
  }

  [[nodiscard]] format::frame_seed seed() const { return seed_; }

  [[nodiscard]] index& entries() { return index_; }
  [[nodiscard]] auto& learning() { return learning_; }  // of entries(): learn()
  /// Says that entries() has all there is, so that nothing need be loaded.
  void adopt_entries() { loaded_.store(true, std::memory_order_release); }

  /// Returns its index: as noted, or from the footer, or from a scan when there is none.
  [[nodiscard]] const index& known_entries() {
    if (loaded_.load(std::memory_order_acquire)) return index_;
    const bytes_view all = bytes();
    this->require_own();
    platform::scoped_lock lock{loading_};
    if (!loaded_.load(std::memory_order_relaxed)) {
      scan_place from = start();
      if (!read_footer<typename Policies::index>(all, this->footer_offset(), seed_, index_)) {
        scan_segment(*this, end_offset(), from, format::read_header_in, noting_in(index_));
      }
      loaded_.store(true, std::memory_order_release);  // pairs with the acquire above
    }
    return index_;
  }

  /// Returns the stretch of frames that holds an offset: all of it, unless it has an image.
  /// @errors  as bytes(), and those of the image
  [[nodiscard]] frame_stretch frames_at(std::uint64_t offset) {
    return is_plain() ? frame_stretch{.bytes = bytes()} : image_->frames_at(offset);
  }
  /// Tells whether its file holds the frames as they are read: then frames_at() and bytes() agree.
  [[nodiscard]] bool is_plain() const { return image_ == nullptr; }
  /// Has the frames of a sealed segment come from elsewhere; before anybody has the segment.
  void show(std::unique_ptr<const segment_image> image) { image_ = std::move(image); }

  /// Returns the bytes of its file: with the footer, which may reach beyond the capacity.
  [[nodiscard]] std::uint64_t disk_bytes() const {
    const std::uint64_t known =
        settled() ? disk_bytes_.load(std::memory_order_relaxed) : capacity();
    if (known != 0) return known;
    try {
      const std::uint64_t found = std::max(capacity(), this->open_to_read().size());
      disk_bytes_.store(found,
                        std::memory_order_relaxed);  // of whoever asks last: all find the same
      return found;
    } catch (const error&) {
      return capacity();  // whoever needs its bytes is told
    }
  }

  /// Unlinks it once nobody reads it any more.
  void drop() noexcept {
    if (older_ != nullptr) return older_->drop();
    dropped_.store(true, std::memory_order_release);  // pairs with the destructor
  }
  /// Takes the place of another view of the same file, and leaves it to that one to unlink it.
  void supersede(std::shared_ptr<basic_segment> older) {
    older_ = std::move(older);
    older_->superseded_.store(true, std::memory_order_release);  // pairs with is_superseded()
  }
  /// Tells whether another view has its place: what its bounds promised stands elsewhere.
  [[nodiscard]] bool is_superseded() const { return superseded_.load(std::memory_order_acquire); }

  /// Returns what the manifest says of it: bounds only once they are settled.
  [[nodiscard]] format::manifest_segment entry() const {
    format::manifest_segment entry{
        .number = this->number(), .salt = this->salt(), .capacity = capacity()};
    bounds::describe(entry);
    return entry;
  }

 private:
  template <class T>
  using atomic = platform::basic_atomic<system, T>;

  format::frame_seed seed_;
  index index_;  // noted under the append lock; looked up by anyone
  atomic<bool> loaded_ = false;
  platform::basic_mutex<system> loading_;  // of index_
  done_once<system> learning_;
  mutable atomic<std::uint64_t> disk_bytes_ = 0;  // 0: not asked for yet
  std::unique_ptr<const segment_image> image_;    // null: plain; constant once somebody has it
  atomic<bool> dropped_ = false;
  atomic<bool> superseded_ = false;
  std::shared_ptr<basic_segment> older_;  // the view of the file that this superseded, if any
};

template <class Policies>
using segment = basic_segment<stored_of<Policies>>;
template <class Policies>
using segment_ptr = std::shared_ptr<segment<Policies>>;

}  // namespace logdb::detail
