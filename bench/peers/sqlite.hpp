// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// SQLite: a connection as every table here has it, and a table as a key-value store.

#include <filesystem>
#include <mutex>
#include <sqlite3.h>
#include <string_view>
#include <vector>

#include "../support.hpp"
#include "store.hpp"

namespace bench {

/// Is a database in WAL mode, without a sync a write.
class sqlite_connection {
 public:
  /// @param tables  makes them
  sqlite_connection(const std::filesystem::path& path, const char* tables) {
    require(sqlite3_open(path.c_str(), &db_) == SQLITE_OK, "sqlite3_open");
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=4294967296;");
    run(tables);
  }
  sqlite_connection(const sqlite_connection&) = delete;
  sqlite_connection& operator=(const sqlite_connection&) = delete;
  ~sqlite_connection() {
    for (auto* const each : prepared_) sqlite3_finalize(each);
    sqlite3_close(db_);
  }

  void run(const char* sql) {
    require(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql);
  }
  /// Returns a statement, which lives as long as this.
  [[nodiscard]] sqlite3_stmt* prepare(const char* sql) {
    prepared_.push_back(nullptr);
    require(sqlite3_prepare_v2(db_, sql, -1, &prepared_.back(), nullptr) == SQLITE_OK, sql);
    return prepared_.back();
  }
  static void step(sqlite3_stmt* what) {
    require(sqlite3_step(what) == SQLITE_DONE, "sqlite3_step");
    sqlite3_reset(what);
  }

 private:
  sqlite3* db_ = nullptr;
  std::vector<sqlite3_stmt*> prepared_;
};

/// Is a table of SQLite as a key-value store.
class sqlite_store final : public key_value_store {
 public:
  explicit sqlite_store(const std::filesystem::path& path)
      : own_{path, "CREATE TABLE kv(k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID;"} {}
  void put(std::string_view key, std::string_view value) override {
    const std::lock_guard lock{mutex_};
    bind(put_, 1, key);
    bind(put_, 2, value);
    sqlite_connection::step(put_);
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
    sqlite_connection::step(erase_);
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
  static void bind(sqlite3_stmt* to, int place, std::string_view bytes) {
    sqlite3_bind_blob(to, place, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
  }

  std::mutex mutex_;
  sqlite_connection own_;
  sqlite3_stmt* put_ = own_.prepare("INSERT OR REPLACE INTO kv VALUES(?,?)");
  sqlite3_stmt* get_ = own_.prepare("SELECT v FROM kv WHERE k=?");
  sqlite3_stmt* erase_ = own_.prepare("DELETE FROM kv WHERE k=?");
  sqlite3_stmt* scan_ = own_.prepare("SELECT v FROM kv WHERE k>=? ORDER BY k");
};

}  // namespace bench
