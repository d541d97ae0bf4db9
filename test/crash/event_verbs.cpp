// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE event_verbs
#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/event_log.hpp>

#include "crash/sim/failing_new.hpp"
#include "crash/sim/verb_trial.hpp"

// Each verb of an event log: it happened, or nothing did and the log is as before; and whoever
// walks on behind an error is given the rest, nothing left out.

namespace {

namespace sim = logdb::sim;
using texts = std::vector<std::string>;

constexpr std::uint64_t cases_default = 3'000;

/// Is a log of JSON events.
template <class Log>
class events_subject : public sim::verb_subject<Log, texts> {
 public:
  static constexpr std::array<std::string_view, 13> verbs{
      "append", "object",       "batch", "lines",   "many lines",   "unit", "unit of lines",
      "query",  "newest first", "tail",  "figures", "many appends", "close"};

  events_subject() {
    open();
    for (int i = 0; i < 14; ++i) this->log_->append(keep(900));
  }

  void perform(std::size_t verb) {
    if (this->has_failed() || this->log_ == nullptr) return;
    switch (verb) {
      case 0: return append(100);
      case 1: return object();
      case 2: return batch(5, 300);
      case 3: return lines(3, 100);
      case 4: return lines(14, 900);
      case 5: return transact(2, 100);
      case 6: return transact(14, 900);
      case 7: return walk(logdb::query_order::oldest);
      case 8: return walk(logdb::query_order::newest);
      case 9: return follow();
      case 10: return ask();
      case 11:
        for (int i = 0; i < 14; ++i) append(1500);
        return;
      default: return this->close();
    }
  }

  void check() {
    this->compare([this] { open(); }, [this] { return read(); });
    this->forget_refusals();
    append(50);
    if (this->was_refused() || this->has_failed()) throw sim::mismatch{"it does not go on"};
  }

 private:
  using outcome = typename sim::verb_subject<Log, texts>::outcome;
  // Every other one matches; to tell takes memory, for the escape in its text.
  static constexpr std::string_view matching = "even:true text:A*";

  void open() {
    auto chosen = sim::least_options<Log>();
    chosen.index.stride_bytes = 1024;
    this->log_ = std::make_unique<Log>(sim::log_path, chosen);
    if (!this->log_->recovery().damages.empty()) throw sim::mismatch{"it is damaged"};
  }

  texts read() {
    texts found;
    for (const auto& each : this->log_->records()) found.emplace_back(each.text());
    return found;
  }

  std::string made(std::size_t bytes) {
    const std::uint64_t number = made_++;
    return "{\"n\":" + std::to_string(number) +
           ",\"even\":" + (number % 2 == 0 ? "true" : "false") + ",\"text\":\"\\u0041" +
           std::string(bytes, static_cast<char>('a' + number % 26)) + "\"}";
  }
  std::string keep(std::size_t bytes) {
    this->model_.push_back(made(bytes));
    return this->model_.back();
  }
  texts many(std::size_t count, std::size_t bytes) {
    texts all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(made(bytes));
    return all;
  }
  [[nodiscard]] texts with(const texts& more) const {
    texts after = this->model_;
    after.insert(after.end(), more.begin(), more.end());
    return after;
  }
  [[nodiscard]] static std::string lines_of(const texts& events) {
    std::string text;
    for (const auto& each : events) text += each + "\n";
    return text + "{\"no\":event}\n";
  }

  void append(std::size_t bytes) {
    const texts one = many(1, bytes);
    this->change(with(one), [&] { this->log_->append(one.front()); });
  }
  void object() {
    this->change(with({R"({"level":"INFO","ms":12})"}), [&] {
      this->log_->append({{"level", "INFO"}, {"ms", 12}});
    });
  }
  void batch(std::size_t count, std::size_t bytes) {
    const texts more = many(count, bytes);
    this->change(with(more), [&] { this->log_->append(more); });
  }

  /// What was refused is given again, from where the report says.
  void lines(std::size_t count, std::size_t bytes) {
    const texts more = many(count, bytes);
    const std::string text = lines_of(more);
    logdb::appended_lines report;
    const auto came = this->attempt([&] { this->log_->append_lines(text, report); });
    const auto end = more.begin() + static_cast<std::ptrdiff_t>(report.appended);
    this->model_ = with({more.begin(), end});
    if (came == outcome::failed) {
      // The batch that failed may be there as well: each of the next is 32 KiB / 8 at most.
      const auto next = std::min<std::ptrdiff_t>(more.end() - end, bytes < 500 ? 3 : 4);
      this->may_hold(with({end, end + next}));
      return;
    }
    if (came == outcome::done && end != more.end()) throw sim::mismatch{"a line was left out"};
    const std::string rest = text.substr(report.done_bytes);
    if (rest != (came == outcome::done ? "" : lines_of({end, more.end()}))) {
      throw sim::mismatch{"the report says something else"};
    }
    this->change(with({end, more.end()}), [&] { this->log_->append_lines(rest); });
  }

