// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A log of keys whose type is erased, for tests that are compiled once for all of them.
/// adapter.hpp makes one of a real log; a body that includes only this file does not compile an
/// engine.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/index/keydir/compact/compaction_report.hpp>
#include <logdb/index/keydir/places/value.hpp>

#include "conformance/tested_log.hpp"

namespace logdb::test {

using text_pairs = std::vector<std::pair<std::string_view, std::string_view>>;
using time_to_live = std::optional<std::chrono::nanoseconds>;

/// The options that tests of all logs of keys set; the sizes are the least.
struct key_options {
  open_mode mode = open_mode::read_write;
  std::uint64_t segment_bytes = 16u << 10;
  std::uint64_t staging_bytes = 32u << 10;
  std::optional<std::chrono::nanoseconds> delay_max{};
  std::optional<std::uint64_t> memory_bytes_max{};
  std::optional<double> dead_ratio_max{};
};

/// The verbs that write, of a log and of a transaction.
struct key_write_verbs {
  virtual ~key_write_verbs() = default;
  virtual lsn put(std::string_view key, std::string_view value, time_to_live ttl) = 0;
  virtual lsn add(std::string_view key, std::string_view value) = 0;
  virtual bool erase(std::string_view key) = 0;
  [[nodiscard]] virtual std::optional<key_value> get(std::string_view key) const = 0;
  [[nodiscard]] virtual bool contains(std::string_view key) const = 0;
};
struct key_transaction_verbs : key_write_verbs {
  [[nodiscard]] virtual std::unique_ptr<key_transaction_verbs> begin() = 0;
  virtual lsn commit() = 0;
  virtual void rollback() = 0;
};
struct key_snapshot_verbs {
  using visitor = std::function<void(const stored_bytes&, const key_value&)>;
  virtual ~key_snapshot_verbs() = default;
  [[nodiscard]] virtual std::optional<key_value> get(std::string_view key) const = 0;
  [[nodiscard]] virtual record read(lsn at) const = 0;
  virtual void for_each(const visitor& visit) const = 0;
};
struct key_log_verbs : key_write_verbs {
  virtual void assign(key_log_verbs& other) = 0;
  virtual lsn put_all(const text_pairs& pairs) = 0;
  virtual std::optional<lsn> compare_and_put(std::string_view key, lsn expected,
                                             std::string_view value) = 0;
  [[nodiscard]] virtual std::optional<key_value> get_as_of(std::string_view key, lsn at) const = 0;
  [[nodiscard]] virtual std::optional<key_value> get_then(std::string_view key,
                                                          timestamp time) const = 0;
  [[nodiscard]] virtual std::vector<key_value> values(std::string_view key) const = 0;
  [[nodiscard]] virtual std::vector<key_version> history(std::string_view key) const = 0;
  [[nodiscard]] virtual std::vector<key_entry> entries() const = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  [[nodiscard]] virtual std::uint64_t memory_bytes() const = 0;
  virtual compaction_report compact() = 0;
  [[nodiscard]] virtual compaction_report compacted() const = 0;
  [[nodiscard]] virtual std::unique_ptr<key_transaction_verbs> begin() = 0;
  [[nodiscard]] virtual std::shared_ptr<const key_snapshot_verbs> snapshot() const = 0;
  [[nodiscard]] virtual tested_records records(lsn from) const = 0;
  [[nodiscard]] virtual tested_records records(lsn from, lsn to) const = 0;
  [[nodiscard]] virtual tested_records tail(lsn from, std::stop_token stop) = 0;
  [[nodiscard]] virtual std::unique_ptr<tested_cursor_verbs> cursor(std::string name) = 0;
  virtual void sync() = 0;
  [[nodiscard]] virtual lsn first_lsn() const = 0;
  [[nodiscard]] virtual lsn last_lsn() const = 0;
  [[nodiscard]] virtual log_stats stats() const = 0;
  [[nodiscard]] virtual verification verify() const = 0;
  virtual void close() = 0;
  /// Locks the part of the table that a key is in, until what is returned goes.
  [[nodiscard]] virtual std::shared_ptr<void> lock_shard_of(std::string_view key) = 0;
  /// The same of the first part, as one does that commits gigabytes.
  [[nodiscard]] virtual std::shared_ptr<void> prepare_first_shard() = 0;
};

/// The verbs that write as users call them.
template <class Verbs>
class tested_key_writes {
 public:
  explicit tested_key_writes(std::unique_ptr<Verbs> real) : real_{std::move(real)} {}
  lsn put(std::string_view key, std::string_view value, time_to_live ttl = {}) {
    return real_->put(key, value, ttl);
  }
  lsn add(std::string_view key, std::string_view value) { return real_->add(key, value); }
  bool erase(std::string_view key) { return real_->erase(key); }
  [[nodiscard]] std::optional<key_value> get(std::string_view key) const { return real_->get(key); }
  [[nodiscard]] bool contains(std::string_view key) const { return real_->contains(key); }

