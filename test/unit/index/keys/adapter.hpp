// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What makes a tested_keys of a real log. Compiles a whole engine for each log that it is used
/// for, so a log is listed in one unit only.

#include <memory>
#include <mutex>
#include <utility>

#include <boost/test/test_tools.hpp>

#include "conformance/adapter.hpp"
#include "conformance/logs.hpp"
#include "unit/index/keys/tested_keys.hpp"

namespace logdb::test {

/// Implements the verbs that a log and a transaction share.
template <class Verbs, class Real>
struct key_writes_adapter : Verbs {
  template <class... Arguments>
  explicit key_writes_adapter(Arguments&&... arguments)
      : real{std::forward<Arguments>(arguments)...} {}
  lsn put(std::string_view key, std::string_view value, time_to_live ttl) override {
    return ttl ? real.put(key, value, *ttl) : real.put(key, value);
  }
  lsn add(std::string_view key, std::string_view value) override { return real.add(key, value); }
  bool erase(std::string_view key) override { return real.erase(key); }
  [[nodiscard]] std::optional<key_value> get(std::string_view key) const override {
    return real.get(key);
  }
  [[nodiscard]] bool contains(std::string_view key) const override { return real.contains(key); }
  Real real;
};

template <class Transaction>
struct key_transaction_adapter final : key_writes_adapter<key_transaction_verbs, Transaction> {
  using key_writes_adapter<key_transaction_verbs, Transaction>::key_writes_adapter;
  [[nodiscard]] std::unique_ptr<key_transaction_verbs> begin() override {
    return std::make_unique<key_transaction_adapter>(this->real.begin());
  }
  lsn commit() override { return this->real.commit(); }
  void rollback() override { this->real.rollback(); }
};

template <class Snapshot>
struct key_snapshot_adapter final : key_snapshot_verbs {
  explicit key_snapshot_adapter(Snapshot real) : seen{std::move(real)} {}
  [[nodiscard]] std::optional<key_value> get(std::string_view key) const override {
    return seen.get(key);
  }
  [[nodiscard]] record read(lsn at) const override { return seen.read(at); }
  void for_each(const visitor& visit) const override { seen.for_each(visit); }
  Snapshot seen;
};

template <class Log>
struct keys_adapter final : key_writes_adapter<key_log_verbs, Log> {
  using base = key_writes_adapter<key_log_verbs, Log>;
  using base::base;
  using base::real;

