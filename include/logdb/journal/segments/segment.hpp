// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One segment: its file, its bytes once they are needed, its bounds, its index.

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/format/files/manifest.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/format/frames/frame.hpp>
#include <logdb/journal/control/control.hpp>
#include <logdb/journal/inspect/footer_reader.hpp>
#include <logdb/journal/inspect/readable.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/segments/done_once.hpp>
#include <logdb/journal/segments/image.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/policy/storage_traits.hpp>
#include <logdb/policy/stored.hpp>

namespace logdb::detail {

/// Shared by the log and by everything that reads from it; the last one out unlinks a dropped
/// one.
///
/// @threads  readers: any; write(), sync(), begin(), seal() are the writer's, ordered by its locks
template <class Policies>
class basic_segment : public any_segment {
 public:
  using storage = typename Policies::storage;
  using file = typename storage::file;
  template <class T>
  using atomic = platform::basic_atomic<typename storage::system, T>;
  using index = typename Policies::index::segment_index;
  using index_options = typename Policies::index::options;

  basic_segment(std::shared_ptr<storage> volume, const format::manifest_segment& entry,
                const identity& store, const index_options& chosen, recovery_mode mode)
      : volume_{std::move(volume)},
        number_{entry.number},
        salt_{entry.salt},
        seed_{format::make_seed(entry.salt)},
        capacity_{entry.capacity},
        role_{entry.role},
        store_{store},
        mode_{mode},
        footer_offset_{entry.footer_offset},
        settled_{entry.end_offset != 0},
        index_{chosen, entry.capacity},
        base_{entry.base.value()},
        end_{entry.end.value()},
        end_offset_{entry.end_offset},
        time_first_{entry.time_first.time_since_epoch().count()},
        time_last_{entry.time_last.time_since_epoch().count()},
        loaded_{entry.end_offset == 0} {}  // what is written now is noted as it comes

  basic_segment(const basic_segment&) = delete;
  basic_segment& operator=(const basic_segment&) = delete;

  ~basic_segment() {
    if (!dropped_.load(std::memory_order_acquire)) return;  // pairs with drop()
    if (is_forked()) return;                                // the file is the parent's
    try {
      volume_->remove(format::segment_name(number_));
    } catch (const std::exception&) {  // memory may have run out, too
      // The manifest no longer names it: the next open removes it.
    }
  }

  [[nodiscard]] segment_number number() const { return number_; }
  [[nodiscard]] std::uint64_t salt() const { return salt_; }
  [[nodiscard]] format::frame_seed seed() const { return seed_; }
  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
  [[nodiscard]] format::segment_role role() const { return role_; }
  [[nodiscard]] const identity& store() const { return store_; }
  [[nodiscard]] std::filesystem::path path() const {
    return locate(*volume_, format::segment_name(number_)).path;
  }
  /// Says where in which file a byte of it is, for an error.
  [[nodiscard]] error_site site(std::uint64_t offset, std::optional<lsn> at = {}) const {
    auto place = locate(*volume_, format::segment_name(number_), offset);
    return {.path = std::move(place.path), .offset = place.offset, .at = at};
  }

  /// The lsn of its first record; 0 while it is only made ready.
  [[nodiscard]] lsn base() const { return lsn{base_.load(std::memory_order_acquire)}; }
  /// One past its last record; 0 while it is active.
  [[nodiscard]] lsn end() const { return lsn{end_.load(std::memory_order_acquire)}; }
  /// Where its frames end; 0 while it is active.
  [[nodiscard]] std::uint64_t end_offset() const {
    return end_offset_.load(std::memory_order_acquire);
  }
  [[nodiscard]] timestamp time_first() const { return to_time(time_first_); }
  [[nodiscard]] timestamp time_last() const { return to_time(time_last_); }

  [[nodiscard]] index& entries() { return index_; }
  [[nodiscard]] auto& learning() { return learning_; }  // of entries(): learn()
  /// Says that entries() has all there is, so that nothing need be loaded.
  void adopt_entries() { loaded_.store(true, std::memory_order_release); }

