// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A log whose type is erased, for tests that are compiled once for all logs. adapter.hpp makes one
/// of a real log; a body that includes only this file does not compile an engine.

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/options.hpp>
#include <logdb/record.hpp>
#include <logdb/stats.hpp>
#include <logdb/types.hpp>

namespace logdb::test {

/// The options that the suite sets, under their names in every log; the sizes are the least, so
/// that little rolls, fills and spills.
struct tested_options {
  open_mode mode = open_mode::read_write;
  std::uint64_t segment_bytes = 16u << 10;
  std::optional<std::uint64_t> record_bytes_max{};
  retention_options retention{};
  struct {
    std::uint64_t staging_bytes = 32u << 10;
  } durability{};
  struct {
    std::optional<std::uint64_t> stride_bytes{};
  } index{};
};

/// A range of records of any kind, those of a tail included. Copies share what a tail has read.
class tested_records {
 public:
  /// One walk over the range.
  struct walk {
    virtual ~walk() = default;
    [[nodiscard]] virtual bool is_over() const = 0;
    [[nodiscard]] virtual const record& current() const = 0;
    virtual void advance() = 0;
  };
  /// The range itself.
  struct source {
    virtual ~source() = default;
    [[nodiscard]] virtual std::shared_ptr<walk> begin() = 0;
  };

  class iterator {
   public:
    using value_type = record;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    explicit iterator(std::shared_ptr<walk> at) : at_{std::move(at)} {}
    const record& operator*() const { return at_->current(); }
    const record* operator->() const { return &at_->current(); }
    iterator& operator++() {
      at_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) { return a.at_->is_over(); }

   private:
    std::shared_ptr<walk> at_;
  };

  explicit tested_records(std::shared_ptr<source> from) : from_{std::move(from)} {}
  [[nodiscard]] iterator begin() const { return iterator{from_->begin()}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }
  [[nodiscard]] bool empty() const { return begin() == end(); }

 private:
  std::shared_ptr<source> from_;
};

/// A snapshot of any log.
struct tested_snapshot_verbs {
  virtual ~tested_snapshot_verbs() = default;
  [[nodiscard]] virtual lsn first_lsn() const = 0;
  [[nodiscard]] virtual lsn last_lsn() const = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  [[nodiscard]] virtual tested_records records() const = 0;
  [[nodiscard]] virtual record read(lsn at) const = 0;
  [[nodiscard]] virtual std::optional<lsn> find_time(timestamp time) const = 0;
};
class tested_snapshot {
 public:
  explicit tested_snapshot(std::shared_ptr<const tested_snapshot_verbs> real)
      : real_{std::move(real)} {}
  [[nodiscard]] lsn first_lsn() const { return real_->first_lsn(); }
  [[nodiscard]] lsn last_lsn() const { return real_->last_lsn(); }
  [[nodiscard]] std::uint64_t size() const { return real_->size(); }
  [[nodiscard]] tested_records records() const { return real_->records(); }
  [[nodiscard]] record read(lsn at) const { return real_->read(at); }
  [[nodiscard]] std::optional<lsn> find_time(timestamp time) const {
    return real_->find_time(time);
  }

 private:
  std::shared_ptr<const tested_snapshot_verbs> real_;
};

/// A cursor of any log.
struct tested_cursor_verbs {
  virtual ~tested_cursor_verbs() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual lsn next() const = 0;
  [[nodiscard]] virtual std::uint64_t missed() const = 0;
  [[nodiscard]] virtual tested_records records() const = 0;
  [[nodiscard]] virtual tested_records tail(std::stop_token stop) const = 0;
  virtual void acknowledge(lsn done) = 0;
};
class tested_cursor {
 public:
  explicit tested_cursor(std::unique_ptr<tested_cursor_verbs> real) : real_{std::move(real)} {}
  [[nodiscard]] std::string name() const { return real_->name(); }
  [[nodiscard]] lsn next() const { return real_->next(); }
  [[nodiscard]] std::uint64_t missed() const { return real_->missed(); }
  [[nodiscard]] tested_records records() const { return real_->records(); }
  [[nodiscard]] tested_records tail(std::stop_token stop = {}) const {
    return real_->tail(std::move(stop));
  }
  void acknowledge(lsn done) { real_->acknowledge(done); }

 private:
  std::unique_ptr<tested_cursor_verbs> real_;
};

using texts_view = std::vector<std::string_view>;

/// `append` as users call it, over the two verbs that are erased.
template <class Target>
class tested_append {
 public:
  lsn append(std::string_view record) { return self().real().append(record); }
  template <std::ranges::input_range Range>
  requires(!std::convertible_to<Range, std::string_view>) lsn append(const Range& records) {
    return self().real().append(texts_view{std::ranges::begin(records), std::ranges::end(records)});
  }

 private:
  Target& self() { return static_cast<Target&>(*this); }
};

/// The verbs of a transaction. A move is that of the real one, which is left as it is.
struct tested_transaction_verbs {
  virtual ~tested_transaction_verbs() = default;
  [[nodiscard]] virtual std::unique_ptr<tested_transaction_verbs> moved() = 0;
  virtual void assign(tested_transaction_verbs& other) = 0;
  virtual lsn append(std::string_view record) = 0;
  virtual lsn append(const texts_view& records) = 0;
  [[nodiscard]] virtual std::unique_ptr<tested_transaction_verbs> begin() = 0;
  virtual lsn commit() = 0;
  virtual void rollback() = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  [[nodiscard]] virtual tested_records records() const = 0;
};
class tested_transaction : public tested_append<tested_transaction> {
 public:
  explicit tested_transaction(std::unique_ptr<tested_transaction_verbs> real)
      : real_{std::move(real)} {}
  tested_transaction(tested_transaction&& other) noexcept : real_{other.real_->moved()} {}
  tested_transaction& operator=(tested_transaction&& other) noexcept {
    real_->assign(*other.real_);
    return *this;
  }
  [[nodiscard]] tested_transaction begin() { return tested_transaction{real_->begin()}; }
  lsn commit() { return real_->commit(); }
  void rollback() { real_->rollback(); }
  [[nodiscard]] std::uint64_t size() const { return real_->size(); }
  [[nodiscard]] tested_records records() const { return real_->records(); }
  [[nodiscard]] tested_transaction_verbs& real() { return *real_; }

