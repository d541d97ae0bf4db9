// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Processes that write one time log together.

#include <cstdint>

#include <logdb/logdb.hpp>

#include "crash/support/row_writer.hpp"
#include "interprocess/support/many.hpp"

namespace logdb::test {

template <class Durability, class System = quick_system>
using quick_times = basic_log<Storage<BasicDirectory<System>>, logdb::Durability<Durability>,
                              Index<BasicTimeLSM<std::uint64_t>>, Locking<Fcntl>>;

/// Makes everything so small that little is sealed, merged and stored often.
template <class Log>
typename Log::options small_times() {
  auto options = smallest<Log>();
  options.index.memtable_rows = options.index.partition_rows = 256;
  options.index.l0_runs_max = 3;
  options.index.checkpoint_bytes = 4000;
  options.index.memory_bytes_max = 128u << 10;
  return options;
}

/// Is a log that two have open.
template <class Log>
struct pair_of_time_logs {
  explicit pair_of_time_logs(const typename Log::options& chosen = small_times<Log>())
      : options{chosen} {}
  temp_dir place;
  typename Log::options options;
  Log first{place / "rows", options};
  Log second{place / "rows", options};
};

}  // namespace logdb::test
