// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Runs of blocks in the log, and the directory that names those which are needed. Do not change:
/// on disk.
///
/// ```
/// a run begins  kind 6 | 0 (7) | records (8)
/// a block       kind 5, as rows
/// a checkpoint  kind 4 | 0 (7) | lsn (8) | deletions (8) | records (8) | bytes (8)
/// its directory kind 7 | flags (1) | value bytes (2) | 0 (4) | a piece
/// ```
///
/// A run is a segment of its own: its begin, then each block in a frame of its own. `records` is
/// how many records follow. The pieces of a directory, one behind the other, are `bytes` of numbers
/// in LEB128, differences to the one of the same kind before in zigzag:
///
/// ```
/// segments: count, each number (difference)
/// L1, then the number of runs of L0, then each: blocks: count, each:
///   segment (place in the list above) | offset | record bytes | rows | first time (difference to
///   the last time before) | last time (difference to the first) | applied (difference)
/// deletions: count, each first time (difference to the last before) | last time (difference) |
///   number (difference)
/// ```

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/version.hpp>
#include <logdb/journal/read/record_walker.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// A segment of the log that a run stands in.
template <class Policies>
class log_run_file final : public run_file {
 public:
  /// Maps it, so that it stays readable when its name goes, and in a child of a fork.
  /// @errors  errc::corrupt, errc::io
  explicit log_run_file(detail::segment_ptr<Policies> of)
      : of_{std::move(of)}, all_{of_->bytes()} {}

  [[nodiscard]] segment_number number() const override { return of_->number(); }
  [[nodiscard]] std::uint64_t bytes() const override {
    return of_->end_offset() - format::segment_header_bytes;
  }

  [[nodiscard]] bytes_view record(std::uint64_t offset) const override {
    const auto end = std::min<std::uint64_t>(of_->end_offset(), all_.size());
    format::frame_view frame;
    if (format::read_frame(all_.first(end), offset, of_->seed(), frame) !=
        format::frame_fault::none) {
      fail(offset);
    }
    const auto found =
        format::batch_view::open(frame.header.kind, frame.header.count, frame.payload);
    if (!found || found->size() != 1) fail(offset);
    return (*found)[0];
  }

  [[noreturn]] void fail(std::uint64_t offset) const override {
    throw error{errc::corrupt, "a block of a run is damaged", of_->site(offset, of_->base())};
  }

 private:
  detail::segment_ptr<Policies> of_;
  bytes_view all_;
};

/// Says that a run follows, in so many records.
struct run_mark {
  std::uint64_t records = 0;

  [[nodiscard]] record_buffer encode() const {
    record_buffer out{2 * sizeof(std::uint64_t)};
    out.put(static_cast<std::uint64_t>(record_kind::run));
    out.put(records);
    return out;
  }
  static std::optional<run_mark> decode(bytes_view record) {
    std::array<std::uint64_t, 2> words{};
    if (record.size() != sizeof words) return std::nullopt;
    std::memcpy(words.data(), record.data(), sizeof words);
    if (words[0] != static_cast<std::uint64_t>(record_kind::run)) return std::nullopt;
    return run_mark{words[1]};
  }
};

/// Says what a checkpoint stands for: every record up to an lsn; and how long its directory is.
struct checkpoint_mark {
  lsn upto{};
  std::uint64_t deletions = 0;  // how many there were
  std::uint64_t records = 0;    // of the directory
  std::uint64_t bytes = 0;

  [[nodiscard]] record_buffer encode() const {
    record_buffer out{5 * sizeof(std::uint64_t)};
    out.put(static_cast<std::uint64_t>(record_kind::checkpoint));
    out.put(upto.value());
    out.put(deletions);
    out.put(records);
    out.put(bytes);
    return out;
  }
  static std::optional<checkpoint_mark> decode(bytes_view record) {
    std::array<std::uint64_t, 5> words{};
    if (record.size() != sizeof words) return std::nullopt;
    std::memcpy(words.data(), record.data(), sizeof words);
    if (words[0] != static_cast<std::uint64_t>(record_kind::checkpoint)) return std::nullopt;
    return checkpoint_mark{lsn{words[1]}, words[2], words[3], words[4]};
  }
};

/// What a checkpoint says there is: stored slices, and what deletions still hide.
template <class V>
struct directory {
  std::shared_ptr<tree<V>> sealed = std::make_shared<tree<V>>();
  fragments deleted{};

  /// Calls f with each sequence.
  template <class F>
  void each_run(F f) const {
    f(sealed->l1);
    for (const auto& run : sealed->l0) f(run);
  }
};

/// Writes a directory down.
template <class V>
class directory_encoder {
 public:
  explicit directory_encoder(const directory<V>& of) : of_{of} {}

  [[nodiscard]] std::vector<std::byte> run() {
    put_files();
    put_run(of_.sealed->l1);
    put(of_.sealed->l0.size());
    for (const auto& one : of_.sealed->l0) put_run(one);
    put(of_.deleted.size());
    for (const fragment& one : of_.deleted) put_fragment(one);
    return std::move(out_);
  }

 private:
  void put(std::uint64_t number) {
    const std::size_t at = out_.size();
    out_.resize(at + varint_bytes(number));
    put_varint(out_.data() + at, number);
  }
  static std::uint64_t bits(time_type time) { return static_cast<std::uint64_t>(time); }