  /// Returns its index: as noted, or from the footer, or from a scan when there is none.
  [[nodiscard]] const index& known_entries() {
    if (loaded_.load(std::memory_order_acquire)) return index_;
    const bytes_view all = bytes();
    require_own();
    platform::scoped_lock lock{mutex_};
    if (!loaded_.load(std::memory_order_relaxed)) {
      scan_place from = start();
      if (!read_footer<typename Policies::index>(all, footer_offset_, seed_, index_)) {
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

  /// Returns all bytes of its file, mapped at the first call; to salvage, what is left of them.
  ///
  /// @errors  errc::corrupt when the file is missing, short, or another one; errc::format_mismatch
  [[nodiscard]] bytes_view bytes() {
    require_own();
    if (!mapped_.load(std::memory_order_acquire)) map();  // pairs with the release in map()
    return mapping_.bytes();
  }

  /// Returns how many of its bytes the file has still: fewer if somebody cut it while it is open.
  /// Reading the others would end the process: a scan asks before it begins.
  [[nodiscard]] std::uint64_t bytes_there() {
    const std::uint64_t mapped = bytes().size();
    const auto now = storage_traits<storage>::size_of(*volume_, format::segment_name(number_));
    return std::min(now.value_or(mapped), mapped);
  }

  /// Reads a stretch by calls before it is read through the mapping: what the device refuses is an
  /// error then, and no signal. Salvage has done so when it mapped. What is mapped and another
  /// process has unlinked since can only be read through the mapping.
  /// @errors  errc::io; errc::corrupt when the file is missing and was not mapped before
  void probe(std::uint64_t from, std::uint64_t to) const {
    if (from >= to) return;
    if (const auto opened = open_if_there()) return probe(*opened, from, to);
    if (!mapped_.load(std::memory_order_acquire)) throw error_missing();
  }

  /// Maps it anew for one who reads all of it, with zeros for what cannot be read.
  /// @errors  errc::corrupt when the file is missing
  [[nodiscard]] typename storage::mapping map_readable() const {
    return map_what_is_readable(open_to_read());
  }
  /// Shows this in the place of its file; before anybody has the segment. @errors as bytes()
  void overlay(typename storage::mapping shown) {
    adopt_mapping(std::move(shown));
    overlaid_ = true;
  }
  /// Tells whether it shows more than its file.
  [[nodiscard]] bool is_overlaid() const { return overlaid_; }

  /// Returns how much of its capacity there is: only salvage goes on with less than all.
  [[nodiscard]] std::uint64_t bytes_left() {
    if (mode_ == recovery_mode::refuse) return capacity_;
    return std::min<std::uint64_t>(capacity_, bytes().size());
  }
  /// Tells whether the header is whole; after bytes().
  [[nodiscard]] bool is_header_intact() const { return header_intact_; }

  void adopt(file opened) { file_.emplace(std::move(opened)); }
  [[nodiscard]] file& writable() {
    require_own();
    if (!file_) file_.emplace(volume_->open(format::segment_name(number_), open_mode::read_write));
    return *file_;
  }
  /// Opens the file to write it, if it is there: whoever reads it says what is wrong otherwise.
  void claim() {
    try {
      (void)writable();
    } catch (const error& missing) {
      if (missing.condition() != errc::not_found) throw;
    }
  }
  void release() { file_.reset(); }  // a mapping stays

  /// Returns where its first frame stands.
  [[nodiscard]] scan_place start() const {
    return {.next = role_ == format::segment_role::attached ? lsn{1} : base(),
            .time = time_first(),
            .gaps = role_ == format::segment_role::compacted};
  }

  /// Makes it the active one.
  void begin(lsn base, timestamp now) {
    time_first_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    time_last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    base_.store(base.value(), std::memory_order_release);  // pairs with base()
  }
  void see(timestamp now) {
    time_last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }

  /// Bounds it: no frame stands at or after the offset.
  void seal(lsn end, std::uint64_t end_offset) {
    end_offset_.store(end_offset, std::memory_order_release);  // pairs with end_offset()
    end_.store(end.value(), std::memory_order_release);        // pairs with end()
  }
  /// Takes the bounds back, to go on writing.
  void reopen() {
    settled_.store(false, std::memory_order_release);
    end_.store(0, std::memory_order_release);
    end_offset_.store(0, std::memory_order_release);
  }

  /// Says that its bounds are on stable storage, and so may stand in the manifest.
  void settle(std::uint64_t footer_offset = 0) {
    footer_offset_ = footer_offset;
    settled_.store(true, std::memory_order_release);
  }
  [[nodiscard]] bool settled() const { return settled_.load(std::memory_order_acquire); }

  /// Says that what its frames up to an offset attach, and where they leave cursors, stands in the
  /// table. Of a log that one process writes all does, whatever comes.
  void note_listed(std::uint64_t offset) {
    std::uint64_t seen = listed_to_.load(std::memory_order_relaxed);
    while (seen < offset &&
           !listed_to_.compare_exchange_strong(seen, offset, std::memory_order_acq_rel)) {
    }
  }
  /// Tells whether a manifest may bound it at an offset: nobody walks it again then.
  [[nodiscard]] bool is_listed_to(std::uint64_t offset) const {
    return role_ != format::segment_role::log ||
           listed_to_.load(std::memory_order_acquire) >= offset;  // pairs with note_listed()
  }

  /// Says that a manifest which names it may be on disk: its file must stay until one does not.
  void note_named() { named_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool is_named() const { return named_.load(std::memory_order_relaxed); }

  /// Returns the bytes of its file: with the footer, which may reach beyond the capacity.
  [[nodiscard]] std::uint64_t disk_bytes() const {
    const std::uint64_t known = settled() ? disk_bytes_.load(std::memory_order_relaxed) : capacity_;
    if (known != 0) return known;
    try {
      const std::uint64_t found = std::max(capacity_, open_to_read().size());
      disk_bytes_.store(found,
                        std::memory_order_relaxed);  // of whoever asks last: all find the same
      return found;
    } catch (const error&) {
      return capacity_;  // whoever needs its bytes is told
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
    format::manifest_segment entry{.number = number_, .salt = salt_, .capacity = capacity_};
    entry.base = base();
    entry.role = role_;
    entry.time_first = time_first();
    entry.time_last = time_last();
    if (settled()) {
      LOGDB_EXPECTS(is_listed_to(end_offset()));
      entry.end = end();
      entry.end_offset = end_offset();
      entry.footer_offset = footer_offset_;
    }
    return entry;
  }

 private:
  [[nodiscard]] bool is_forked() const { return forks_ != storage::system::forks(); }
  /// Throws in a child of the process that made it: the file is the parent's, and so is whoever
  /// holds the lock.
  void require_own() const {
    if (is_forked()) [[unlikely]]
      throw_in_child(path());
  }

  static timestamp to_time(const atomic<std::int64_t>& value) {
    return timestamp{std::chrono::nanoseconds{value.load(std::memory_order_relaxed)}};
  }

  void map() {
    platform::scoped_lock lock{mutex_};
    if (mapped_.load(std::memory_order_relaxed)) return;
    if (mode_ == recovery_mode::salvage) {
      const auto left = open_if_there();
      return adopt_mapping(left ? map_what_is_readable(*left) : typename storage::mapping{});
    }
    const file opened = open_to_read();
    auto mapping = opened.map(0, opened.size(), open_mode::read_only);
    read_by_calls(opened, 0, std::min<std::uint64_t>(opened.size(), format::segment_header_bytes));
    adopt_mapping(std::move(mapping));
  }

  /// Requires the lock, or that nobody else has the segment.
  void adopt_mapping(typename storage::mapping mapping) {
    format::segment_header header;
    const auto fault = format::decode(mapping.bytes(), header);
    if (mode_ == recovery_mode::refuse && format::is_beyond_us(fault)) {
      throw error{errc::format_mismatch, "the segment needs a newer version", site(0)};
    }
    header_intact_ = fault == format::format_fault::none && header.number == number_ &&
                     header.salt == salt_ && header.store == store_;
    // Salvage believes the manifest: a frame that has its salt is this segment's.
    const bool is_all = mapping.bytes().size() >= std::max<std::uint64_t>(capacity_, end_offset());
    if (mode_ != recovery_mode::salvage && !(header_intact_ && is_all)) {
      throw error{errc::corrupt, "the segment's header is damaged or another's", site(0)};
    }
    mapping_ = std::move(mapping);
    mapped_.store(true, std::memory_order_release);
  }

  void probe(const file& opened, std::uint64_t from, std::uint64_t to) const {
    if (mode_ != recovery_mode::salvage) read_by_calls(opened, from, to);
  }

  std::optional<file> open_if_there() const {
    try {
      return volume_->open(format::segment_name(number_), open_mode::read_only);
    } catch (const error& missing) {
      if (missing.condition() != errc::not_found) throw;
      return std::nullopt;
    }
  }
  file open_to_read() const {
    if (auto opened = open_if_there()) return *std::move(opened);
    throw error_missing();
  }
  [[nodiscard]] error error_missing() const {
    return {errc::corrupt, "a segment that the manifest names is missing", {.path = path()}};
  }

  std::shared_ptr<storage> volume_;
  segment_number number_;
  std::uint64_t salt_;
  format::frame_seed seed_;
  std::uint64_t capacity_;
  format::segment_role role_;
  identity store_;
  recovery_mode mode_;
  std::uint32_t forks_ = storage::system::forks();  // of the process that made it
  std::uint64_t footer_offset_;   // 0: none; guarded by the table's lock, read only while !loaded_
  atomic<bool> settled_ = false;  // set under the table's lock, behind its bounds and footer
  atomic<std::uint64_t> listed_to_ = 0;  // what stands before it is listed
  std::optional<file> file_;             // the writer's
  index index_;                          // noted under the append lock; looked up by anyone
  atomic<std::uint64_t> base_ = 0;
  atomic<std::uint64_t> end_ = 0;
  atomic<std::uint64_t> end_offset_ = 0;
  mutable atomic<std::uint64_t> disk_bytes_ = 0;  // 0: not asked for yet
  atomic<std::int64_t> time_first_ = 0;
  atomic<std::int64_t> time_last_ = 0;
  platform::basic_mutex<typename storage::system> mutex_;  // of mapping and loading
  done_once<typename storage::system> learning_;
  atomic<bool> mapped_ = false;
  atomic<bool> loaded_ = false;
  atomic<bool> named_ = false;  // ordered by the table's locks
  atomic<bool> dropped_ = false;
  atomic<bool> superseded_ = false;
  std::shared_ptr<basic_segment> older_;        // the view of the file that this superseded, if any
  typename storage::mapping mapping_;           // constant once mapped_
  std::unique_ptr<const segment_image> image_;  // null: plain; constant once somebody has it
  bool header_intact_ = true;                   // constant once mapped_
  bool overlaid_ = false;                       // constant once somebody has it
};

template <class Policies>
using segment = basic_segment<stored_of<Policies>>;
template <class Policies>
using segment_ptr = std::shared_ptr<segment<Policies>>;

}  // namespace logdb::detail
