// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Berkeley DB: a B+ tree with a log.

#include <cstring>
#include <db.h>
#include <filesystem>
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
  std::size_t scan(std::string_view from, std::size_t count) override {
    DBC* at = nullptr;
    check(db_->cursor(db_, nullptr, &at, 0));
    std::string begin{from};
    DBT k = as_dbt(begin);
    k.ulen = k.size;
    k.flags = DB_DBT_USERMEM;
    DBT v = room();
    std::size_t bytes = 0;
    for (auto step = DB_SET_RANGE; count != 0 && at->get(at, &k, &v, step) == 0; --count) {
      bytes += v.size;
      step = DB_NEXT;
    }
    at->close(at);
    return bytes;
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
  static DBT room() {
    value_room().resize(4096);
    DBT made = as_dbt(value_room());
    made.ulen = made.size;
    made.flags = DB_DBT_USERMEM;
    return made;
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
