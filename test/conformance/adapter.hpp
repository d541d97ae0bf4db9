// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What makes a tested_log of a real one. Compiles a whole engine for each log that it is used for,
/// so a log is listed in one unit only.

#include <array>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "conformance/tested_log.hpp"

namespace logdb::test {

template <class Range>
struct range_source : tested_records::source, std::enable_shared_from_this<range_source<Range>> {
  struct range_walk final : tested_records::walk {
    explicit range_walk(std::shared_ptr<range_source> walked) : source{std::move(walked)} {}
    [[nodiscard]] bool is_over() const override { return at == source->range.end(); }
    [[nodiscard]] const record& current() const override { return *at; }
    void advance() override { ++at; }
    std::shared_ptr<range_source> source;
    decltype(std::declval<Range&>().begin()) at = source->range.begin();
  };

  explicit range_source(Range real) : range{std::move(real)} {}
  [[nodiscard]] std::shared_ptr<tested_records::walk> begin() override {
    return std::make_shared<range_walk>(this->shared_from_this());
  }
  Range range;
};

template <class Range>
tested_records erased(Range real) {
  return tested_records{std::make_shared<range_source<Range>>(std::move(real))};
}

template <class Snapshot>
struct snapshot_adapter final : tested_snapshot_verbs {
  explicit snapshot_adapter(Snapshot real) : seen{std::move(real)} {}
  [[nodiscard]] lsn first_lsn() const override { return seen.first_lsn(); }
  [[nodiscard]] lsn last_lsn() const override { return seen.last_lsn(); }
  [[nodiscard]] std::uint64_t size() const override { return seen.size(); }
  [[nodiscard]] tested_records records() const override { return erased(seen.records()); }
  [[nodiscard]] record read(lsn at) const override { return seen.read(at); }
  [[nodiscard]] std::optional<lsn> find_time(timestamp time) const override {
    return seen.find_time(time);
  }
  Snapshot seen;
};

template <class Cursor>
struct cursor_adapter final : tested_cursor_verbs {
  explicit cursor_adapter(Cursor real) : cursor{std::move(real)} {}
  [[nodiscard]] std::string name() const override { return cursor.name(); }
  [[nodiscard]] lsn next() const override { return cursor.next(); }
  [[nodiscard]] std::uint64_t missed() const override { return cursor.missed(); }
  [[nodiscard]] tested_records records() const override { return erased(cursor.records()); }
  [[nodiscard]] tested_records tail(std::stop_token stop) const override {
    return erased(cursor.tail(std::move(stop)));
  }
  void acknowledge(lsn done) override { cursor.acknowledge(done); }
  Cursor cursor;
};

template <class Transaction>
struct transaction_adapter final : tested_transaction_verbs {
  explicit transaction_adapter(Transaction real) : unit{std::move(real)} {}
  [[nodiscard]] std::unique_ptr<tested_transaction_verbs> moved() override {
    return std::make_unique<transaction_adapter>(std::move(unit));
  }
  void assign(tested_transaction_verbs& other) override {
    unit = std::move(dynamic_cast<transaction_adapter&>(other).unit);
  }
  lsn append(std::string_view record) override { return unit.append(record); }
  lsn append(const texts_view& records) override { return unit.append(records); }
  [[nodiscard]] std::unique_ptr<tested_transaction_verbs> begin() override {
    return std::make_unique<transaction_adapter>(unit.begin());
  }
  lsn commit() override { return unit.commit(); }
  void rollback() override { unit.rollback(); }
  [[nodiscard]] std::uint64_t size() const override { return unit.size(); }
  [[nodiscard]] tested_records records() const override { return erased(unit.records()); }
  Transaction unit;
};

template <class Log>
constexpr bool finds_records = requires(const Log& log) {
  log.read(lsn{1});
};

template <class Log>
struct log_adapter final : tested_log_verbs {
  using transactions = transaction_adapter<typename Log::transaction_type>;

