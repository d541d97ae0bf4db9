// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// LevelDB and RocksDB, whose faces are alike: logs that are sorted into files.

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#if defined(LOGDB_BENCH_LEVELDB)
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>
#endif
#if defined(LOGDB_BENCH_ROCKSDB)
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#endif

#include "../support.hpp"
#include "store.hpp"

namespace bench {

/// @tparam Kind  how to open one, and its types
template <class Kind>
class lsm_store final : public key_value_store {
  using slice = typename Kind::slice;

 public:
  explicit lsm_store(const std::filesystem::path& path) : db_{kind_.open(path.string())} {}
  void put(std::string_view key, std::string_view value) override {
    check(db_->Put({}, as_slice(key), as_slice(value)).ok());
  }
  std::size_t get(std::string_view key) override {
    return db_->Get({}, as_slice(key), &value_room()).ok() ? value_room().size() : 0;
  }
  void erase(std::string_view key) override { check(db_->Delete({}, as_slice(key)).ok()); }
  std::size_t scan(std::string_view from, std::size_t count) override {
    return scan_by_visit(*this, from, count);
  }
  void put_all(std::span<const key_value_pair> batch) {
    typename Kind::batch whole;
    for (const auto& [key, value] : batch) whole.Put(as_slice(key), as_slice(value));
    check(db_->Write({}, &whole).ok());
  }
  template <class Visit>
  void visit(std::string_view from, Visit visit) {
    const std::unique_ptr<typename Kind::iterator> at{db_->NewIterator({})};
    for (at->Seek(as_slice(from)); at->Valid(); at->Next()) {
      if (!visit(as_text(at->key()), as_text(at->value()))) return;
    }
  }

 private:
  static slice as_slice(std::string_view text) { return {text.data(), text.size()}; }
  static std::string_view as_text(const slice& of) { return {of.data(), of.size()}; }
  static void check(bool good) { require(good, "an LSM store"); }

  Kind kind_;
  std::unique_ptr<typename Kind::database> db_;
};

inline constexpr std::size_t lsm_cache_bytes = std::size_t{1} << 30;
inline constexpr std::size_t lsm_buffer_bytes = std::size_t{64} << 20;
inline constexpr int lsm_filter_bits = 10;

#if defined(LOGDB_BENCH_LEVELDB)
struct leveldb_kind {
  using slice = leveldb::Slice;
  using database = leveldb::DB;
  using iterator = leveldb::Iterator;
  using batch = leveldb::WriteBatch;

  std::unique_ptr<leveldb::Cache> cache{leveldb::NewLRUCache(lsm_cache_bytes)};
  std::unique_ptr<const leveldb::FilterPolicy> filter{
      leveldb::NewBloomFilterPolicy(lsm_filter_bits)};

  database* open(const std::string& path) {
    leveldb::Options chosen;
    chosen.create_if_missing = true;
    chosen.compression = leveldb::kNoCompression;
    chosen.write_buffer_size = lsm_buffer_bytes;
    chosen.block_cache = cache.get();
    chosen.filter_policy = filter.get();
    database* made = nullptr;
    require(leveldb::DB::Open(chosen, path, &made).ok(), "leveldb::DB::Open");
    return made;
  }
};
#endif

#if defined(LOGDB_BENCH_ROCKSDB)
struct rocksdb_kind {
  using slice = rocksdb::Slice;
  using database = rocksdb::DB;
  using iterator = rocksdb::Iterator;
  using batch = rocksdb::WriteBatch;

  database* open(const std::string& path) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(lsm_cache_bytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(lsm_filter_bits));
    rocksdb::Options chosen;
    chosen.create_if_missing = true;
    chosen.compression = rocksdb::kNoCompression;
    chosen.write_buffer_size = lsm_buffer_bytes;
    chosen.IncreaseParallelism(2);
    chosen.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    database* made = nullptr;
    require(rocksdb::DB::Open(chosen, path, &made).ok(), "rocksdb::DB::Open");
    return made;
  }
};
#endif

}  // namespace bench