  void assign(key_log_verbs& other) override {
    real = std::move(dynamic_cast<keys_adapter&>(other).real);
  }
  lsn put_all(const text_pairs& pairs) override { return real.put(pairs); }
  std::optional<lsn> compare_and_put(std::string_view key, lsn expected,
                                     std::string_view value) override {
    return real.compare_and_put(key, expected, value);
  }
  [[nodiscard]] std::optional<key_value> get_as_of(std::string_view key, lsn at) const override {
    return real.get(key, at);
  }
  [[nodiscard]] std::optional<key_value> get_then(std::string_view key,
                                                  timestamp time) const override {
    return real.get(key, time);
  }
  [[nodiscard]] std::vector<key_value> values(std::string_view key) const override {
    return real.values(key);
  }
  [[nodiscard]] std::vector<key_version> history(std::string_view key) const override {
    return real.history(key);
  }
  [[nodiscard]] std::vector<key_entry> entries() const override {
    std::vector<key_entry> found;
    for (const auto& each : real.entries()) found.push_back(each);
    return found;
  }
  [[nodiscard]] std::uint64_t size() const override { return real.size(); }
  [[nodiscard]] std::uint64_t memory_bytes() const override { return real.memory_bytes(); }
  compaction_report compact() override { return real.compact(); }
  [[nodiscard]] compaction_report compacted() const override { return real.compacted(); }
  [[nodiscard]] std::unique_ptr<key_transaction_verbs> begin() override {
    using adapter = key_transaction_adapter<typename Log::transaction_type>;
    return std::make_unique<adapter>(real.begin());
  }
  [[nodiscard]] std::shared_ptr<const key_snapshot_verbs> snapshot() const override {
    return std::make_shared<key_snapshot_adapter<typename Log::snapshot_type>>(real.snapshot());
  }
  [[nodiscard]] tested_records records(lsn from) const override {
    return erased(real.records(from));
  }
  [[nodiscard]] tested_records records(lsn from, lsn to) const override {
    return erased(real.records(from, to));
  }
  [[nodiscard]] tested_records tail(lsn from, std::stop_token stop) override {
    return erased(real.tail(from, std::move(stop)));
  }
  [[nodiscard]] std::unique_ptr<tested_cursor_verbs> cursor(std::string name) override {
    using adapter = cursor_adapter<typename Log::cursor_type>;
    return std::make_unique<adapter>(real.cursor(std::move(name)));
  }
  void sync() override { real.sync(); }
  [[nodiscard]] lsn first_lsn() const override { return real.first_lsn(); }
  [[nodiscard]] lsn last_lsn() const override { return real.last_lsn(); }
  [[nodiscard]] log_stats stats() const override { return real.stats(); }
  [[nodiscard]] verification verify() const override { return real.verify(); }
  void close() override { real.close(); }
  [[nodiscard]] std::shared_ptr<void> lock_shard_of(std::string_view key) override {
    auto& store = detail::log_access::view(real).index().store();
    return locked(store.table().shard_of(store.hash(as_bytes(key))).lock);
  }
  [[nodiscard]] std::shared_ptr<void> prepare_first_shard() override {
    auto& shard = detail::log_access::view(real).index().store().table().shard_at(0);
    auto held = locked(shard.lock);
    shard.prepares.store(true, std::memory_order_release);
    return {&shard,
            [held](auto* prepared) { prepared->prepares.store(false, std::memory_order_release); }};
  }

 private:
  template <class Mutex>
  static std::shared_ptr<void> locked(Mutex& mutex) {
    return std::make_shared<std::unique_lock<Mutex>>(mutex);
  }
};

/// Opens a log with the options that the tests set; what they do not set stays the default.
template <class Log>
tested_keys open_keys(const std::filesystem::path& path, const key_options& chosen) {
  typename Log::options real;
  if constexpr (requires { real.mode; }) real.mode = chosen.mode;
  real.segment_bytes = chosen.segment_bytes;
  real.durability.staging_bytes = chosen.staging_bytes;
  if constexpr (requires { real.durability.delay_max; }) {
    real.durability.delay_max = chosen.delay_max.value_or(real.durability.delay_max);
  }
  auto& index = real.index;
  index.memory_bytes_max = chosen.memory_bytes_max.value_or(index.memory_bytes_max);
  auto& ratio = index.compaction.dead_ratio_max;
  ratio = chosen.dead_ratio_max.value_or(ratio);
  return tested_keys{std::make_unique<keys_adapter<Log>>(path, real)};
}

template <class Log>
void values_of_a_type_go_through_its_codec() {
  struct point {
    int x;
    int y;
  };
  small_log<Log> f;
  f.log.put("n", 42);
  f.log.put("p", point{1, 2});
  BOOST_TEST((f.log.template get<int>("n") == 42));
  BOOST_TEST(f.log.template get<point>("p")->y == 2);
  BOOST_TEST(!f.log.template get<point>("n"));
  BOOST_TEST(!f.log.template get<int>("none"));
}

template <class Log>
key_kind key_kind_of() {
  return {.name = name_of<Log>(),
          .persistent = Log::policies::storage::persistent,
          .share = Log::policies::durability::readable == watermark::durable ? 10 : 1,
          .open = open_keys<Log>,
          .codecs = values_of_a_type_go_through_its_codec<Log>};
}

}  // namespace logdb::test
