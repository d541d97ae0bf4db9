// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The stores that bench/keyvalue compares: logdb, a hash map over a mapped file as the limit, and
/// whichever peers are installed.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "support.hpp"

#if defined(LOGDB_BENCH_SQLITE)
#include <sqlite3.h>
#endif

namespace bench {

/// Is a store under test. get() returns the size of the value, or 0.
class key_value_store {
 public:
  key_value_store() = default;
  key_value_store(const key_value_store&) = delete;
  key_value_store& operator=(const key_value_store&) = delete;
  virtual ~key_value_store() = default;
  virtual void put(std::string_view key, std::string_view value) = 0;
  virtual std::size_t get(std::string_view key) = 0;
  virtual void erase(std::string_view key) = 0;
};

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
  Log& log() { return log_; }

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
    copy_.assign(bytes_.data() + found->second.first, found->second.second);
    return copy_.size();
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

  static inline thread_local std::string copy_;
  std::vector<char> bytes_;
  std::atomic<std::size_t> end_ = 0;
  std::vector<shard> shards_{256};
};

#if defined(LOGDB_BENCH_SQLITE)
/// Is a table of SQLite in WAL mode, without a sync a write.
class sqlite_store final : public key_value_store {
 public:
  explicit sqlite_store(const std::filesystem::path& path) {
    require(sqlite3_open(path.c_str(), &db_) == SQLITE_OK, "sqlite3_open");
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=4294967296;"
        "CREATE TABLE kv(k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID;");
    put_ = prepare("INSERT OR REPLACE INTO kv VALUES(?,?)");
    get_ = prepare("SELECT v FROM kv WHERE k=?");
    erase_ = prepare("DELETE FROM kv WHERE k=?");
  }
  ~sqlite_store() override {
    for (auto* const each : {put_, get_, erase_}) sqlite3_finalize(each);
    sqlite3_close(db_);
  }
  void put(std::string_view key, std::string_view value) override {
    const std::lock_guard lock{mutex_};
    bind(put_, 1, key);
    bind(put_, 2, value);
    step(put_);
  }
  std::size_t get(std::string_view key) override {
    const std::lock_guard lock{mutex_};
    bind(get_, 1, key);
    const bool found = sqlite3_step(get_) == SQLITE_ROW;
    const auto bytes = found ? static_cast<std::size_t>(sqlite3_column_bytes(get_, 0)) : 0;
    sqlite3_reset(get_);
    return bytes;
  }
  void erase(std::string_view key) override {
    const std::lock_guard lock{mutex_};
    bind(erase_, 1, key);
    step(erase_);
  }

 private:
  void run(const char* sql) {
    require(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql);
  }
  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* made = nullptr;
    require(sqlite3_prepare_v2(db_, sql, -1, &made, nullptr) == SQLITE_OK, sql);
    return made;
  }
  static void bind(sqlite3_stmt* to, int place, std::string_view bytes) {
    sqlite3_bind_blob(to, place, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  }
  static void step(sqlite3_stmt* what) {
    require(sqlite3_step(what) == SQLITE_DONE, "sqlite3_step");
    sqlite3_reset(what);
  }

  std::mutex mutex_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
  sqlite3_stmt* get_ = nullptr;
  sqlite3_stmt* erase_ = nullptr;
};
#endif

}  // namespace bench
