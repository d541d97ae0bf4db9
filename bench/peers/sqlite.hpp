// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// SQLite as a key-value store.

#include <filesystem>
#include <mutex>
#include <sqlite3.h>
#include <string_view>

#include "../support.hpp"
#include "store.hpp"

namespace bench {

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
    scan_ = prepare("SELECT v FROM kv WHERE k>=? ORDER BY k");
  }
  ~sqlite_store() override {
    for (auto* const each : {put_, get_, erase_, scan_}) sqlite3_finalize(each);
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
  std::size_t scan(std::string_view from, std::size_t count) override {
    const std::lock_guard lock{mutex_};
    bind(scan_, 1, from);
    std::size_t bytes = 0;
    for (; count != 0 && sqlite3_step(scan_) == SQLITE_ROW; --count) {
      bytes += static_cast<std::size_t>(sqlite3_column_bytes(scan_, 0));
    }
    sqlite3_reset(scan_);
    return bytes;
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
  sqlite3_stmt* scan_ = nullptr;
};

}  // namespace bench
