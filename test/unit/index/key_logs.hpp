// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The logs that the tests of KeyDir run on, and what they share.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "conformance/logs.hpp"
#include "support/throws.hpp"

namespace logdb::test {

using key_logs = boost::mp11::mp_list<
    kv_store, kv_store::with<Durability<Fsync>>, kv_store::with<Durability<None>>, shared_kv,
    shared_kv::with<Durability<Fsync>>, shared_kv::with<Durability<None>>,
    basic_log<Storage<Memory>, Durability<None>, Index<KeyDir>, Locking<None>>>;

/// A log that syncs each write gets fewer of them.
template <class Log>
constexpr int share = Log::policies::durability::readable == watermark::durable ? 10 : 1;

inline std::string key_of(std::uint64_t n) { return "key:" + std::to_string(n); }

template <class Log>
std::map<std::string, std::string> contents(const Log& log) {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : log.entries()) {
    BOOST_TEST(found.emplace(key.text(), value.text()).second);
  }
  return found;
}

/// Has the newest record of a key in a segment file say that it does something else to it, as bits
/// that flip at rest do; gives what it said.
inline format::key_verb damage_verb(const std::filesystem::path& file, std::string_view key,
                                    format::key_verb to) {
  std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
  const std::string all{std::istreambuf_iterator<char>{bytes}, {}};
  const auto found = all.rfind(key);
  BOOST_TEST_REQUIRE(found != std::string::npos);
  const auto verb = found - format::key_record_fixed_bytes + 6;
  bytes.clear();
  bytes.seekp(static_cast<std::streamoff>(verb));
  bytes.put(static_cast<char>(to));
  return static_cast<format::key_verb>(all[verb]);
}

/// Has a log compacted only by hand: versions of keys stay.
template <class Log>
typename Log::options by_hand() {
  auto options = small_options<Log>();
  options.index.compaction.dead_ratio_max = 2;
  return options;
}

}  // namespace logdb::test
