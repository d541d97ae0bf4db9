// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The oracle: what was appended, what was promised about it, and whether a log that was opened
/// after a crash keeps to both.

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <logdb/stats.hpp>

namespace logdb::sim {

/// Says how a process ended.
enum class ending {
  closed,         ///< the log was closed
  process_death,  ///< what the kernel had, it kept
  wild_write,     ///< the same, and the dying process had written into its own staging
  power_cut,      ///< what was not synced may be gone
};

/// Is what reaches a log all together or not at all.
struct unit {
  std::vector<std::string> records{};
  std::uint64_t last = 0;  // lsn of the last one once the call returned; 0: it did not
  bool refused = false;    // it threw: it is not in the log
  bool unsure = false;     // it threw errc::failed: it may be
};

/// Is a promise, for each way of ending.
struct promise {
  std::uint64_t power = 0;
  std::uint64_t process = 0;

  [[nodiscard]] std::uint64_t at(ending how) const {
    return how == ending::power_cut ? power : process;
  }
};

/// Is what had been said up to a moment.
struct mark {
  std::vector<std::size_t> issued;  // units begun, by writer
  promise kept;                     // records up to this lsn stay
  promise cursor;                   // the cursor is not before this
  std::uint64_t cursor_issued = 0;  // and not behind this
  std::uint64_t first_min = 1;      // records below this were given up for good
  std::uint64_t first_max = 1;      // records from this on were not to be given up
};

/// Is what a log shows.
struct contents {
  std::uint64_t first = 1;
  std::vector<std::string> records{};
  std::uint64_t cursor = 0;
  recovery_report report{};

  [[nodiscard]] std::uint64_t last() const { return first + records.size() - 1; }
};

class mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Is the history of one log: a base that is known record by record, and the units of each writer.
///
/// With several writers nothing may be given up in front: the order between them is known from the
/// log alone.
class story {
 public:
  explicit story(std::size_t writers, std::uint64_t records_kept = UINT64_MAX)
      : units_(writers), records_kept_{records_kept} {
    now.issued.resize(writers);
  }

  /// Goes on from what an open showed: it is there for good.
  story(const contents& shown, const mark& before, std::uint64_t records_kept = UINT64_MAX)
      : story{1, records_kept} {
    base_ = shown.records;
    base_first_ = shown.first;
    now.kept = {shown.last(), shown.last()};
    now.cursor = {shown.cursor, shown.cursor};
    now.cursor_issued = shown.cursor;
    now.first_min = std::max(before.first_min, shown.first);
    now.first_max = std::max(before.first_max, shown.first);
  }

  /// Notes that a call begins.
  std::size_t issue(std::size_t writer, std::vector<std::string> records) {
    issued_records_ += records.size();
    units_[writer].push_back({std::move(records)});
    bound_front();
    return now.issued[writer]++;
  }

  /// Notes that it returned.
  /// @param synced  what it returned for survives a power cut
  void returned(std::size_t writer, std::size_t index, std::uint64_t last, bool synced) {
    units_[writer][index].last = last;
    now.kept.process = std::max(now.kept.process, last);
    if (synced) now.kept.power = std::max(now.kept.power, last);
  }

  void refused(std::size_t writer, std::size_t index, bool unsure) {
    unit& thrown = units_[writer][index];
    thrown.refused = !unsure;
    thrown.unsure = unsure;
  }

  /// Notes that the log was closed: all that had returned is there for good.
  void closed() {
    now.kept.power = now.kept.process;
    now.cursor.power = now.cursor.process;
  }

  /// Checks what a log shows that was opened after it ended so, when that had been said.
  /// @throws mismatch
  void check(const contents& shown, const mark& said, ending how) const {
    check_front(shown, said);
    follow(shown, said);
    if (shown.last() < said.kept.at(how)) {
      fail("record " + std::to_string(said.kept.at(how)) + " was promised, and the last is",
           shown.last());
    }
    check_cursor(shown, said, how);
  }

  [[nodiscard]] std::uint64_t records_issued() const {
    return base_first_ - 1 + base_.size() + issued_records_;
  }

  mark now;

 private:
  /// What is kept by number may go in front once there are more.
  void bound_front() {
    if (records_kept_ == UINT64_MAX || records_issued() <= records_kept_) return;
    now.first_max = std::max(now.first_max, records_issued() + 1 - records_kept_);
  }

