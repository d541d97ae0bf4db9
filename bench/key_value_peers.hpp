// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The stores that bench/keyvalue compares: logdb, a hash map over a mapped file as the limit, and
/// whichever peers are installed.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "peers/installed.hpp"
#include "support.hpp"

namespace bench {

template <class Log>
class logdb_store final : public key_value_store {
 public:
  explicit logdb_store(const std::filesystem::path& path) : log_{path} {}
  void put(std::string_view key, std::string_view value) override { log_.put(key, value); }
  std::size_t get(std::string_view key) override {
    const auto found = log_.get(key);
    return found ? found->size() : 0;
  }
  void erase(std::string_view key) override { log_.erase(key); }
  std::size_t scan(std::string_view from, std::size_t count) override {
    std::size_t bytes = 0;
    if constexpr (requires { log_.lower_bound(from); }) {
      if (count == 0) return 0;
      for (const auto& [key, value] : log_.lower_bound(from)) {
        bytes += value.size();
        if (--count == 0) break;
      }
    }
    return bytes;
  }

 private:
  Log log_;
};

/// Is what a hash map and plain memory reach: values at the end of an array, one lock a shard; no
/// log, no checksum, nothing survives.
class map_store final : public key_value_store {
 public:
  explicit map_store(std::size_t bytes) : bytes_(bytes) {}
  void put(std::string_view key, std::string_view value) override {
    const std::size_t at = end_.fetch_add(value.size()) % (bytes_.size() - value.size());
    std::memcpy(bytes_.data() + at, value.data(), value.size());
    shard& in = shard_of(key);
    const std::lock_guard lock{in.mutex};
    in.places[std::string{key}] = {at, value.size()};
  }
  std::size_t get(std::string_view key) override {
    shard& in = shard_of(key);
    const std::lock_guard lock{in.mutex};
    const auto found = in.places.find(std::string{key});
    if (found == in.places.end()) return 0;
    value_room().assign(bytes_.data() + found->second.first, found->second.second);
    return value_room().size();
  }
  void erase(std::string_view key) override {
    shard& in = shard_of(key);
    const std::lock_guard lock{in.mutex};
    in.places.erase(std::string{key});
  }

 private:
  struct alignas(64) shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::pair<std::size_t, std::size_t>> places;
  };
  shard& shard_of(std::string_view key) {
    return shards_[std::hash<std::string_view>{}(key) % shards_.size()];
  }

  std::vector<char> bytes_;
  std::atomic<std::size_t> end_ = 0;
  std::vector<shard> shards_{256};
};

/// Is a store to be compared.
struct candidate {
  std::string name;
  std::function<std::unique_ptr<key_value_store>(const std::filesystem::path&)> make;
  bool slow;  ///< does a tenth of the work, in one round
};

template <class Store, class... Arguments>
candidate make_candidate(const std::string& name, bool slow, const Arguments&... arguments) {
  return {name,
          [=](const std::filesystem::path& path) -> std::unique_ptr<key_value_store> {
            return std::make_unique<Store>(path / "store", arguments...);
          },
          slow};
}

/// Returns the peers that keep keys in order and are installed.
/// @param bytes  of all keys and values
inline std::vector<candidate> ordered_peers([[maybe_unused]] std::uint64_t bytes) {
  std::vector<candidate> all;
#if defined(LOGDB_BENCH_LMDB)
  all.push_back(make_candidate<lmdb_store>("LMDB", true, bytes));
#endif
#if defined(LOGDB_BENCH_LEVELDB)
  all.push_back(make_candidate<lsm_store<leveldb_kind>>("LevelDB", true));
#endif
#if defined(LOGDB_BENCH_ROCKSDB)
  all.push_back(make_candidate<lsm_store<rocksdb_kind>>("RocksDB", true));
#endif
#if defined(LOGDB_BENCH_BERKELEY)
  all.push_back(make_candidate<berkeley_store>("Berkeley DB", true));
#endif
  return all;
}

/// Adds the one that takes as long as all others together.
inline void add_slowest([[maybe_unused]] std::vector<candidate>& all) {
#if defined(LOGDB_BENCH_SQLITE)
  all.push_back(make_candidate<sqlite_store>("SQLite", true));
#endif
}

/// Returns all that take part in what needs no order; logdb first.
inline std::vector<candidate> candidates([[maybe_unused]] std::uint64_t keys, std::uint64_t bytes,
                                         bool all_of_them) {
  std::vector<candidate> all;
  all.push_back(make_candidate<logdb_store<logdb::kv_store>>("logdb", false));
  all.push_back(
      {"hash map", [bytes](const auto&) { return std::make_unique<map_store>(3 * bytes); }, false});
#if defined(LOGDB_BENCH_TKRZW)
  all.push_back(make_candidate<tkrzw_store<tkrzw::HashDBM>>("HashDBM", false, keys));
#endif
  for (auto& each : ordered_peers(bytes)) all.push_back(std::move(each));
  if (all_of_them) add_slowest(all);
  return all;
}

/// Returns all that can scan; logdb first.
inline std::vector<candidate> scanning_candidates([[maybe_unused]] std::uint64_t keys,
                                                  std::uint64_t bytes) {
  std::vector<candidate> all;
  using sorted = logdb::kv_store::with<logdb::Index<logdb::BasicKeyDir<logdb::Ordered>>>;
  all.push_back(make_candidate<logdb_store<sorted>>("logdb", false));
#if defined(LOGDB_BENCH_TKRZW)
  all.push_back(make_candidate<tkrzw_store<tkrzw::TreeDBM>>("TreeDBM", true, keys / 16));
#endif
  for (auto& each : ordered_peers(bytes)) all.push_back(std::move(each));
  add_slowest(all);
  return all;
}

}  // namespace bench
