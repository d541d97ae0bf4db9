// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The tables of names that one open file holds: found, written and made durable.

#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/storage/single_file/single_file_heads.hpp>
#include <logdb/storage/single_file/single_file_progress.hpp>

namespace logdb::detail {

/// The tables of one open file, of which the newest that is whole rules.
///
/// None is written over another before a third is on stable storage. When a sync fails, nobody
/// knows whether the table that rules is there: it is in doubt, and written anew.
/// @threads  one at a time, in a turn where processes share the file; bytes() and progress(): any
template <class System>
class single_file_tables {
 public:
  using file = directory_file<System>;

  explicit single_file_tables(file opened) : file_{std::move(opened)} {}

  [[nodiscard]] file& bytes() { return file_; }
  [[nodiscard]] const file& bytes() const { return file_; }
  [[nodiscard]] single_file_heads<System>& heads() { return heads_; }
  [[nodiscard]] single_file_progress<System>& progress() { return progress_; }
  [[nodiscard]] const single_file_progress<System>& progress() const { return progress_; }

  /// Reads what nobody shares yet. @errors errc::not_a_log, errc::corrupt, errc::format_mismatch
  [[nodiscard]] single_file_regions load() {
    auto found = heads_.load(file_);
    progress_.start(heads_.begun_at(), heads_.newest());
    return found;
  }
  [[nodiscard]] bool is_current() { return heads_.is_current(file_); }
  /// Tells whether another process has written a table since.
  [[nodiscard]] bool is_behind() const { return progress_.newest() != heads_.newest(); }
  /// Reads what others wrote. @errors errc::corrupt, errc::io
  [[nodiscard]] single_file_regions catch_up() { return heads_.catch_up(file_); }

  /// Writes a table that rules from now on, and returns its generation.
  /// @errors  errc::closed, errc::no_space, errc::io
  std::uint64_t publish(const single_file_regions& all) {
    require_changeable();
    settle();
    return write(all);
  }
  /// Does so in a file that has none yet.
  std::uint64_t write(const single_file_regions& all) {
    const std::uint64_t generation = progress_.next_generation();
    heads_.publish(file_, all, generation, progress_.durable());
    progress_.note_written(generation);
    return generation;
  }

  /// Brings what was found to stable storage before anything is written beside it.
  void settle() {
    if (heads_.has(progress_.durable()) || closed_) return;
    if constexpr (has_step<durability_point::table_settled>) {
      heads_.repeat(file_);
      progress_.note_repeated();
      sync();
    }
    progress_.note_durable(heads_.newest());
  }

  /// Tells whether a failed sync may have dropped the table that rules: it is to be written anew.
  [[nodiscard]] bool is_to_renew() const {
    if constexpr (!has_step<durability_point::table_in_doubt>) return false;
    return progress_.is_in_doubt() && !closed_;
  }

  /// Makes the whole file durable. @errors errc::io, which progress() counts
  void sync() {
    try {
      file_.sync();
    } catch (...) {
      progress_.note_failure();
      throw;
    }
  }
  /// Says that a sync covered a table, if it stands there still.
  void note_synced(std::uint64_t table) {
    const bool sound = !has_step<durability_point::table_in_doubt> || !progress_.is_in_doubt();
    if (sound && table > progress_.durable() && heads_.has(table)) progress_.note_durable(table);
  }

  /// Refuses every change from now on, and has nothing in common with others.
  void close() {
    closed_ = true;
    progress_.leave();
  }
  void require_changeable() const {
    if (closed_) throw error{errc::closed, "the log was closed", {.path = file_.path()}};
  }
  [[noreturn]] void throw_in_doubt(std::uint64_t offset) const {
    throw error{errc::io,
                "a sync of the file failed since this was written",
                {.path = file_.path(), .offset = offset}};
  }

 private:
  file file_;
  single_file_heads<System> heads_;
  single_file_progress<System> progress_;
  bool closed_ = false;
};

}  // namespace logdb::detail
