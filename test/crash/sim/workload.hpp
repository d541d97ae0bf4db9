// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the simulated processes do: seeded mixtures of all verbs, told to a story step by step.

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "atomic.hpp"
#include "place.hpp"
#include "story.hpp"
#include "system.hpp"

namespace logdb::sim {

template <class Durability, template <class> class Store = BasicDirectory>
using sim_log = basic_log<Storage<Store<sim_system>>, logdb::Durability<Durability>>;

inline constexpr const char* cursor_name = "reader";

/// Is one thing that a writer does.
enum class act : std::size_t {
  append,
  append_empty,
  append_large,
  batch,
  transaction,
  nested,
  huge_transaction,
  sync,
  acknowledge,
  truncate,
  reopen,
  read,
};

inline constexpr std::size_t acts = 12;

/// Is a mixture. One with several writers gives nothing up and does not reopen.
struct workload {
  std::string_view name;
  std::array<std::size_t, acts> weights;  // in the order of act
  std::size_t steps = 24;                 // of each writer
  std::size_t writers = 1;
  std::uint64_t records_kept = UINT64_MAX;
  bool reads_beside = false;  // a reader scans all the while
  bool unique = false;        // no two records are alike
};

//                                    app emp lrg bat trn nst hug syn cur trc reo red
inline constexpr std::array workloads{
    workload{"appends", {8, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1}},
    workload{"batches", {2, 0, 1, 6, 0, 0, 0, 1, 0, 0, 0, 1}},
    workload{"transactions", {2, 0, 0, 0, 5, 4, 1, 1, 0, 0, 0, 1}, 20},
    workload{"rolls", {2, 1, 10, 3, 1, 0, 0, 1, 0, 0, 1, 1}, 40},
    workload{"retention", {2, 0, 10, 2, 0, 0, 1, 1, 4, 3, 1, 1}, 40, 1, 20},
    workload{"bursts", {1, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 24, 2},
    workload{"writers", {6, 0, 3, 2, 2, 1, 0, 1, 0, 0, 0, 0}, 8, 3, UINT64_MAX, true},
};

/// Gives a log the smallest sizes there are, so that a short run rolls and wraps around.
template <class Log>
typename Log::options least_options() {
  typename Log::options options;
  options.segment_bytes = 16u << 10;
  options.durability.staging_bytes = 32u << 10;
  if constexpr (requires { options.durability.delay_max; }) {
    options.durability.delay_max = std::chrono::microseconds{60};
  }
  return options;
}
template <class Log>
typename Log::options small_options(const workload& kind) {
  auto options = least_options<Log>();
  options.index.stride_bytes = 256;
  options.retention.records_max =
      kind.records_kept == UINT64_MAX ? retention_options::unlimited : kind.records_kept;
  return options;
}

template <class Log>
std::unique_ptr<Log> open_log(const workload& kind, recovery_mode mode = recovery_mode::refuse) {
  auto chosen = small_options<Log>(kind);
  chosen.recovery = mode;
  return library([&] { return std::make_unique<Log>(log_path, chosen); });
}

/// Reads a whole log.
template <class Log>
contents show(Log& log) {
  const auto seen = log.snapshot();  // retention may go on
  contents shown{.first = seen.first_lsn().value(), .report = log.recovery()};
  for (const auto& record : seen.records()) {
    if (record.lsn().value() != shown.first + shown.records.size()) {
      throw mismatch{"a hole before lsn " + std::to_string(record.lsn().value())};
    }
    shown.records.emplace_back(record.text());
  }
  shown.cursor = logdb::detail::log_access::view(log).cursor(cursor_name).value();
  return shown;
}

/// Makes the bytes of records.
class payloads {
 public:
  payloads(random_source random, std::size_t writer, bool alone)
      : random_{random}, writer_{writer}, alone_{alone} {}

  /// A record that others could have written too only where there are no others.
  [[nodiscard]] std::string make(std::size_t bytes) {
    std::string text = alone_ ? "" : "w" + std::to_string(writer_) + "n" + std::to_string(made_++);
    const bool zeros = random_.one_in(5);
    while (text.size() < bytes) text += zeros ? '\0' : static_cast<char>(random_.next() & 0xff);
    return text;
  }

  [[nodiscard]] std::vector<std::string> make_many(std::size_t count, std::size_t bytes_max) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back(make(random_.below(bytes_max)));
    return texts;
  }

 private:
  random_source random_;
  std::size_t writer_;
  bool alone_;
  std::uint64_t made_ = 0;
};

/// Does what a workload says, as one thread of the process.
template <class Log>
class writer {
 public:
  static constexpr bool synced = std::same_as<typename Log::policies::durability, Fsync>;

  writer(std::unique_ptr<Log>& log, story& told, const workload& kind, std::size_t number,
         random_source random)
      : log_{log},
        told_{told},
        kind_{kind},
        number_{number},
        random_{random},
        payloads_{random_.split(), number, kind.writers == 1 && !kind.unique} {}

  void run() {
    for (std::size_t i = 0; i < kind_.steps; ++i) step();
  }

  /// Does one thing.
  /// @throws  as the log; the story knows of it
  void step() {
    perform(draw());
    const lsn durable = library([&] { return log_->durable_lsn(); });
    told_.now.kept.power = std::max(told_.now.kept.power, durable.value());
  }

  /// Tells whether the log was closed to be opened again, and something of it failed.
  [[nodiscard]] bool is_closing() const { return closing_; }
  void opened() { closing_ = false; }

  /// Appends records in one call.
  void append(std::vector<std::string> records, bool as_batch) {
    issue(std::move(records), [&](const std::vector<std::string>& all) {
      return as_batch ? log_->append(all) : log_->append(all.front());
    });
  }