 protected:
  [[nodiscard]] Verbs& real() const { return *real_; }

 private:
  std::unique_ptr<Verbs> real_;
};

/// A transaction of any log of keys.
class tested_key_transaction : public tested_key_writes<key_transaction_verbs> {
 public:
  using tested_key_writes::tested_key_writes;
  [[nodiscard]] tested_key_transaction begin() { return tested_key_transaction{real().begin()}; }
  lsn commit() { return real().commit(); }
  void rollback() { real().rollback(); }
};

/// A snapshot of any log of keys.
class tested_key_snapshot {
 public:
  explicit tested_key_snapshot(std::shared_ptr<const key_snapshot_verbs> real)
      : real_{std::move(real)} {}
  [[nodiscard]] std::optional<key_value> get(std::string_view key) const { return real_->get(key); }
  [[nodiscard]] record read(lsn at) const { return real_->read(at); }
  void for_each(const key_snapshot_verbs::visitor& visit) const { real_->for_each(visit); }

 private:
  std::shared_ptr<const key_snapshot_verbs> real_;
};

/// Any log of keys.
class tested_keys : public tested_key_writes<key_log_verbs> {
 public:
  using tested_key_writes::tested_key_writes;
  tested_keys(tested_keys&&) = default;
  /// The real log is assigned to, and the other is left as that leaves it.
  tested_keys& operator=(tested_keys&& other) {
    real().assign(other.real());
    return *this;
  }
  using tested_key_writes::put;
  template <std::ranges::input_range Pairs>
  requires(!std::convertible_to<Pairs, std::string_view>) lsn put(const Pairs& pairs) {
    return real().put_all(text_pairs{std::ranges::begin(pairs), std::ranges::end(pairs)});
  }
  std::optional<lsn> compare_and_put(std::string_view key, lsn expected, std::string_view value) {
    return real().compare_and_put(key, expected, value);
  }
  using tested_key_writes::get;
  [[nodiscard]] std::optional<key_value> get(std::string_view key, lsn as_of) const {
    return real().get_as_of(key, as_of);
  }
  [[nodiscard]] std::optional<key_value> get(std::string_view key, timestamp as_of) const {
    return real().get_then(key, as_of);
  }
  [[nodiscard]] std::vector<key_value> values(std::string_view key) const {
    return real().values(key);
  }
  [[nodiscard]] std::vector<key_version> history(std::string_view key) const {
    return real().history(key);
  }
  [[nodiscard]] std::vector<key_entry> entries() const { return real().entries(); }
  [[nodiscard]] std::uint64_t size() const { return real().size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::uint64_t memory_bytes() const { return real().memory_bytes(); }
  compaction_report compact() { return real().compact(); }
  [[nodiscard]] compaction_report compacted() const { return real().compacted(); }
  [[nodiscard]] tested_key_transaction begin() { return tested_key_transaction{real().begin()}; }
  [[nodiscard]] tested_key_snapshot snapshot() const {
    return tested_key_snapshot{real().snapshot()};
  }
  [[nodiscard]] tested_records records(lsn from) const { return real().records(from); }
  [[nodiscard]] tested_records records(lsn from, lsn to) const { return real().records(from, to); }
  [[nodiscard]] tested_records tail(lsn from, std::stop_token stop) {
    return real().tail(from, std::move(stop));
  }
  [[nodiscard]] tested_cursor cursor(std::string name) {
    return tested_cursor{real().cursor(std::move(name))};
  }
  void sync() { real().sync(); }
  [[nodiscard]] lsn first_lsn() const { return real().first_lsn(); }
  [[nodiscard]] lsn last_lsn() const { return real().last_lsn(); }
  [[nodiscard]] log_stats stats() const { return real().stats(); }
  [[nodiscard]] verification verify() const { return real().verify(); }
  void close() { real().close(); }
  [[nodiscard]] std::shared_ptr<void> lock_shard_of(std::string_view key) {
    return real().lock_shard_of(key);
  }
  [[nodiscard]] std::shared_ptr<void> prepare_first_shard() { return real().prepare_first_shard(); }
};

/// A log of keys of some policies: what its tests are told of it, and how it is opened.
struct key_kind {
  std::string name;
  bool persistent;  ///< a reopened one has its keys
  int share;        ///< a log that syncs each write gets this part of them
  tested_keys (*open)(const std::filesystem::path&, const key_options&);
  void (*codecs)();  ///< what put<T> and get<T> of its type do
};

/// Returns the logs that the tests of KeyDir run on.
const std::vector<key_kind>& key_kinds();

}  // namespace logdb::test
