// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `model_run`: a log and a vector that should hold the same, and operations that an input chooses.

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "disk.hpp"
#include "input.hpp"
#include "model_transaction.hpp"
#include "survey.hpp"

namespace logdb::fuzz {

/// Runs one input. Syncs and writes fail when the input says so; the model then follows what
/// docs/errors.md promises.
template <class Log>
class model_run {
 public:
  explicit model_run(input& in) : in_{in} {
    fuzz_system::reset();
    segment_bytes_ = std::uint64_t{16 << 10} << in_.below(3);
    staging_bytes_ = std::uint64_t{32 << 10} << in_.below(2);
    stride_bytes_ = std::uint64_t{64} << in_.below(7);
    retained_ = in_.below(4) == 3 ? in_.take<std::uint8_t>() : retention_options::unlimited;
    open();
  }

  void run() {
    for (int n = 0; n < operations_max && !in_.empty() && bytes_ < bytes_max; ++n) step();
    disarm();
    compare(*log_, first_, last());
    restart(in_.below(2) == 1);
  }

 private:
  static constexpr int operations_max = 200;
  static constexpr std::size_t bytes_max = 1u << 20;
  static constexpr std::size_t snapshots_max = 4;

  struct held_snapshot {
    typename Log::snapshot_type view;
    lsn first{};
    lsn last{};
  };

  [[nodiscard]] lsn last() const { return lsn{records_.size()}; }
  [[nodiscard]] const std::string& at(lsn which) const { return records_[which.value() - 1]; }
  /// Takes an lsn from a little before the first to a little behind the last.
  lsn take_lsn() {
    const std::uint64_t range = last().value() + 3;
    return lsn{in_.below(static_cast<std::uint32_t>(std::min<std::uint64_t>(range, 0xffff)))};
  }

