// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE time_verbs
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "crash/sim/failing_new.hpp"
#include "crash/sim/time_rows.hpp"
#include "crash/sim/verb_trial.hpp"

// Each verb of each log of rows by time: it happened, or nothing did and the log is as before.

namespace {

namespace sim = logdb::sim;
using sim::rows;

constexpr std::uint64_t cases_default = 4'000;

/// Is a log of rows by time.
template <class Log>
class rows_subject : public sim::verb_subject<Log, rows> {
 public:
  static constexpr std::array<std::string_view, 12> verbs{
      "append",  "late append", "batch", "late batch", "erase of a range",  "flush",
      "compact", "sync",        "reads", "close",      "rows to be stored", "a large batch"};

  rows_subject() {
    open();
    for (int i = 0; i < 2; ++i) {
      const rows more = made(100, made_);
      this->log_->append(more);
      insert(this->model_, more);
    }
    this->log_->erase(40, 60);
    take(this->model_, 40, 60);
  }

  void perform(std::size_t verb) {
    if (this->has_failed() || this->log_ == nullptr) return;
    switch (verb) {
      case 0: return append(made_);
      case 1: return append(made_ / 2);
      case 2: return batch(20, made_);
      case 3: return batch(20, made_ / 3);
      case 4: return erase(made_ / 2, made_ / 2 + 30);
      case 5: return (void)this->attempt([this] { this->log_->flush(); });
      case 6: return (void)this->attempt([this] { this->log_->compact(); });
      case 7: return (void)this->attempt([this] { this->log_->sync(); });
      case 8: return (void)this->attempt([this] { (void)read(); });
      case 9: return this->close();
      case 10:
        for (int i = 0; i < 6; ++i) batch(60, made_ - 20);
        return;
      default: return large_batch();
    }
  }

  void check() {
    this->compare([this] { open(); }, [this] { return read(); });
    this->forget_refusals();
    append(made_ / 2);
    if (this->was_refused() || this->has_failed()) throw sim::mismatch{"it does not go on"};
    sim::require(read() == this->model_, "a row is not where it belongs");
    sim::require(this->log_->validate().empty(), "the index is not in order");
  }

 private:
  void open() {
    this->log_ = sim::open_times<Log>(4000);
    sim::require(this->log_->recovery().damages.empty(), "it is damaged");
  }

  /// Reads it whole, each way.
  rows read() {
    const auto seen = this->log_->snapshot();
    rows all;
    for (const auto& [time, value] : seen.all()) all.emplace_back(time, value);
    sim::require(seen.size() == all.size(), "it counts something else");
    rows turned;
    for (const auto& [time, value] : seen.backward()) turned.emplace_back(time, value);
    std::ranges::reverse(turned);
    sim::require(turned == all, "backward it shows something else");
    return all;
  }

  /// Makes rows from a time on, each a unit later; the last one comes first.
  rows made(std::int64_t count, std::int64_t from) {
    rows more;
    for (std::int64_t i = count; i-- > 0;) {
      more.emplace_back(from + i, static_cast<std::uint64_t>(made_++));
    }
    return more;
  }

  /// Rows of one time stay in the order in which they came.
  static void insert(rows& all, const rows& more) {
    for (const auto& row : more) {
      const auto is_later = [](std::int64_t time, const auto& each) { return time < each.first; };
      all.insert(std::upper_bound(all.begin(), all.end(), row.first, is_later), row);
    }
  }
  static void take(rows& all, std::int64_t from, std::int64_t to) {
    std::erase_if(all, [=](const auto& row) { return row.first >= from && row.first < to; });
  }

  void append(std::int64_t time) {
    const rows one = made(1, time);
    rows after = this->model_;
    insert(after, one);
    this->change(std::move(after),
                 [&] { this->log_->append(one.front().first, one.front().second); });
  }
  void batch(std::int64_t count, std::int64_t from) { batch(made(count, from)); }
  /// One that gets a segment of its own: it takes more than a frame in staging may.
  void large_batch() {
    rows more = made(1500, made_ - 20);
    for (auto& [time, value] : more) value *= 0x9e3779b97f4a7c15;  // packed it stays as large
    batch(more);
  }
  void batch(const rows& more) {
    rows after = this->model_;
    insert(after, more);
    this->change(std::move(after), [&] { this->log_->append(more); });
  }
  void erase(std::int64_t from, std::int64_t to) {
    rows after = this->model_;
    take(after, from, to);
    this->change(std::move(after), [&] { this->log_->erase(from, to); });
  }

  std::int64_t made_ = 0;
};

constexpr std::array<std::string_view, 2> names{"Fsync", "Async"};

sim::verb_extent run(const sim::verb_case& one) {
  return one.log == 0 ? sim::run_on<rows_subject<sim::sim_times<logdb::Fsync>>>(one)
                      : sim::run_on<rows_subject<sim::sim_times<logdb::Async>>>(one);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_verb_of_a_log_of_rows_happens_or_leaves_all_as_it_was) {
  constexpr auto& verbs = rows_subject<sim::sim_times<logdb::Fsync>>::verbs;
  const sim::shared_scoreboard board;
  BOOST_TEST(sim::try_verbs("rows", names, verbs, cases_default, *board, run) == "");
  BOOST_TEST(board->count(2) > 0u);
}