 private:
  std::unique_ptr<tested_transaction_verbs> real_;
};

/// The verbs of a log. A move is that of the real one, which is left as it is.
struct tested_log_verbs {
  virtual ~tested_log_verbs() = default;
  [[nodiscard]] virtual std::unique_ptr<tested_log_verbs> moved() = 0;
  virtual void assign(tested_log_verbs& other) = 0;
  virtual lsn append(std::string_view record) = 0;
  virtual lsn append(const texts_view& records) = 0;
  [[nodiscard]] virtual std::unique_ptr<tested_transaction_verbs> begin() = 0;
  [[nodiscard]] virtual tested_records records() const = 0;
  [[nodiscard]] virtual tested_records records(lsn from) const = 0;
  [[nodiscard]] virtual tested_records records(lsn from, lsn to) const = 0;
  [[nodiscard]] virtual tested_records tail(lsn from, std::stop_token stop) = 0;
  [[nodiscard]] virtual std::unique_ptr<tested_cursor_verbs> cursor(std::string name) = 0;
  [[nodiscard]] virtual std::shared_ptr<const tested_snapshot_verbs> snapshot() const = 0;
  virtual void sync() = 0;
  virtual void wait_durable(lsn at) = 0;
  [[nodiscard]] virtual lsn first_lsn() const = 0;
  [[nodiscard]] virtual lsn last_lsn() const = 0;
  [[nodiscard]] virtual lsn durable_lsn() const = 0;
  [[nodiscard]] virtual logdb::loss_window loss_window() const = 0;
  virtual lsn truncate_front(lsn first_kept) = 0;
  [[nodiscard]] virtual const recovery_report& recovery() const = 0;
  [[nodiscard]] virtual log_stats stats() const = 0;
  [[nodiscard]] virtual verification verify() const = 0;
  virtual void close() = 0;
  [[nodiscard]] virtual record read(lsn at) const = 0;
  [[nodiscard]] virtual std::optional<lsn> find_time(timestamp time) const = 0;
};
class tested_log : public tested_append<tested_log> {
 public:
  explicit tested_log(std::unique_ptr<tested_log_verbs> real) : real_{std::move(real)} {}
  tested_log(tested_log&& other) noexcept : real_{other.real_->moved()} {}
  tested_log& operator=(tested_log&& other) noexcept {
    real_->assign(*other.real_);
    return *this;
  }
  [[nodiscard]] tested_transaction begin() { return tested_transaction{real_->begin()}; }
  [[nodiscard]] tested_records records() const { return real_->records(); }
  [[nodiscard]] tested_records records(lsn from) const { return real_->records(from); }
  [[nodiscard]] tested_records records(lsn from, lsn to) const { return real_->records(from, to); }
  [[nodiscard]] tested_records tail(lsn from = lsn{1}, std::stop_token stop = {}) {
    return real_->tail(from, std::move(stop));
  }
  [[nodiscard]] tested_cursor cursor(std::string name) {
    return tested_cursor{real_->cursor(std::move(name))};
  }
  [[nodiscard]] tested_snapshot snapshot() const { return tested_snapshot{real_->snapshot()}; }
  void sync() { real_->sync(); }
  void wait_durable(lsn at) { real_->wait_durable(at); }
  [[nodiscard]] lsn first_lsn() const { return real_->first_lsn(); }
  [[nodiscard]] lsn last_lsn() const { return real_->last_lsn(); }
  [[nodiscard]] lsn durable_lsn() const { return real_->durable_lsn(); }
  [[nodiscard]] logdb::loss_window loss_window() const { return real_->loss_window(); }
  lsn truncate_front(lsn first_kept) { return real_->truncate_front(first_kept); }
  [[nodiscard]] const recovery_report& recovery() const { return real_->recovery(); }
  [[nodiscard]] log_stats stats() const { return real_->stats(); }
  [[nodiscard]] verification verify() const { return real_->verify(); }
  void close() { real_->close(); }
  /// Only where the index finds records.
  [[nodiscard]] record read(lsn at) const { return real_->read(at); }
  [[nodiscard]] std::optional<lsn> find_time(timestamp time) const {
    return real_->find_time(time);
  }
  [[nodiscard]] tested_log_verbs& real() { return *real_; }

 private:
  std::unique_ptr<tested_log_verbs> real_;
};

/// A case that a log's type itself is tested by.
struct typed_case {
  const char* name;
  const char* file;
  std::size_t line;
  void (*run)();
};

/// A log of some policies: what its tests are told of it, and how it is opened.
struct tested_kind {
  std::string name;
  bool persistent;         ///< a reopened one has its records
  bool durable_on_return;  ///< an append that has returned is on stable storage
  bool finds;              ///< has read() and find_time()
  tested_log (*open)(const std::filesystem::path&, const tested_options&);
  std::vector<typed_case> typed;
  std::vector<std::string> left_out{};  ///< cases that need what it cannot have
};

}  // namespace logdb::test
