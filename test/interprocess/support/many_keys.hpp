// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Processes that write one key-value log together.

#include <cstdint>
#include <map>
#include <string>

#include <boost/mp11/list.hpp>

#include <logdb/logdb.hpp>

#include "interprocess/support/many.hpp"

namespace logdb::test {

template <class Durability, class System = quick_system, class Keys = KeyDir>
using quick_keys = basic_log<Storage<BasicDirectory<System>>, logdb::Durability<Durability>,
                             Index<Keys>, Locking<Fcntl>>;

using key_logs =
    boost::mp11::mp_list<quick_keys<Async>, quick_keys<Fsync>, quick_keys<None>,
                         quick_keys<Async>::with<Storage<BasicSingleFile<quick_system>>>>;

/// Makes segments small and leaves compaction to whoever calls for it.
template <class Log>
typename Log::options small_keys() {
  auto options = smallest<Log>();
  options.index.compaction.dead_ratio_max = 2;
  return options;
}

/// The same with compaction in the background, as eager as it can be.
template <class Log>
typename Log::options eager_keys() {
  auto options = smallest<Log>();
  options.index.compaction.dead_ratio_max = 0.1;
  return options;
}

inline std::string key_of(std::uint64_t n) { return "key " + std::to_string(n); }

template <class Log>
std::map<std::string, std::string> contents(const Log& log) {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : log.entries()) found.emplace(key.text(), value.text());
  return found;
}

/// Is a log that two have open.
template <class Log>
struct pair_of_logs {
  explicit pair_of_logs(const typename Log::options& chosen = small_keys<Log>())
      : options{chosen} {}
  temp_dir place;
  typename Log::options options;
  Log first{place / "kv", options};
  Log second{place / "kv", options};
};

}  // namespace logdb::test