  explicit log_adapter(Log real) : log{std::move(real)} {}
  log_adapter(const std::filesystem::path& path, const typename Log::options& chosen)
      : log{path, chosen} {}
  [[nodiscard]] std::unique_ptr<tested_log_verbs> moved() override {
    return std::make_unique<log_adapter>(std::move(log));
  }
  void assign(tested_log_verbs& other) override {
    log = std::move(dynamic_cast<log_adapter&>(other).log);
  }
  lsn append(std::string_view record) override { return log.append(record); }
  lsn append(const texts_view& records) override { return log.append(records); }
  [[nodiscard]] std::unique_ptr<tested_transaction_verbs> begin() override {
    return std::make_unique<transactions>(log.begin());
  }
  [[nodiscard]] tested_records records() const override { return erased(log.records()); }
  [[nodiscard]] tested_records records(lsn from) const override {
    return erased(log.records(from));
  }
  [[nodiscard]] tested_records records(lsn from, lsn to) const override {
    return erased(log.records(from, to));
  }
  [[nodiscard]] tested_records tail(lsn from, std::stop_token stop) override {
    return erased(log.tail(from, std::move(stop)));
  }
  [[nodiscard]] std::unique_ptr<tested_cursor_verbs> cursor(std::string name) override {
    return std::make_unique<cursor_adapter<typename Log::cursor_type>>(log.cursor(std::move(name)));
  }
  [[nodiscard]] std::shared_ptr<const tested_snapshot_verbs> snapshot() const override {
    return std::make_shared<snapshot_adapter<typename Log::snapshot_type>>(log.snapshot());
  }
  void sync() override { log.sync(); }
  void wait_durable(lsn at) override { log.wait_durable(at); }
  [[nodiscard]] lsn first_lsn() const override { return log.first_lsn(); }
  [[nodiscard]] lsn last_lsn() const override { return log.last_lsn(); }
  [[nodiscard]] lsn durable_lsn() const override { return log.durable_lsn(); }
  [[nodiscard]] logdb::loss_window loss_window() const override { return log.loss_window(); }
  lsn truncate_front(lsn first_kept) override { return log.truncate_front(first_kept); }
  [[nodiscard]] const recovery_report& recovery() const override { return log.recovery(); }
  [[nodiscard]] log_stats stats() const override { return log.stats(); }
  [[nodiscard]] verification verify() const override { return log.verify(); }
  void close() override { log.close(); }
  [[nodiscard]] record read(lsn at) const override {
    if constexpr (finds_records<Log>)
      return log.read(at);
    else
      throw std::logic_error{"its index finds no records"};
  }
  [[nodiscard]] std::optional<lsn> find_time(timestamp time) const override {
    if constexpr (finds_records<Log>)
      return log.find_time(time);
    else
      throw std::logic_error{"its index finds no records"};
  }
  Log log;
};

/// Returns the policies of a log, as `Directory_Fsync_Sparse_Flock`.
template <class Log>
std::string name_of() {
  using policies = typename Log::policies;
  std::string name{policies::storage::name};
  for (const std::string_view each :
       {policies::durability::name, policies::index::name, policies::locking::name}) {
    name += "_" + std::string{each};
  }
  return name;
}

/// Opens a log with the options that the suite sets; what it does not set stays the default.
template <class Log>
tested_log open_tested(const std::filesystem::path& path, const tested_options& chosen) {
  typename Log::options real;
  if constexpr (requires { real.mode; }) real.mode = chosen.mode;
  real.segment_bytes = chosen.segment_bytes;
  real.record_bytes_max = chosen.record_bytes_max.value_or(real.record_bytes_max);
  if constexpr (requires { real.retention; }) real.retention = chosen.retention;
  real.durability.staging_bytes = chosen.durability.staging_bytes;
  if constexpr (finds_records<Log>) {
    real.index.stride_bytes = chosen.index.stride_bytes.value_or(real.index.stride_bytes);
  }
  if constexpr (requires { real.index.check; }) {
    real.index.check = decltype(real.index.check)::none;
  }
  return tested_log{std::make_unique<log_adapter<Log>>(path, real)};
}

}  // namespace logdb::test
