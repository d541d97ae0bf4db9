// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `survey`: what a log of unknown content gives to a reader, checked for what always holds.

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include <logdb/logdb.hpp>

#include "require.hpp"

namespace logdb::fuzz {

/// Calls and returns the error, or nothing; whatever else is thrown ends the process.
template <class Call>
std::optional<error> error_of(Call&& call) {
  try {
    call();
    return std::nullopt;
  } catch (const error& thrown) {
    return thrown;
  }
}

/// Requires that a reader failed for a reason that files can give.
inline void require_damage(const error& thrown) {
  require(thrown.condition() == errc::corrupt || thrown.condition() == errc::format_mismatch,
          "a reader throws what damaged files cannot explain");
}

struct found_record {
  lsn at{};
  std::string text{};
  timestamp time{};

  friend bool operator==(const found_record&, const found_record&) = default;
};

/// Is the records that a walk gave, and whether it came to its end.
struct survey {
  std::deque<found_record> records{};
  bool salvaged = false;  ///< it may have passed what a look by lsn finds
  bool whole = true;
  std::string why{};  ///< it is not whole

  [[nodiscard]] const found_record* find(lsn at) const {
    const auto found = std::ranges::lower_bound(records, at, {}, &found_record::at);
    return found != records.end() && found->at == at ? &*found : nullptr;
  }
};

/// Walks a log once and checks lsns as they come.
///
/// @param salvages    lsns may have gaps, and a walk never throws
/// @param bytes_max   of all files: bounds the work
template <class Log>
survey walk(const Log& log, bool salvages, std::size_t bytes_max) {
  survey found{.salvaged = salvages};
  const lsn first = log.first_lsn();
  const lsn last = log.last_lsn();
  require(first >= lsn{1} && first <= last + 1, "the bounds of a log are in order");
  lsn next = first;
  const auto thrown = error_of([&] {
    for (const auto& record : log.records()) {
      require(salvages ? record.lsn() >= next : record.lsn() == next, "lsns are dense");
      require(record.lsn() <= last, "no record is newer than the last");
      require(found.records.size() <= bytes_max, "a walk gives no more records than fit");
      next = record.lsn() + 1;
      found.records.push_back({record.lsn(), std::string{record.text()}, record.time()});
    }
  });
  found.whole = !thrown;
  if (thrown) {
    require_damage(*thrown);
    found.why = thrown->what();
  }
  require(!salvages || found.whole, "a walk that salvages does not throw");
  require(salvages || !found.whole || next == last + 1, "a whole walk ends at the last record");
  return found;
}

/// Reads one record by its lsn and compares with what a walk gave.
template <class Log>
void probe(const Log& log, const survey& known, lsn at) {
  const auto thrown = error_of([&] {
    const auto* expected = known.find(at);
    const auto record = log.read(at);
    require(record.lsn() == at, "read gives the record that was asked for");
    require(expected == nullptr || record.text() == expected->text,
            "read gives the bytes that a walk gives");
    require(expected != nullptr || !known.whole || known.salvaged,
            "read gives no record that a whole walk misses");
  });
  if (!thrown || thrown->condition() == errc::not_found) return;
  if (thrown->condition() == errc::truncated) return require(at < log.first_lsn(), "truncated");
  require_damage(*thrown);
}

/// Reads by lsn, by range and by time, here and there.
template <class Log>
void probe_all(const Log& log, const survey& known) {
  const lsn first = log.first_lsn();
  const lsn last = log.last_lsn();
  const std::uint64_t step = known.records.size() / 8 + 1;
  for (const lsn at : {lsn{}, lsn{1}, first, last, last + 1}) probe(log, known, at);
  for (std::size_t n = 0; n < known.records.size(); n += step) {
    probe(log, known, known.records[n].at);
  }
  for (const auto time : {timestamp::min(), timestamp::max(), timestamp{},
                          known.records.empty() ? timestamp{} : known.records.back().time}) {
    const auto thrown = error_of([&] {
      const auto at = log.find_time(time);
      require(!at || (*at >= first && *at <= last), "find_time stays within the log");
    });
    if (thrown) require_damage(*thrown);
  }
  const auto thrown = error_of([&] {
    lsn next = first + (last + 1 - first) / 2;
    for (const auto& record : log.records(next)) {
      require(record.lsn() >= next, "a range begins where it was told to");
      const auto* expected = known.find(record.lsn());
      require(expected == nullptr || record.text() == expected->text,
              "a range gives the bytes that a walk gives");
      next = record.lsn() + 1;
    }
  });
  if (thrown) require_damage(*thrown);
}

/// Compares what verify() says with what a walk met.
template <class Log>
void check_verification(const Log& log, const survey& known, bool salvages) {
  const verification checked = log.verify();
  if (!checked.intact()) return;
  if (!known.whole) give_up(("verify() finds nothing, but " + known.why).c_str());
  // A control file may end the log within a batch, which is counted whole.
  if (!salvages) require(checked.records >= known.records.size(), "verify() counts all records");
}

/// Walks, probes and verifies.
template <class Log>
survey examine(const Log& log, bool salvages, std::size_t bytes_max) {
  const survey found = walk(log, salvages, bytes_max);
  probe_all(log, found);
  check_verification(log, found, salvages);
  (void)log.stats();
  return found;
}

}  // namespace logdb::fuzz