  void transact(std::size_t count, std::size_t bytes) {
    using transaction = typename Log::transaction_type;
    std::unique_ptr<transaction> unit;
    if (this->attempt([&] { unit = std::make_unique<transaction>(this->log_->begin()); }) !=
        outcome::done) {
      return;
    }
    texts inside;
    for (int round = 0; round < 2; ++round) {
      const texts more = many(count, bytes);
      const std::string text = lines_of(more);
      logdb::appended_lines report{.appended = 77};
      if (this->attempt([&] { unit->append_lines(text, report); }) == outcome::done) {
        inside.insert(inside.end(), more.begin(), more.end());
        if (report.appended != count) throw sim::mismatch{"the report counts something else"};
      } else if (report.appended != 0) {
        throw sim::mismatch{"a report of what was taken back"};
      }
      if (unit->size() != inside.size()) throw sim::mismatch{"a transaction is not what it was"};
    }
    if (this->has_failed()) return;
    if (this->change(with(inside), [&] { unit->commit(); }) || this->has_failed()) return;
    this->change(with(inside), [&] { unit->commit(); });
  }

  [[nodiscard]] texts expected() const {
    texts all;
    for (const auto& each : this->model_) {
      if (each.find("\"even\":true") != std::string::npos) all.push_back(each);
    }
    return all;
  }

  /// Walks to the end, and on where it threw.
  template <class Begin>
  void expect_all(Begin begin, const texts& wanted) {
    std::optional<decltype(begin())> at;
    while (!at && this->attempt([&] { at.emplace(begin()); }) != outcome::failed) {
    }
    texts found;
    while (!this->has_failed() && *at != std::default_sentinel) {
      found.emplace_back((*at)->text());
      while (this->attempt([&] { ++*at; }) == outcome::refused) {
      }
    }
    if (!this->has_failed() && found != wanted) throw sim::mismatch{"a match was left out"};
  }

  void walk(logdb::query_order order) {
    texts wanted = expected();
    if (order == logdb::query_order::newest) std::ranges::reverse(wanted);
    const auto begin = [&] { return this->log_->query(matching, {.order = order}).begin(); };
    expect_all(begin, wanted);
    if (this->has_failed()) return;
    // A range that is there already, from its second match on.
    std::optional<decltype(this->log_->query(matching))> all;
    if (this->attempt([&] { all = this->log_->query(matching, {.order = order}); }) ==
        outcome::done) {
      expect_all([&] { return all->begin(); }, wanted);
    }
  }

  void follow() {
    std::stop_source stop;
    stop.request_stop();
    std::optional<decltype(this->log_->tail(matching))> tail;
    if (this->attempt([&] {
          tail.emplace(this->log_->tail(matching, logdb::lsn{1}, stop.get_token()));
        }) != outcome::done) {
      return;
    }
    expect_all([&] { return tail->begin(); }, expected());
  }

  void ask() {
    const auto wanted = expected().size();
    std::uint64_t counted = wanted;
    (void)this->attempt([&] { counted = this->log_->count(matching); });
    if (!this->has_failed() && counted != wanted) throw sim::mismatch{"it counts something else"};
    (void)this->attempt(
        [&] { (void)this->log_->aggregate(std::string{matching} + " | count by even"); });
    (void)this->attempt([&] { (void)this->log_->explain(matching); });
    std::uint64_t lines = wanted;
    (void)this->attempt([&] { lines = this->log_->export_lines(matching, [](auto) {}); });
    if (!this->has_failed() && lines != wanted) throw sim::mismatch{"it exports something else"};
  }

  std::uint64_t made_ = 1;
};

template <class Durability>
using event_log = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<sim::sim_system>>,
                                   logdb::Durability<Durability>, logdb::Index<logdb::Events>>;

constexpr std::array<std::string_view, 2> names{"Fsync", "Async"};

sim::verb_extent run(const sim::verb_case& one) {
  return one.log == 0 ? sim::run_on<events_subject<event_log<logdb::Fsync>>>(one)
                      : sim::run_on<events_subject<event_log<logdb::Async>>>(one);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_verb_of_a_log_of_events_happens_or_leaves_all_as_it_was) {
  constexpr auto& verbs = events_subject<event_log<logdb::Fsync>>::verbs;
  const sim::shared_scoreboard board;
  BOOST_TEST(sim::try_verbs("events", names, verbs, cases_default, *board, run) == "");
  BOOST_TEST(board->count(2) > 0u);
}
