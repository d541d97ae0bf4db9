// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// LMDB: a B+ tree in a mapped file, copied page by page when written.

#include <cstdint>
#include <filesystem>
#include <lmdb.h>
#include <span>
#include <string_view>
#include <utility>

#include "../support.hpp"
#include "store.hpp"

namespace bench {

/// Writes through the mapping and syncs nothing; a thread keeps its read transaction for reuse.
class lmdb_store final : public key_value_store {
 public:
  lmdb_store(const std::filesystem::path& path, std::uint64_t bytes) {
    check(mdb_env_create(&env_));
    check(mdb_env_set_mapsize(env_, 4 * bytes + (std::size_t{1} << 30)));
    std::filesystem::create_directories(path);
    check(mdb_env_open(env_, path.c_str(), MDB_WRITEMAP | MDB_NOSYNC | MDB_NOTLS, 0600));
    transaction opening{env_, 0};
    check(mdb_dbi_open(opening.get(), nullptr, 0, &table_));
    opening.commit();
  }
  ~lmdb_store() override {
    reader().drop();
    mdb_env_close(env_);
  }
  void put(std::string_view key, std::string_view value) override {
    const key_value_pair one{key, value};
    put_all({&one, 1});
  }
  void put_all(std::span<const key_value_pair> batch) {
    transaction writing{env_, 0};
    for (const auto& [key, value] : batch) {
      MDB_val k = as_val(key);
      MDB_val v = as_val(value);
      check(mdb_put(writing.get(), table_, &k, &v, 0));
    }
    writing.commit();
  }
  std::size_t get(std::string_view key) override {
    const reading in{*this};
    MDB_val k = as_val(key);
    MDB_val v{};
    if (mdb_get(in.get(), table_, &k, &v) != 0) return 0;
    value_room().assign(static_cast<const char*>(v.mv_data), v.mv_size);
    return value_room().size();
  }
  void erase(std::string_view key) override {
    transaction writing{env_, 0};
    MDB_val k = as_val(key);
    (void)mdb_del(writing.get(), table_, &k, nullptr);
    writing.commit();
  }
  std::size_t scan(std::string_view from, std::size_t count) override {
    return scan_by_visit(*this, from, count);
  }
  template <class Visit>
  void visit(std::string_view from, Visit visit) {
    const reading in{*this};
    MDB_cursor* at = nullptr;
    check(mdb_cursor_open(in.get(), table_, &at));
    MDB_val k = as_val(from);
    MDB_val v{};
    for (auto step = MDB_SET_RANGE; mdb_cursor_get(at, &k, &v, step) == 0; step = MDB_NEXT) {
      if (!visit(as_text(k), as_text(v))) break;
    }
    mdb_cursor_close(at);
  }

 private:
  static void check(int code) { require(code == 0, mdb_strerror(code)); }
  static MDB_val as_val(std::string_view text) {
    return {text.size(), const_cast<char*>(text.data())};
  }
  static std::string_view as_text(const MDB_val& val) {
    return {static_cast<const char*>(val.mv_data), val.mv_size};
  }

  class transaction {
   public:
    transaction(MDB_env* env, unsigned flags) { check(mdb_txn_begin(env, nullptr, flags, &own_)); }
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;
    ~transaction() {
      if (own_ != nullptr) mdb_txn_abort(own_);
    }
    [[nodiscard]] MDB_txn* get() const { return own_; }
    void commit() { check(mdb_txn_commit(std::exchange(own_, nullptr))); }

   private:
    MDB_txn* own_ = nullptr;
  };

  /// Is the read transaction that a thread keeps.
  struct kept {
    MDB_txn* own = nullptr;
    ~kept() { drop(); }
    void drop() {
      if (own != nullptr) mdb_txn_abort(std::exchange(own, nullptr));
    }
  };
  struct reading {
    explicit reading(lmdb_store& store) {
      if (reader().own == nullptr) {
        check(mdb_txn_begin(store.env_, nullptr, MDB_RDONLY, &reader().own));
      } else {
        check(mdb_txn_renew(reader().own));
      }
    }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;
    ~reading() { mdb_txn_reset(reader().own); }
    [[nodiscard]] MDB_txn* get() const { return reader().own; }
  };

  static kept& reader() {
    thread_local kept own;
    return own;
  }
  MDB_env* env_ = nullptr;
  MDB_dbi table_ = 0;
};

}  // namespace bench
