// SPDX-License-Identifier: BSL-1.0
/// @file
/// Opens a log that `stress` wrote, to read only, and says what is in it: whether each writer's
/// numbers go from 0 to n with none lost, doubled or out of order, and every checksum holds. Also
/// while it is being written.

#include <cstdint>
#include <exception>
#include <iostream>

#include <logdb/logdb.hpp>

#include "stress_record.hpp"

namespace {

constexpr std::uint64_t shown_max = 10;  // of what is wrong

/// Looks at each record; returns how many are wrong.
class verifier {
 public:
  void see(const logdb::record& record) {
    bytes_ += record.size();
    const auto what = stress::read_record(record.text());
    if (!what) return complain(record, "is no record of stress, or was damaged");
    if (what->number == stress::never) return complain(record, "was rolled back");
    const std::uint64_t expected = seen_.next_of(what->who);
    if (!seen_.see(*what)) complain(record, *what, expected);
  }

  void print(const logdb::log_stats& stats) const {
    std::cout << stats.records << " records, " << bytes_ << " bytes, in " << stats.segments
              << " segments that take " << stats.bytes_on_disk << " bytes\n";
    for (const auto& [who, count] : seen_.counts()) {
      std::cout << "  process " << who.process << ", thread " << who.thread << ": 0 to "
                << count - 1 << '\n';
    }
  }

  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }

 private:
  void complain(const logdb::record& record, const char* why) {
    if (wrong_++ < shown_max) std::cout << "lsn " << record.lsn() << ' ' << why << '\n';
  }

  void complain(const logdb::record& record, const stress::stamp& what, std::uint64_t expected) {
    if (wrong_++ >= shown_max) return;
    std::cout << "lsn " << record.lsn() << ": process " << what.who.process << ", thread "
              << what.who.thread << " has number " << what.number << " where " << expected
              << " should come\n";
  }

  stress::tally seen_;
  std::uint64_t bytes_ = 0;
  std::uint64_t wrong_ = 0;
};

std::uint64_t count_wrong(const char* path) {
  const logdb::shared_wal wal{path, {.mode = logdb::open_mode::read_only}};
  verifier looking;
  for (const auto& record : wal.records()) looking.see(record);
  looking.print(wal.stats());
  const auto damages = wal.verify().damages;
  for (const auto& each : damages) std::cout << "damaged: " << each.reason << '\n';
  return looking.wrong() + damages.size();
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::cerr << "usage: dump PATH\n";
    return 2;
  }
  try {
    const std::uint64_t wrong = count_wrong(words[1]);
    std::cout << (wrong == 0 ? "none lost, doubled or out of order\n" : "WRONG\n");
    return wrong == 0 ? 0 : 1;
  } catch (const std::exception& failure) {
    std::cerr << "dump: " << failure.what() << '\n';
    return 1;
  }
}
