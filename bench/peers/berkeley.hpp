// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Berkeley DB: a B+ tree with a log.

#include <cstring>
#include <db.h>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "../support.hpp"
#include "store.hpp"

namespace bench {

/// Commits each write, and leaves it to the system when that reaches the disk.
class berkeley_store final : public key_value_store {
 public:
  explicit berkeley_store(const std::filesystem::path& path) {
    std::filesystem::create_directories(path);
    check(db_env_create(&env_, 0));
    check(env_->set_cachesize(env_, 1, 0, 1));
    check(env_->set_lg_bsize(env_, 32u << 20));
    check(env_->set_lg_max(env_, 256u << 20));
    check(env_->set_lk_detect(env_, DB_LOCK_DEFAULT));
    check(env_->set_flags(env_, DB_TXN_NOSYNC, 1));
    check(env_->open(env_, path.c_str(),
                     DB_CREATE | DB_PRIVATE | DB_THREAD | DB_INIT_MPOOL | DB_INIT_LOCK |
                         DB_INIT_LOG | DB_INIT_TXN,
                     0600));
    check(db_create(&db_, env_, 0));
    check(db_->open(db_, nullptr, "kv", nullptr, DB_BTREE, DB_CREATE | DB_THREAD | DB_AUTO_COMMIT,
                    0600));
  }
  ~berkeley_store() override {
    if (db_ != nullptr) db_->close(db_, DB_NOSYNC);
    if (env_ != nullptr) env_->close(env_, 0);
  }
  void put(std::string_view key, std::string_view value) override {
    DBT k = as_dbt(key);
    DBT v = as_dbt(value);
    check(again([&] { return db_->put(db_, nullptr, &k, &v, 0); }));
  }
  std::size_t get(std::string_view key) override {
    DBT k = as_dbt(key);
    DBT v = room();
    return again([&] { return db_->get(db_, nullptr, &k, &v, 0); }) == 0 ? v.size : 0;
  }
  void erase(std::string_view key) override {
    DBT k = as_dbt(key);
    (void)again([&] { return db_->del(db_, nullptr, &k, 0); });
  }
  void put_all(std::span<const key_value_pair> batch) {
    check(again([&] { return put_once(batch); }));
  }
  std::size_t scan(std::string_view from, std::size_t count) override {
    return scan_by_visit(*this, from, count);
  }
  /// @param from  as long as every key
  template <class Visit>
  void visit(std::string_view from, Visit visit) {
    DBC* at = nullptr;
    check(db_->cursor(db_, nullptr, &at, 0));
    std::string begin{from};
    std::string found(4096, '\0');
    DBT k = as_room(begin);
    DBT v = as_room(found);
    for (auto step = DB_SET_RANGE; at->get(at, &k, &v, step) == 0; step = DB_NEXT) {
      if (!visit(as_text(k), as_text(v))) break;
    }
    at->close(at);
  }

 private:
  static void check(int code) { require(code == 0, db_strerror(code)); }
  static DBT as_dbt(std::string_view text) {
    DBT made;
    std::memset(&made, 0, sizeof made);
    made.data = const_cast<char*>(text.data());
    made.size = static_cast<u_int32_t>(text.size());
    return made;
  }
  static DBT as_room(std::string& text) {
    DBT made = as_dbt(text);
    made.ulen = made.size;
    made.flags = DB_DBT_USERMEM;
    return made;
  }
  static DBT room() {
    value_room().resize(4096);
    return as_room(value_room());
  }
  static std::string_view as_text(const DBT& of) {
    return {static_cast<const char*>(of.data), of.size};
  }
  int put_once(std::span<const key_value_pair> batch) {
    DB_TXN* whole = nullptr;
    check(env_->txn_begin(env_, nullptr, &whole, 0));
    for (const auto& [key, value] : batch) {
      DBT k = as_dbt(key);
      DBT v = as_dbt(value);
      if (const int code = db_->put(db_, whole, &k, &v, 0); code != 0) {
        whole->abort(whole);
        return code;
      }
    }
    return whole->commit(whole, 0);
  }
  /// Does what another thread's lock has stopped once more.
  template <class Step>
  static int again(Step step) {
    int code = step();
    while (code == DB_LOCK_DEADLOCK) code = step();
    return code;
  }

  DB_ENV* env_ = nullptr;
  DB* db_ = nullptr;
};

}  // namespace bench