  void put_files() {
    of_.each_run([this](const sorted_run<V>& run) {
      for (const auto& one : run) files_.push_back(one.stored->where().file->number());
    });
    light::sort(files_);
    files_.erase(std::unique(files_.begin(), files_.end()), files_.end());
    put(files_.size());
    std::uint64_t before = 0;
    for (const auto number : files_) {
      put(zigzag(to_integer(number) - before));
      before = to_integer(number);
    }
  }

  void put_run(const sorted_run<V>& run) {
    put(run.size());
    for (const auto& one : run) put_block(one);
  }

  void put_block(const slice<V>& one) {
    const block_entry& where = one.stored->where();
    const auto file = light::lower_bound(files_, where.file->number());
    put(static_cast<std::uint64_t>(file - files_.begin()));
    put(where.offset);
    put(where.bytes);
    put(where.rows);
    put(zigzag(bits(where.first) - last_));
    put(bits(where.last) - bits(where.first));
    put(zigzag(one.applied - applied_));
    last_ = bits(where.last);
    applied_ = one.applied;
  }

  void put_fragment(const fragment& one) {
    put(zigzag(bits(one.first) - last_));
    put(bits(one.last) - bits(one.first));
    put(zigzag(one.deletion - applied_));
    last_ = bits(one.last);
    applied_ = one.deletion;
  }

  const directory<V>& of_;
  std::vector<segment_number> files_;
  std::vector<std::byte> out_;
  std::uint64_t last_ = 0;
  std::uint64_t applied_ = 0;
};

/// Reads a directory; every number is checked before it is used.
template <class V>
class directory_decoder {
 public:
  /// @param open  makes a file of a segment's number
  template <class Open>
  directory_decoder(bytes_view coded, block_cache_ptr<V> cache, Open open)
      : in_{coded}, cache_{std::move(cache)} {
    std::uint64_t before = 0;
    for (std::uint64_t n = take_count(1); n != 0; --n) {
      before += unzigzag(in_.take());
      files_.push_back(open(segment_number{before}));
    }
  }

  /// @errors  errc::corrupt
  [[nodiscard]] directory<V> run() {
    directory<V> made;
    made.sealed->l1 = take_run();
    for (std::uint64_t n = take_count(1); n != 0; --n) made.sealed->l0.push_back(take_run());
    for (std::uint64_t n = take_count(3); n != 0; --n) made.deleted.push_back(take_fragment());
    if (in_.failed() || !in_.rest().empty() || !is_sound(made)) fail();
    made.sealed->count();
    return made;
  }

 private:
  [[noreturn]] static void fail() {
    throw error{errc::corrupt, "the directory of a checkpoint is damaged"};
  }

  /// Takes how many things follow, each of which takes so many bytes at least.
  std::uint64_t take_count(std::size_t bytes_min) {
    const std::uint64_t count = in_.take();
    if (in_.failed() || count > in_.rest().size() / bytes_min) fail();
    return count;
  }

  sorted_run<V> take_run() {
    constexpr std::size_t block_bytes_min = 7;
    sorted_run<V> made;
    const std::uint64_t count = take_count(block_bytes_min);
    made.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) made.push_back(take_block());
    return made;
  }

  slice<V> take_block() {
    block_entry where;
    const std::uint64_t file = in_.take();
    if (file >= files_.size()) fail();
    where.file = files_[file];
    where.offset = in_.take();
    where.bytes = in_.take();
    where.rows = in_.take();
    last_ += unzigzag(in_.take());
    where.first = static_cast<time_type>(last_);
    last_ += in_.take();
    where.last = static_cast<time_type>(last_);
    applied_ += unzigzag(in_.take());
    // A row takes a byte at least: so much room is made for no more than there is.
    if (where.rows == 0 || where.rows > where.bytes || where.bytes > where.file->bytes()) fail();
    if (where.first > where.last) fail();
    return make_slice<V>(std::make_shared<stored_block<V>>(cache_, std::move(where)), applied_);
  }

  fragment take_fragment() {
    fragment made;
    last_ += unzigzag(in_.take());
    made.first = static_cast<time_type>(last_);
    last_ += in_.take();
    made.last = static_cast<time_type>(last_);
    applied_ += unzigzag(in_.take());
    made.deletion = applied_;
    return made;
  }

  static bool is_sound(const directory<V>& made) {
    bool sound = true;
    made.each_run([&sound](const sorted_run<V>& run) {
      const auto goes_back = [](const auto& a, const auto& b) { return a.last > b.first; };
      sound = sound && !light::any_neighbours(run, goes_back);
    });
    const auto overlaps = [](const fragment& a, const fragment& b) { return a.last >= b.first; };
    const auto inverted = [](const fragment& one) { return one.first > one.last; };
    return sound && light::none_of(made.sealed->l0, [](const auto& run) { return run.empty(); }) &&
           light::none_of(made.deleted, inverted) && !light::any_neighbours(made.deleted, overlaps);
  }

  varint_reader in_;
  block_cache_ptr<V> cache_;
  std::vector<run_file_ptr> files_;
  std::uint64_t last_ = 0;
  std::uint64_t applied_ = 0;
};

}  // namespace logdb::timelsm
