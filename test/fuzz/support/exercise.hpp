// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `exercise`: opens files of unknown content, reads, appends, closes and opens again.

#include <stop_token>
#include <string>
#include <vector>

#include <logdb/logdb.hpp>

#include "disk.hpp"
#include "survey.hpp"

namespace logdb::fuzz {

/// Puts one set of files through the life of a log.
template <class Log>
class exercise {
 public:
  exercise(file_set_ptr files, bool salvages)
      : files_{std::move(files)}, salvages_{salvages}, bytes_max_{files_->bytes()} {}

  void run() {
    const justified scope{bytes_max_};
    const auto seen = read_beside();
    std::optional<survey> opened;
    const auto refused = error_of([&] { opened = write(seen); });
    if (!refused) return reopen(*opened);
    const auto still = read_beside();
    if (seen && still && !salvages_) check_prefix(*seen, *still);
  }

 private:
  static constexpr std::size_t appended = 8;

  [[nodiscard]] typename Log::options options(open_mode mode) const {
    auto chosen = small_options<Log>(files_);
    chosen.mode = mode;
    chosen.recovery = salvages_ ? recovery_mode::salvage : recovery_mode::refuse;
    return chosen;
  }

  /// Reads without writing; nothing when it cannot be opened.
  std::optional<survey> read_beside() {
    const auto before = files_->contents();
    std::optional<survey> found;
    (void)error_of([&] {
      const Log log{"log", options(open_mode::read_only)};
      found = examine(log, salvages_, bytes_max_);
    });
    require(files_->contents() == before, "reading writes nothing");
    return found;
  }

  /// Opens to write, appends in every way, and closes; returns all records at the end.
  survey write(const std::optional<survey>& seen) {
    Log log{"log", options(open_mode::read_write)};
    // From here on nothing is the files' fault.
    const auto thrown = error_of([&] { use(log, seen); });
    if (thrown) give_up(thrown->what());
    return std::move(last_);
  }

  void use(Log& log, const std::optional<survey>& seen) {
    check_report(log);
    survey known = examine(log, salvages_, bytes_max_);
    if (seen && !salvages_) check_prefix(*seen, known);
    append_all(log, known);
    bytes_max_ = files_->bytes();
    last_ = examine(log, salvages_, bytes_max_);
    if (salvages_) {
      check_appended(known, last_);
    } else if (known.whole) {
      if (!last_.whole) give_up(("what was whole stays so: " + last_.why).c_str());
      check_prefix(known, last_);
      require(last_.records.size() == known.records.size(), "every append is read back");
    }
    log.close();
  }

  /// Requires the last records. What is behind damage may read otherwise once more follows it.
  static void check_appended(const survey& known, const survey& later) {
    require(later.records.size() >= appended, "what was appended behind damage can be read");
    for (std::size_t n = 1; n <= appended; ++n) {
      const auto& expected = known.records[known.records.size() - n];
      const auto& found = later.records[later.records.size() - n];
      require(found.at == expected.at && found.text == expected.text,
              "what was appended behind damage reads as it was");
    }
  }

  static void check_report(const Log& log) {
    const auto& report = log.recovery();
    require(report.first == log.first_lsn() && report.last == log.last_lsn(),
            "the report has the bounds of the log");
    require(report.records == (report.last + 1) - report.first, "the report counts its records");
  }

  static void check_prefix(const survey& earlier, const survey& later) {
    if (!earlier.whole || !later.whole) return;
    if (earlier.salvaged) return;
    require(earlier.records.size() <= later.records.size(), "nothing that was read is lost");
    require(
        std::equal(earlier.records.begin(), earlier.records.end(), later.records.begin(),
                   [](const auto& a, const auto& b) { return a.at == b.at && a.text == b.text; }),
        "what was read stays the same");
  }

  void append_all(Log& log, survey& known) {
    lsn next = log.last_lsn() + 1;
    const std::size_t before = known.records.size();
    const auto expect = [&](const std::string& text) { known.records.push_back({next, text, {}}); };
    expect("one");
    require(log.append("one") == next, "an append gets the next lsn");
    const std::vector<std::string> batch{"two", "", std::string(700, '3')};
    for (const auto& text : batch) {
      ++next;
      expect(text);
    }
    require(log.append(batch) == next, "a batch gets the next lsns");
    const std::string large(9000, 'L');
    ++next;
    expect(large);
    require(log.append(large) == next, "a large record gets the next lsn");
    auto transaction = log.begin();
    for (int n = 0; n < 3; ++n) {
      ++next;
      expect("transaction");
      transaction.append("transaction");
    }
    require(transaction.commit() == next, "a transaction gets the next lsns");
    require(known.records.size() == before + appended, "so many are appended");
    const lsn behind = log.first_lsn();
    log.cursor("exercise").acknowledge(behind);
    require(log.cursor("exercise").next() == behind + 1, "a cursor stays where it was put");
    log.sync();
    require(log.durable_lsn() == next, "sync makes all durable");
  }

  void reopen(const survey& expected) {
    const auto thrown = error_of([&] {
      Log log{"log", options(open_mode::read_write)};
      require(log.recovery().clean, "what was closed opens clean");
      const survey found = examine(log, salvages_, bytes_max_);
      require(found.whole == expected.whole, "a reopened log reads as before");
      require(!found.whole || salvages_ || found.records.size() == expected.records.size(),
              "a reopened log has as many records as before");
      check_prefix(expected, found);
      log.close();
    });
    if (thrown) give_up(thrown->what());
  }

  file_set_ptr files_;
  bool salvages_;
  std::size_t bytes_max_;
  survey last_;
};

/// Chooses a log and a mode by two bits each.
inline void exercise_any(const file_set_ptr& files, std::uint8_t how) {
  fuzz_system::reset();
  const bool salvages = (how & 4) != 0;
  switch (how & 3) {
    case 0:
    case 3: return exercise<fsync_log>{files, salvages}.run();
    case 1: return exercise<async_log>{files, salvages}.run();
    default: return exercise<none_log>{files, salvages}.run();
  }
}

}  // namespace logdb::fuzz