  static void check_front(const contents& shown, const mark& said) {
    if (shown.first < said.first_min) fail("records that were given up are back from", shown.first);
    if (shown.first > said.first_max) fail("records are missing below", shown.first);
  }

  static void check_cursor(const contents& shown, const mark& said, ending how) {
    if (shown.cursor < said.cursor.at(how)) fail("the cursor fell back to", shown.cursor);
    if (shown.cursor > said.cursor_issued) fail("the cursor ran ahead to", shown.cursor);
    if (shown.cursor > shown.last()) fail("the cursor is behind the log's end at", shown.cursor);
  }

  /// Finds each record's unit, in the order of the log.
  void follow(const contents& shown, const mark& said) const {
    std::vector<std::size_t> next(units_.size());
    std::size_t at = 0;
    for (std::uint64_t lsn = base_first_; lsn < base_first_ + base_.size(); ++lsn) {
      if (lsn < shown.first) continue;
      if (at == shown.records.size()) break;
      if (shown.records[at++] != base_[lsn - base_first_]) fail("other bytes than before at", lsn);
    }
    const std::uint64_t base_end = base_first_ + base_.size();
    if (at < shown.records.size() && shown.first > base_end) skip_given_up(shown, next, at);
    while (at < shown.records.size()) at = take_unit(shown, said, next, at);
    for (std::size_t writer = 0; writer < units_.size(); ++writer) {
      check_rest(units_[writer], next[writer], shown);
    }
  }

  /// Passes the units that lie before the first record; only ever whole ones.
  void skip_given_up(const contents& shown, std::vector<std::size_t>& next, std::size_t at) const {
    for (; next[0] < units_[0].size(); ++next[0]) {
      const unit& candidate = units_[0][next[0]];
      const std::uint64_t last = shown.first + candidate.records.size() - 1;
      const bool fits = candidate.last == 0 || candidate.last == last;
      if (fits && !candidate.refused && candidate.records.front() == shown.records[at]) return;
    }
    fail("the log begins with what no call began with at", shown.first);
  }

  /// Returns the place behind the unit that begins at a record.
  std::size_t take_unit(const contents& shown, const mark& said, std::vector<std::size_t>& next,
                        std::size_t at) const {
    for (std::size_t writer = 0; writer < units_.size(); ++writer) {
      const std::size_t index = find_next(writer, said, next[writer], shown.records[at]);
      if (index == none) continue;
      next[writer] = index + 1;
      return match(units_[writer][index], shown, at);
    }
    fail("bytes that nobody was appending at", shown.first + at);
  }

  /// Returns the unit of a writer that may come next and begins so.
  [[nodiscard]] std::size_t find_next(std::size_t writer, const mark& said, std::size_t from,
                                      const std::string& text) const {
    const std::size_t issued = writer < said.issued.size() ? said.issued[writer] : 0;
    for (; from < issued; ++from) {
      const unit& candidate = units_[writer][from];
      if (candidate.refused) continue;
      if (candidate.records.front() == text) return from;
      if (!candidate.unsure) break;
    }
    return none;
  }

  static std::size_t match(const unit& expected, const contents& shown, std::size_t at) {
    for (const std::string& record : expected.records) {
      if (at == shown.records.size()) fail("half a transaction ends the log at", shown.last());
      if (shown.records[at] != record) fail("other bytes than appended at", shown.first + at);
      ++at;
    }
    const std::uint64_t last = shown.first + at - 1;
    if (expected.last != 0 && expected.last != last) fail("a record has another lsn than", last);
    return at;
  }

  /// What did not turn up must lie behind the end.
  static void check_rest(const std::vector<unit>& units, std::size_t from, const contents& shown) {
    for (std::size_t i = from; i < units.size(); ++i) {
      if (units[i].last >= shown.first && units[i].last <= shown.last()) {
        fail("not there is the acknowledged record", units[i].last);
      }
    }
  }

  [[noreturn]] static void fail(const std::string& what, std::uint64_t at) {
    throw mismatch{what + " " + std::to_string(at)};
  }

  static constexpr std::size_t none = SIZE_MAX;

  std::vector<std::string> base_;  // from base_first_ on
  std::uint64_t base_first_ = 1;
  std::vector<std::vector<unit>> units_;  // by writer, in the order of the calls
  std::uint64_t records_kept_;            // by retention
  std::uint64_t issued_records_ = 0;
};

}  // namespace logdb::sim
