// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `make_store`: valid stores of several kinds, to begin damage with.

#include <string>
#include <vector>

#include <logdb/logdb.hpp>

#include "disk.hpp"

namespace logdb::fuzz {

inline constexpr std::uint8_t store_kinds = 8;

namespace detail {

/// Appends every kind of frame that stands in a log, again and again. Large records are zeros, as
/// these take no room in an input.
template <class Log>
void fill(Log& log, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    log.append("record " + std::to_string(round));
    log.append(std::vector<std::string>{"a", "", std::string(40, 'b')});
    log.cursor("reader").acknowledge(log.last_lsn());
    log.append(std::string(1500, '\0'));
  }
}

template <class Log>
void attach(Log& log) {
  auto transaction = log.begin();
  for (int n = 0; n < 6; ++n) transaction.append(std::string(900, '\0'));
  transaction.commit();
  log.append(std::vector<std::string>{std::string(70'000, '\0'), "wide"});
}

/// Fills, and leaves the files as a writer leaves them that is killed there.
template <class Log>
file_set_ptr killed(const file_set_ptr& files, int rounds, bool attaches) {
  Log log{"log", small_options<Log>(files)};
  fill(log, rounds);
  if (attaches) attach(log);
  log.append("after the last sync");
  return files->copy();
}

template <class Log>
file_set_ptr closed(const file_set_ptr& files, int rounds, bool attaches) {
  Log log{"log", small_options<Log>(files)};
  fill(log, rounds);
  if (attaches) attach(log);
  log.close();
  return files;
}

/// Tears the last bytes of the log off and recovers.
inline file_set_ptr torn(const file_set_ptr& files) {
  const auto left = killed<fsync_log>(files, 2, false);
  left->blobs().erase("control");
  auto content = file_set::content(*left->blobs().at("0000000000000001.seg"));
  auto last = content.end();
  while (*--last == std::byte{}) {
  }
  *last = std::byte{};
  left->put("0000000000000001.seg", content);
  return killed<fsync_log>(left, 1, false);
}

}  // namespace detail

/// Makes a store, always with the same bytes.
///
/// 0 empty · 1 small and closed · 2 several segments, closed · 3 with attached segments, closed ·
/// 4 Fsync, killed · 5 Async, killed, several segments · 6 None, killed, with attached segments ·
/// 7 torn, recovered, killed
inline file_set_ptr make_store(std::uint8_t kind) {
  fuzz_system::reset();
  auto files = std::make_shared<file_set>();
  switch (kind % store_kinds) {
    case 0: return detail::closed<fsync_log>(files, 0, false);
    case 1: return detail::closed<fsync_log>(files, 1, false);
    case 2: return detail::closed<fsync_log>(files, 20, false);
    case 3: return detail::closed<fsync_log>(files, 1, true);
    case 4: return detail::killed<fsync_log>(files, 2, false);
    case 5: return detail::killed<async_log>(files, 12, false);
    case 6: return detail::killed<none_log>(files, 1, true);
    default: return detail::torn(files);
  }
}

}  // namespace logdb::fuzz
