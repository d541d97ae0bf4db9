// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A small log in a directory of its own, and its texts, for tests that know the type of the log.

#include <filesystem>

#include <logdb/logdb.hpp>

#include "conformance/texts.hpp"
#include "support/temp_dir.hpp"

namespace logdb::test {

/// Makes segments and staging as small as they may be, so that little rolls, fills and spills.
template <class Log>
typename Log::options small_options() {
  typename Log::options small;
  small.segment_bytes = 16u << 10;
  small.durability.staging_bytes = 32u << 10;
  // the records of the suite are no JSON
  if constexpr (requires { small.index.check; }) {
    small.index.check = decltype(small.index.check)::none;
  }
  return small;
}

/// Is a log of the kind under test, new at the beginning of each test.
template <class Log>
struct small_log {
  temp_dir place;
  std::filesystem::path path = place / "log";
  typename Log::options options = small_options<Log>();
  Log log{path, options};

  small_log() = default;
  explicit small_log(const typename Log::options& chosen) : options{chosen} {}

  void reopen() {
    log.close();
    log = Log{path, options};
  }
  /// The same, except for a log whose records would be gone.
  void reopen_if_it_lasts() {
    if constexpr (Log::policies::storage::persistent) reopen();
  }
};

}  // namespace logdb::test
