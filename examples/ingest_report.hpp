// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What `ingest` tells the person who runs it.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <unistd.h>

#include <logdb/logdb.hpp>

#include "ingest_settings.hpp"
#include "ingest_source.hpp"

namespace ingest {

class stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>{clock::now() - begin_}.count();
  }

 private:
  using clock = std::chrono::steady_clock;
  clock::time_point begin_ = clock::now();
};

/// Writes 1234567 as 1,234,567.
inline std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

/// Writes "1 line", "2 lines".
inline std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
  return grouped(number) + ' ' + std::string{number == 1 ? one : many};
}

inline std::string grouped(double number) { return grouped(static_cast<std::uint64_t>(number)); }

/// Writes with so many digits behind the point.
inline std::string decimal(double number, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << number;
  return text.str();
}

inline std::string duration_text(double seconds) {
  if (seconds >= 1) return decimal(seconds, 2) + " s";
  if (seconds >= 1e-3) return decimal(seconds * 1e3, 2) + " ms";
  return decimal(seconds * 1e6, 1) + " us";
}

inline std::string time_text(logdb::timestamp time) {
  const auto since = time.time_since_epoch();
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  const std::time_t seconds = whole.count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::ostringstream text;
  text << std::put_time(&parts, "%F %T") << '.' << std::setw(6) << std::setfill('0')
       << (since - whole) / std::chrono::microseconds{1} << " UTC";
  return text.str();
}

/// Shortens a line to what fits beside other words, and hides what a terminal might act on.
inline std::string shown(std::string_view line) {
  constexpr std::size_t most = 60;
  std::string text;
  for (const char c : line.substr(0, most)) text += c < ' ' || c > '~' ? '?' : c;
  return '"' + text + (line.size() > most ? "...\"" : "\"");
}

/// Draws how far a phase is: a bar on a terminal, elsewhere a line at each quarter.
class progress {
 public:
  progress(std::string_view what, std::size_t total)
      : what_{what}, total_{total}, on_terminal_{isatty(STDOUT_FILENO) != 0} {}

  void show(std::size_t done) {
    const std::size_t percent = total_ == 0 ? 100 : 100 * done / total_;
    if (on_terminal_) {
      draw(done, percent);
    } else if (percent / 25 > shown_) {
      shown_ = percent / 25;
      std::cout << std::left << std::setw(14) << what_ << shown_ * 25 << "%, " << grouped(done)
                << " of " << grouped(total_) << std::endl;
    }
  }

  /// Shows the last state; a bar makes room for what comes.
  void finish(std::size_t done) {
    show(done);
    if (on_terminal_) std::cout << "\r\033[K" << std::flush;
  }

 private:
  void draw(std::size_t done, std::size_t percent) {
    std::string bar(40, '.');
    std::fill_n(bar.begin(), bar.size() * percent / 100, '#');
    std::cout << '\r' << std::left << std::setw(14) << what_ << '[' << bar << "] " << percent
              << "%  " << grouped(done) << "  "
              << grouped(static_cast<double>(done) / clock_.seconds()) << "/s\033[K" << std::flush;
  }

  std::string_view what_;
  std::size_t total_;
  bool on_terminal_;
  std::size_t shown_ = 0;  // quarters
  stopwatch clock_;
};

inline std::ostream& line(std::string_view what) {
  return std::cout << std::left << std::setw(14) << what;
}

inline void report_begin(const settings& chosen, const source& from,
                         const std::filesystem::path& dir) {
  line("source") << (chosen.input == "-" ? "standard input" : chosen.input) << ": "
                 << counted(from.lines.size(), "line, ", "lines, ") << grouped(from.text.size())
                 << " bytes\n";
  line("log") << dir.string() << ": durable_wal, "
              << counted(chosen.threads, "thread, ", "threads, ")
              << counted(chosen.batch, "line", "lines") << " a batch\n"
              << std::flush;
}

inline void report_append(const source& from, std::size_t batches, const logdb::log_stats& stats,
                          double seconds) {
  const auto records = static_cast<double>(from.lines.size());
  const auto bytes = static_cast<double>(from.line_bytes());
  line("appended") << grouped(from.lines.size()) << " records, " << grouped(from.line_bytes())
                   << " bytes in " << duration_text(seconds) << ": " << grouped(records / seconds)
                   << " records/s, " << decimal(bytes / seconds / 1e6, 1) << " MB/s\n";
  if (stats.syncs == 0) return;
  line("syncs") << grouped(stats.syncs) << " for " << counted(batches, "batch", "batches") << ": "
                << decimal(records / static_cast<double>(stats.syncs), 1)
                << " records a sync; all of it was on disk when append() returned\n";
  // What is too large for staging stands in segments of its own, and not in this figure.
  if (static_cast<double>(stats.bytes_appended) < bytes) return;
  line("frames") << grouped(stats.bytes_appended) << " bytes: "
                 << decimal((static_cast<double>(stats.bytes_appended) - bytes) / records, 1)
                 << " a record more than its line\n";
}

inline void report_disk(const source& from, const std::filesystem::path& dir) {
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator{dir}) bytes += file.file_size();
  line("on disk") << grouped(bytes) << " bytes when closed, room for what comes next included ("
                  << grouped(from.text.size()) << " in the source)\n";
}

inline void report_recovery(std::string_view how, const logdb::recovery_report& found,
                            double seconds) {
  line(how) << (found.clean ? "clean, " : "after a crash, ") << grouped(found.records)
            << " records, lsn " << grouped(found.first.value()) << " to "
            << grouped(found.last.value()) << ", " << grouped(found.scanned_bytes)
            << " bytes scanned, " << grouped(found.drained_bytes) << " drained, "
            << counted(found.damages.size(), "damage, ", "damages, ") << duration_text(seconds)
            << '\n';
}

inline bool report_difference(std::string_view verb, logdb::lsn at) {
  line("DIFFERS") << verb << " at lsn " << at << " does not give the line of the source\n";
  return false;
}

inline void report_replay(const source& from, double seconds,
                          const std::optional<logdb::lsn>& differs) {
  if (differs) {
    report_difference("replay", *differs);
    return;
  }
  line("replayed") << grouped(from.lines.size()) << " records in " << duration_text(seconds) << ": "
                   << grouped(static_cast<double>(from.lines.size()) / seconds)
                   << " records/s; every byte equals the source\n";
}

inline void report_lookups(std::string_view how, std::size_t count, double seconds,
                           const logdb::record& example) {
  line(how) << grouped(count) << " found, " << duration_text(seconds / static_cast<double>(count))
            << " each; lsn " << grouped(example.lsn().value()) << " of "
            << time_text(example.time()) << ": " << shown(example.text()) << '\n';
}

inline bool report_verification(const logdb::verification& found) {
  line("verified") << counted(found.frames, "frame, ", "frames, ") << grouped(found.bytes)
                   << " bytes: ";
  if (found.intact()) {
    std::cout << "every checksum holds\n";
    return true;
  }
  std::cout << found.damages.size() << " DAMAGED, the first: " << found.damages.front().reason
            << '\n';
  return false;
}

}  // namespace ingest