  void step() {
    switch (in_.below(20)) {
      case 0: return append(in_.take<std::uint8_t>());
      case 1: return append(in_.below(5000));
      case 2: return append(in_.below(30'000));
      case 3: return append_batch();
      case 4: return run_transaction();
      case 5: return sync();
      case 6: return wait_durable();
      case 7: return truncate();
      case 8: return acknowledge();
      case 9: return check_cursors();
      case 10: return take_snapshot();
      case 11: return check_snapshots();
      case 12: return read();
      case 13: return find_time();
      case 14: return restart(false);
      case 15: return restart(true);
      case 16: return read_beside();
      case 17: return arm();
      case 18: return check_range();
      default: return check_all();
    }
  }

  // --- writing ---------------------------------------------------------------------------------

  std::string make_text(std::size_t bytes) {
    bytes_ += bytes + 24;
    std::string text(bytes, static_cast<char>('a' + texts_ % 26));
    const std::string number = std::to_string(texts_++);
    std::copy_n(number.begin(), std::min(number.size(), bytes), text.begin());
    return text;
  }

  void append(std::size_t bytes) {
    const std::vector<std::string> one{make_text(bytes)};
    attempt(one, [&] { return log_->append(one.front()); });
  }

  void append_batch() {
    std::vector<std::string> batch(in_.below(24));
    for (auto& text : batch) text = make_text(in_.take<std::uint8_t>());
    attempt(batch, [&] { return log_->append(batch); });
  }

  void run_transaction() {
    model_transaction<Log> transaction{*log_, records_, in_};
    attempt(transaction.records(), [&] { return transaction.run(); });
    bytes_ += transaction.bytes();
  }

  /// Calls what appends, all or nothing.
  template <class Call>
  void attempt(const std::vector<std::string>& wanted, Call&& call) {
    lsn given{};
    const auto thrown = error_of([&] { given = call(); });
    if (!thrown) {
      records_.insert(records_.end(), wanted.begin(), wanted.end());
      require(given == last(), "an append returns the lsn of its last record");
      require(log_->last_lsn() == last(), "last_lsn() is that of the last append");
      return;
    }
    require_armed(*thrown);
    if (thrown->condition() == errc::failed) return recover(wanted);
    require(log_->last_lsn() == last(), "what threw was not appended");
  }

  void require_armed(const error& thrown) {
    if (!armed_) give_up(thrown.what());
    const errc what = thrown.condition();
    if (what != errc::io && what != errc::failed) give_up(thrown.what());
  }

  /// Opens again after a failure; what was tried last may be there, whole.
  void recover(const std::vector<std::string>& tried) {
    disarm();
    (void)error_of([this] { log_->close(); });
    open();
    if (log_->last_lsn() != last()) records_.insert(records_.end(), tried.begin(), tried.end());
    compare(*log_, first_, last());
  }

  void survive(const std::optional<error>& thrown) {
    if (!thrown) return;
    require_armed(*thrown);
    if (thrown->condition() == errc::failed) recover({});
  }

  void sync() {
    const auto thrown = error_of([this] { log_->sync(); });
    require(thrown || log_->durable_lsn() == last(), "sync() makes all durable");
    survive(thrown);
  }

  void wait_durable() {
    const lsn wanted = take_lsn();
    const auto thrown = error_of([&] { log_->wait_durable(wanted); });
    if (wanted > last()) {
      return require(thrown && thrown->condition() == errc::invalid_argument,
                     "waiting for what was not appended is refused");
    }
    require(thrown || log_->durable_lsn() >= wanted, "wait_durable() waits");
    survive(thrown);
  }

  void truncate() {
    const lsn wanted = take_lsn();
    lsn now{};
    const auto thrown = error_of([&] { now = log_->truncate_front(wanted); });
    if (!thrown) {
      require(now >= first_ && now <= std::max(first_, wanted), "truncation gives up no more");
      first_ = now;
    }
    survive(thrown);
    require(log_->first_lsn() == first_, "first_lsn() moves with truncation alone");
  }

  void acknowledge() {
    const auto name = std::to_string(in_.below(3));
    const lsn done = take_lsn();
    const auto thrown = error_of([&] { log_->cursor(name).acknowledge(done); });
    if (done > last()) {
      return require(thrown && thrown->condition() == errc::invalid_argument,
                     "a cursor does not go beyond the last record");
    }
    if (!thrown) cursors_[name] = done;
    if (thrown) cursors_.erase(name);  // it may be there or not
    survive(thrown);
  }

  // --- failing and opening ---------------------------------------------------------------------

  void arm() {
    const std::uint32_t after = 1 + in_.below(6);
    (in_.below(2) == 0 ? fuzz_system::syncs_until_failure : fuzz_system::writes_until_failure) =
        after;
    armed_ = true;
  }

  void disarm() {
    fuzz_system::syncs_until_failure = fuzz_system::writes_until_failure = 0;
    armed_ = false;
  }

  [[nodiscard]] typename Log::options options(open_mode mode) const {
    auto chosen = small_options<Log>(files_);
    chosen.mode = mode;
    chosen.segment_bytes = segment_bytes_;
    chosen.durability.staging_bytes = staging_bytes_;
    chosen.index.stride_bytes = stride_bytes_;
    chosen.retention.records_max = retained_;
    return chosen;
  }

  void open() {
    log_.reset();
    log_.emplace("log", options(open_mode::read_write));
    follow_retention();
    require(log_->recovery().damages.empty(), "nothing is damaged");
  }

  /// Retention gives up whole segments, and keeps what it should.
  void follow_retention() {
    const lsn now = log_->first_lsn();
    require(now >= first_, "first_lsn() never goes back");
    require(now == first_ || last() + 1 - now >= retained_, "retention keeps enough");
    first_ = now;
  }

  /// Ends the log by closing it, or as a process ends that is killed; opens it again.
  void restart(bool killed) {
    if (armed_) disarm();
    if (killed) {
      files_ = files_->copy();
    } else {
      log_->close();
    }
    open();
    require(killed || log_->recovery().clean, "a closed log opens clean");
    require(log_->last_lsn() == last(), "what was accepted is there after a restart");
    check_all();
    check_cursors();
  }

  // --- reading ---------------------------------------------------------------------------------

  template <class Range>
  void compare_range(Range&& records, lsn from, lsn to) {
    lsn next = from;
    for (const auto& record : records) {
      require(record.lsn() == next && next < to, "records come in order, without a gap");
      require(record.text() == at(next), "a record has the bytes that were appended");
      ++next;
    }
    require(next == to || from >= to, "all records come");
  }

  template <class View>
  void compare(const View& view, lsn first, lsn newest) {
    require(view.first_lsn() == first && view.last_lsn() == newest, "the bounds are the model's");
    compare_range(view.records(), first, newest + 1);
  }

  /// Under Fsync a walk sees what is durable; with no failure that is everything.
  void check_all() {
    const auto thrown = error_of([this] {
      compare(*log_, first_, last());
      const auto checked = log_->verify();
      require(checked.intact() && checked.records == last() + 1 - first_, "verify() finds all");
      require(log_->stats().records == checked.records, "stats() counts the records");
    });
    survive(thrown);
  }

  void check_cursors() {
    for (const auto& [name, done] : cursors_) {
      require(log_->cursor(name).next() == std::max(done + 1, first_), "a cursor keeps its place");
    }
  }

  void take_snapshot() {
    survive(error_of([this] {
      if (snapshots_.size() == snapshots_max) snapshots_.pop_front();
      snapshots_.push_back({log_->snapshot(), first_, last()});
    }));
  }

  void check_snapshots() {
    for (const auto& held : snapshots_) compare(held.view, held.first, held.last);
  }

  void read() {
    const lsn wanted = take_lsn();
    record found;
    const auto thrown = error_of([&] { found = log_->read(wanted); });
    if (!thrown) {
      require(wanted >= first_ && wanted <= last(), "read() gives no other records");
      return require(found.text() == at(wanted), "read() gives what was appended");
    }
    const errc what = thrown->condition();
    if (what == errc::io || what == errc::failed) return survive(thrown);
    if (wanted < lsn{1} || wanted > last()) {
      return require(what == errc::not_found, "there is no such record");
    }
    require(wanted < first_ && what == errc::truncated, "it was truncated");
  }

  void find_time() {
    survive(error_of([this] {
      std::deque<timestamp> times;
      for (const auto& record : log_->records()) times.push_back(record.time());
      const timestamp wanted =
          times.empty() ? timestamp{} : times[in_.below(static_cast<unsigned>(times.size()))];
      const auto place = std::ranges::lower_bound(times, wanted);
      const auto found = log_->find_time(wanted);
      require(found.has_value() == (place != times.end()), "find_time() finds what there is");
      require(!found || *found == first_ + static_cast<std::uint64_t>(place - times.begin()),
              "find_time() finds the first");
    }));
  }

  void check_range() {
    const lsn from = std::max(take_lsn(), first_);
    const lsn to = take_lsn();
    survive(error_of([&] {
      compare_range(log_->records(from, to), from, std::min(to, last() + 1));
      std::stop_source stop;
      stop.request_stop();
      lsn next = from;
      for (const auto& record : log_->tail(from, stop.get_token())) {
        require(record.lsn() == next && record.text() == at(next), "a tail gives what there is");
        ++next;
      }
      require(next == std::max(from, last() + 1), "a tail that is stopped gives what there is");
    }));
  }

  /// Another process reads: it sees a prefix, under Fsync all that was acknowledged.
  void read_beside() {
    const Log beside{"log", options(open_mode::read_only)};
    const lsn seen = beside.last_lsn();
    require(beside.first_lsn() == first_, "a reader begins where the log does");
    require(seen <= last(), "a reader sees no more than there is");
    compare_range(beside.records(), first_, seen + 1);
    if constexpr (std::same_as<Log, fsync_log>) require(seen == last(), "a reader sees all");
  }

  input& in_;
  std::uint64_t segment_bytes_ = 0;
  std::uint64_t staging_bytes_ = 0;
  std::uint64_t stride_bytes_ = 0;
  std::uint64_t retained_ = 0;
  file_set_ptr files_ = std::make_shared<file_set>();
  std::optional<Log> log_;
  std::deque<held_snapshot> snapshots_;
  std::vector<std::string> records_;  // all that was ever appended
  lsn first_{1};
  std::map<std::string, lsn> cursors_;
  bool armed_ = false;
  std::size_t bytes_ = 0;
  std::uint64_t texts_ = 0;
};

}  // namespace logdb::fuzz