 private:
  act draw() {
    std::size_t all = 0;
    for (const std::size_t weight : kind_.weights) all += weight;
    std::size_t left = random_.below(all);
    std::size_t chosen = 0;
    while (left >= kind_.weights[chosen]) left -= kind_.weights[chosen++];
    return static_cast<act>(chosen);
  }

  void perform(act what) {
    switch (what) {
      case act::append: return append({payloads_.make(1 + random_.below(200))}, false);
      case act::append_empty: return append({payloads_.make(0)}, false);
      case act::append_large: return append({payloads_.make(random_.below(5000))}, false);
      case act::batch: return append(payloads_.make_many(1 + random_.below(7), 300), true);
      case act::transaction: return transact(1 + random_.below(6), 300, 0);
      case act::nested: return transact(1 + random_.below(6), 300, 1);
      case act::huge_transaction: return transact(6 + random_.below(10), 4000, random_.below(2));
      case act::sync: return sync();
      case act::acknowledge: return acknowledge();
      case act::truncate: return truncate();
      case act::reopen: return reopen();
      case act::read: return read();
    }
  }

  template <class Append>
  void issue(std::vector<std::string> records, Append append_all) {
    const std::vector<std::string> copy = records;
    const std::size_t index = told_.issue(number_, std::move(records));
    try {
      const lsn last = library([&] { return append_all(copy); });
      told_.returned(number_, index, last.value(), synced);
    } catch (const error& thrown) {
      told_.refused(number_, index, thrown.condition() == errc::failed);
      throw;
    } catch (...) {
      // Where memory has run out for good, it may be missing to say errc::failed.
      told_.refused(number_, index, world::current()->allocations_fail_on);
      throw;
    }
  }

  void transact(std::size_t count, std::size_t bytes_max, std::size_t nested) {
    issue(payloads_.make_many(count, bytes_max), [&](const std::vector<std::string>& all) {
      auto transaction = log_->begin();
      for (std::size_t i = 0; i < all.size(); ++i) {
        transaction.append(all[i]);
        if (nested != 0 && i % 3 == 1) append_in_vain(transaction, bytes_max);
      }
      return transaction.commit();
    });
  }

  template <class Transaction>
  void append_in_vain(Transaction& around, std::size_t bytes_max) {
    auto nested = around.begin();
    nested.append(payloads_.make(bytes_max));
    nested.append(payloads_.make(bytes_max / 2));
    nested.rollback();
  }

  void sync() {
    const std::uint64_t appended = told_.now.kept.process;
    const std::uint64_t cursor = told_.now.cursor.process;
    library([&] { log_->sync(); });
    told_.now.kept.power = std::max(told_.now.kept.power, appended);
    told_.now.cursor.power = std::max(told_.now.cursor.power, cursor);
  }

  /// Moves the cursor on; it never goes back here, so that one number says where it may be.
  void acknowledge() {
    mark& now = told_.now;
    const std::uint64_t last = log_->last_lsn().value();
    if (last <= now.cursor_issued) return;
    now.cursor_issued += 1 + random_.below(static_cast<std::size_t>(last - now.cursor_issued));
    library([&] { log_->cursor(cursor_name).acknowledge(lsn{now.cursor_issued}); });
    now.cursor.process = now.cursor_issued;
    if (synced) now.cursor.power = now.cursor_issued;
  }

  void truncate() {
    const std::uint64_t first = log_->first_lsn().value();
    const std::uint64_t last = log_->last_lsn().value();
    const lsn wanted{first + random_.below(static_cast<std::size_t>(last + 2 - first))};
    told_.now.first_max = std::max(told_.now.first_max, wanted.value());
    const lsn first_kept = library([&] { return log_->truncate_front(wanted); });
    told_.now.first_min = std::max(told_.now.first_min, first_kept.value());
  }

  void reopen() {
    closing_ = true;
    library([&] { log_->close(); });
    told_.closed();
    log_ = open_log<Log>(kind_);
    closing_ = false;
    if (!log_->recovery().clean) throw mismatch{"a log that was closed was not clean"};
    if (!log_->recovery().damages.empty()) throw mismatch{"a log that was closed is damaged"};
  }

  void read() {
    const contents shown = library([&] { return show(*log_); });
    if (shown.last() < told_.now.kept.power) throw mismatch{"a reader misses durable records"};
  }

  std::unique_ptr<Log>& log_;
  story& told_;
  const workload& kind_;
  std::size_t number_;
  random_source random_;
  payloads payloads_;
  bool closing_ = false;
};

/// Scans all the while: what a reader sees only grows.
template <class Log>
void read_beside(const Log& log, const std::size_t& writing) {
  std::uint64_t seen = 0;
  do {
    std::uint64_t last = 0;
    for (const auto& record : log.records()) {
      if (record.lsn().value() != ++last) throw mismatch{"a reader met a hole"};
    }
    if (last < seen) throw mismatch{"a reader saw the log shrink"};
    seen = last;
    sim_system::yield();
  } while (writing != 0);
}

/// Is the whole process: opens, lets the writers write, closes.
template <class Log>
void run_process(story& told, const workload& kind, random_source random) {
  auto log = open_log<Log>(kind);
  std::size_t writing = kind.writers;
  std::vector<sim_thread> threads;
  for (std::size_t i = 0; i < kind.writers; ++i) {
    threads.emplace_back([&, i, own = random.split()] {
      writer<Log>{log, told, kind, i, own}.run();
      --writing;
    });
  }
  if (kind.reads_beside) threads.emplace_back([&] { read_beside(*log, writing); });
  for (auto& thread : threads) thread.join();
  log->close();
  told.closed();
}

}  // namespace logdb::sim
