// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What tests of KeyDir share that know the type of the log.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "conformance/logs.hpp"
#include "support/throws.hpp"
#include "unit/index/keys/contents.hpp"

namespace logdb::test {

/// A log that syncs each write gets fewer of them.
template <class Log>
constexpr int share = Log::policies::durability::readable == watermark::durable ? 10 : 1;

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
