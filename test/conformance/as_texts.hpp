// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A time log with the verbs of a log of texts, so that the suite tries those that every log has:
/// each text is the value of a row, and so a record of the log.

#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/logdb.hpp>

#include "conformance/adapter.hpp"

namespace logdb::test {

/// How many bytes of a row's record stand before the value.
inline constexpr std::size_t row_head_bytes = 16;

/// Records of rows, shown as the texts in them.
template <class Range>
class texts_in_rows {
 public:
  class iterator {
   public:
    explicit iterator(Range& range) : at_{range.begin()}, end_{range.end()} {}
    const record& operator*() const {
      shown_ = *at_;
      shown_.move_to(shown_.bytes().subspan(row_head_bytes), shown_.lsn(), shown_.time());
      return shown_;
    }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const iterator& a, std::default_sentinel_t) { return a.at_ == a.end_; }

   private:
    decltype(std::declval<Range&>().begin()) at_;
    decltype(std::declval<Range&>().end()) end_;
    mutable record shown_;
  };

  explicit texts_in_rows(Range real) : real_{std::move(real)} {}
  [[nodiscard]] iterator begin() { return iterator{real_}; }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  Range real_;
};

/// Appends texts as rows: a batch of several as a transaction of that many records.
template <class Target>
lsn append_rows(Target& to, const texts_view& texts) {
  auto all = to.begin();
  for (const std::string_view each : texts) all.append(0, each);
  return all.commit();
}

template <class Transaction>
class transaction_of_texts {
 public:
  explicit transaction_of_texts(Transaction real) : real_{std::move(real)} {}
  lsn append(std::string_view text) { return real_.append(0, text); }
  lsn append(const texts_view& texts) { return append_rows(real_, texts); }
  [[nodiscard]] transaction_of_texts begin() { return transaction_of_texts{real_.begin()}; }
  lsn commit() { return real_.commit(); }
  void rollback() { real_.rollback(); }
  [[nodiscard]] std::uint64_t size() const { return real_.size(); }
  [[noreturn]] record_range<timelog::policies> records() const {
    throw std::logic_error{"a transaction of rows has no records()"};
  }

 private:
  Transaction real_;
};

template <class Cursor>
class cursor_of_texts {
 public:
  explicit cursor_of_texts(Cursor real) : real_{std::move(real)} {}
  [[nodiscard]] std::string name() const { return real_.name(); }
  [[nodiscard]] lsn next() const { return real_.next(); }
  [[nodiscard]] std::uint64_t missed() const { return real_.missed(); }
  [[nodiscard]] auto records() const { return texts_in_rows{real_.records()}; }
  [[nodiscard]] auto tail(std::stop_token stop) const {
    return texts_in_rows{real_.tail(std::move(stop))};
  }
  void acknowledge(lsn done) { real_.acknowledge(done); }

 private:
  mutable Cursor real_;
};

/// Stands where snapshot() gives rows, and not records.
struct no_records_seen {
  [[noreturn]] static void fail() { throw std::logic_error{"a snapshot of rows has no records"}; }
  [[noreturn]] lsn first_lsn() const { fail(); }
  [[noreturn]] lsn last_lsn() const { fail(); }
  [[noreturn]] std::uint64_t size() const { fail(); }
  [[noreturn]] record_range<timelog::policies> records() const { fail(); }
  [[noreturn]] record read(lsn) const { fail(); }
  [[noreturn]] std::optional<lsn> find_time(timestamp) const { fail(); }
};

template <class Log>
class as_texts {
 public:
  using policies = typename Log::policies;
  using options = typename Log::options;
  using transaction_type = transaction_of_texts<typename Log::transaction_type>;
  using cursor_type = cursor_of_texts<typename Log::cursor_type>;
  using snapshot_type = no_records_seen;

  as_texts(const std::filesystem::path& path, const options& chosen) : log_{path, alone(chosen)} {}

  lsn append(std::string_view text) { return log_.append(0, text); }
  lsn append(const texts_view& texts) { return append_rows(log_, texts); }
  [[nodiscard]] transaction_type begin() { return transaction_type{log_.begin()}; }
  [[nodiscard]] auto records() const { return texts_in_rows{log_.records()}; }
  [[nodiscard]] auto records(lsn from) const { return texts_in_rows{log_.records(from)}; }
  [[nodiscard]] auto records(lsn from, lsn to) const {
    return texts_in_rows{log_.records(from, to)};
  }
  [[nodiscard]] auto tail(lsn from, std::stop_token stop) {
    return texts_in_rows{log_.tail(from, std::move(stop))};
  }
  [[nodiscard]] cursor_type cursor(std::string name) {
    return cursor_type{log_.cursor(std::move(name))};
  }
  [[nodiscard]] snapshot_type snapshot() const {
    (void)log_.snapshot();
    return {};
  }
  void sync() { log_.sync(); }
  void wait_durable(lsn at) { log_.wait_durable(at); }
  [[nodiscard]] lsn first_lsn() const { return log_.first_lsn(); }
  [[nodiscard]] lsn last_lsn() const { return log_.last_lsn(); }
  [[nodiscard]] lsn durable_lsn() const { return log_.durable_lsn(); }
  [[nodiscard]] logdb::loss_window loss_window() const { return log_.loss_window(); }
  /// Gives up what a time log gives up: what a checkpoint stands for.
  lsn truncate_front(lsn) {
    log_.checkpoint();
    return log_.first_lsn();
  }
  [[nodiscard]] const recovery_report& recovery() const { return log_.recovery(); }
  [[nodiscard]] log_stats stats() const { return log_.stats(); }
  [[nodiscard]] verification verify() const { return log_.verify(); }
  void close() { log_.close(); }

 private:
  /// No checkpoint by itself: the suite counts the records, and those are its own.
  static options alone(options chosen) {
    chosen.index.checkpoint_bytes = 0;
    return chosen;
  }

  Log log_;
};

/// Opens one with the options that the suite sets.
template <class Log>
tested_log open_texts(const std::filesystem::path& path, const tested_options& chosen) {
  tested_options own = chosen;
  if (own.record_bytes_max) *own.record_bytes_max += row_head_bytes;
  return open_tested<as_texts<Log>>(path, own);
}

}  // namespace logdb::test
