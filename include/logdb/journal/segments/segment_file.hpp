// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The file of one segment: written through a handle, read through a mapping that is made when it
/// is first needed.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/format/files/manifest.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/journal/control/control.hpp>
#include <logdb/journal/inspect/readable.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/segments/segment_bounds.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb::detail {

/// What a segment's file must say in its header to be that segment's.
struct segment_identity {
  segment_number number{};
  std::uint64_t salt = 0;
  identity store{};
};

/// A segment's file, opened and mapped when it is asked for.
///
/// @threads  readers: any; writable(), claim(), adopt() and release() are the writer's
template <class Storage>
class segment_file {
 public:
  using storage = Storage;
  using system = typename storage::system;
  using file = typename storage::file;

  /// @param bounds  that the file has to reach
  segment_file(std::shared_ptr<storage> volume, const segment_identity& who, std::uint64_t capacity,
               const segment_bounds<system>& bounds, recovery_mode mode)
      : volume_{std::move(volume)}, bounds_{bounds}, who_{who}, capacity_{capacity}, mode_{mode} {}

  segment_file(const segment_file&) = delete;
  segment_file& operator=(const segment_file&) = delete;

  [[nodiscard]] const std::shared_ptr<storage>& volume() const { return volume_; }
  [[nodiscard]] segment_number number() const { return who_.number; }
  [[nodiscard]] std::uint64_t salt() const { return who_.salt; }
  [[nodiscard]] const identity& store() const { return who_.store; }
  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
  [[nodiscard]] std::filesystem::path path() const {
    return locate(*volume_, format::segment_name(number())).path;
  }
  /// Says where in which file a byte of it is, for an error.
  [[nodiscard]] error_site site(std::uint64_t offset, std::optional<lsn> at = {}) const {
    auto place = locate(*volume_, format::segment_name(number()), offset);
    return {.path = std::move(place.path), .offset = place.offset, .at = at};
  }

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
    const auto now = storage_traits<storage>::size_of(*volume_, format::segment_name(number()));
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
    if (!file_) file_.emplace(volume_->open(format::segment_name(number()), open_mode::read_write));
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

 protected:
  ~segment_file() = default;

  [[nodiscard]] bool is_forked() const { return forks_ != system::forks(); }
  /// Throws in a child of the process that made it: the file is the parent's, and so is whoever
  /// holds the lock.
  void require_own() const {
    if (is_forked()) [[unlikely]]
      throw_in_child(path());
  }

  /// Unlinks it, as far as it can.
  /// @param is_derived_from  a summary may stand beside it, which goes before it: none is left
  void remove(bool is_derived_from) noexcept {
    try {
      if (is_derived_from) volume_->remove(format::summary_name(number()));
      volume_->remove(format::segment_name(number()));
    } catch (const std::exception&) {  // memory may have run out, too
      // The manifest no longer names it: the next open removes it.
    }
  }
  /// @errors  errc::corrupt when the file is missing
  file open_to_read() const {
    if (auto opened = open_if_there()) return *std::move(opened);
    throw error_missing();
  }

 private:
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

  /// Under the lock, or before anybody else has the segment.
  void adopt_mapping(typename storage::mapping mapping) {
    format::segment_header header;
    const auto fault = format::decode(mapping.bytes(), header);
    if (mode_ == recovery_mode::refuse && format::is_beyond_us(fault)) {
      throw error{errc::format_mismatch, "the segment needs a newer version", site(0)};
    }
    header_intact_ = fault == format::format_fault::none && header.number == number() &&
                     header.salt == salt() && header.store == store();
    // Salvage believes the manifest: a frame that has its salt is this segment's.
    const bool is_all =
        mapping.bytes().size() >= std::max<std::uint64_t>(capacity_, bounds_.end_offset());
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
      return volume_->open(format::segment_name(number()), open_mode::read_only);
    } catch (const error& missing) {
      if (missing.condition() != errc::not_found) throw;
      return std::nullopt;
    }
  }
  [[nodiscard]] error error_missing() const {
    return {errc::corrupt, "a segment that the manifest names is missing", {.path = path()}};
  }

  std::shared_ptr<storage> volume_;
  const segment_bounds<system>& bounds_;
  segment_identity who_;
  std::uint64_t capacity_;
  recovery_mode mode_;
  std::uint32_t forks_ = system::forks();  // of the process that made it
  std::optional<file> file_;               // the writer's
  platform::basic_mutex<system> mutex_;    // of mapping
  platform::basic_atomic<system, bool> mapped_ = false;
  typename storage::mapping mapping_;  // constant once mapped_
  bool header_intact_ = true;          // constant once mapped_
  bool overlaid_ = false;              // constant once somebody has it
};

}  // namespace logdb::detail
