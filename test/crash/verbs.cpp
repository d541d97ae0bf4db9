// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE verbs
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "crash/sim/failing_new.hpp"
#include "crash/sim/verb_trial.hpp"

// Each verb of each log of records: it happened, or nothing did and the log is as before.

namespace {

namespace sim = logdb::sim;
using logdb::lsn;

constexpr std::uint64_t cases_default = 6'000;

/// Is the contents of a log.
struct contents {
  std::vector<std::string> records;  // from lsn 1 on
  std::uint64_t cursor = 0;
  bool operator==(const contents&) const = default;
};

/// Is a log of records.
template <class Log>
class records_subject : public sim::verb_subject<Log, contents> {
 public:
  static constexpr bool is_shared = Log::policies::locking::shared_writers;
  // What is synced is not waited for, and there is no second way.
  static constexpr bool fails_behind = std::is_same_v<Log, sim::sim_log<logdb::None>>;

  static constexpr std::array<std::string_view, 12> verbs{"append",       "append of a large one",
                                                          "batch",        "large batch",
                                                          "transaction",  "large one",
                                                          "acknowledge",  "sync",
                                                          "truncate",     "reads",
                                                          "many appends", "close"};

  records_subject() {
    open();
    if constexpr (is_shared) {
      // What another has written, and rolled, is there to be learned.
      Log other{sim::log_path, options()};
      for (int i = 0; i < 14; ++i) other.append(keep(made_++, 1500));
      other.close();
    }
    for (int i = 0; i < 10; ++i) this->log_->append(keep(made_++, 900));
  }

  void perform(std::size_t verb) {
    if (this->has_failed() || this->log_ == nullptr) return;
    switch (verb) {
      case 0: return append(100);
      case 1: return append(10'000);
      case 2: return batch(5, 300);
      case 3: return batch(20, 2000);
      case 4: return transact(3, 100);
      case 5: return transact(9, 1500);
      case 6: return acknowledge();
      case 7: return (void)this->attempt([this] { this->log_->sync(); });
      case 8: return truncate();
      case 9: return (void)this->attempt([this] { (void)read(); });
      case 10:
        for (int i = 0; i < 14; ++i) append(1500);
        return;
      default: return this->close();
    }
  }

  void check() {
    compare();
    this->forget_refusals();
    append(50);
    if (fails_behind && this->has_failed()) {
      compare();
      append(50);
    }
    if (this->was_refused() || this->has_failed()) throw sim::mismatch{"it does not go on"};
  }

 private:
  using base = sim::verb_subject<Log, contents>;

  static typename Log::options options() {
    auto chosen = sim::least_options<Log>();
    chosen.index.stride_bytes = 256;
    return chosen;
  }

  void compare() {
    base::compare([this] { open(); }, [this] { return read(); },
                  [this] {
                    if (fails_behind) this->log_->sync();
                  });
  }

  void open() {
    this->log_ = std::make_unique<Log>(sim::log_path, options());
    if (!this->log_->recovery().damages.empty()) throw sim::mismatch{"it is damaged"};
  }

  static std::string text(std::uint64_t number, std::size_t bytes) {
    return std::to_string(number) + std::string(bytes, static_cast<char>('a' + number % 26));
  }
  std::string keep(std::uint64_t number, std::size_t bytes) {
    this->model_.records.push_back(text(number, bytes));
    return this->model_.records.back();
  }

  /// Reads it whole. What was given up is taken from the model.
  contents read() {
    contents found;
    const auto seen = this->log_->snapshot();
    const std::uint64_t first = seen.first_lsn().value();
    found.records.assign(this->model_.records.begin(),
                         this->model_.records.begin() + static_cast<std::ptrdiff_t>(first - 1));
    for (const auto& each : seen.records()) {
      if (each.lsn().value() != found.records.size() + 1) throw sim::mismatch{"a hole"};
      found.records.emplace_back(each.text());
    }
    found.cursor = logdb::detail::log_access::view(*this->log_).cursor(sim::cursor_name).value();
    return found;
  }

  void append(std::size_t bytes) {
    const std::string record = text(made_++, bytes);
    contents after = this->model_;
    after.records.push_back(record);
    this->change(std::move(after), [&] { this->log_->append(record); });
  }
  void batch(std::size_t count, std::size_t bytes) {
    std::vector<std::string> records;
    for (std::size_t i = 0; i < count; ++i) records.push_back(text(made_++, bytes));
    contents after = this->model_;
    after.records.insert(after.records.end(), records.begin(), records.end());
    this->change(std::move(after), [&] { this->log_->append(records); });
  }
  void acknowledge() {
    contents after = this->model_;
    after.cursor = after.records.size() - made_ % 3;
    this->change(after,
                 [&] { this->log_->cursor(sim::cursor_name).acknowledge(lsn{after.cursor}); });
  }
  void truncate() {
    const lsn before = this->log_->first_lsn();
    const lsn wanted{this->model_.records.size() / 2};
    const auto came = this->attempt([&] { this->log_->truncate_front(wanted); });
    if (came != base::outcome::refused || this->log_->first_lsn() == before) return;
    // As documented where the manifest has its name, and only the sync of that failed.
    const sim::fault_plan& plan = sim::world::current()->failing.planned();
    if (plan.first > 0 && plan.kind == sim::call::sync_directory) return;
    throw sim::mismatch{"what was refused was given up"};
  }

  using transaction = typename Log::transaction_type;

  /// Appends to a transaction, singly and as a batch; what is refused is not in it.
  void add(transaction& unit, std::vector<std::string>& inside, std::size_t count,
           std::size_t bytes) {
    const auto require_size = [&] {
      if (unit.size() != inside.size()) throw sim::mismatch{"a transaction is not what it was"};
    };
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(text(made_++, bytes));
      if (this->attempt([&] { unit.append(all.back()); }) == base::outcome::done) {
        inside.push_back(all.back());
      }
      require_size();
    }
    if (this->attempt([&] { unit.append(all); }) == base::outcome::done) {
      inside.insert(inside.end(), all.begin(), all.end());
    }
    require_size();
  }

  /// Appends to one nested in it, which is rolled back or handed on.
  void nest(transaction& around, std::vector<std::string>& inside, std::size_t count,
            std::size_t bytes, bool commits) {
    std::vector<std::string> within = inside;
    std::unique_ptr<transaction> unit;
    if (this->attempt([&] { unit = std::make_unique<transaction>(around.begin()); }) !=
        base::outcome::done) {
      return;
    }
    add(*unit, within, count, bytes);
    if (!commits) return unit->rollback();
    unit->commit();
    inside = std::move(within);
  }

  void require_seen(transaction& unit, const std::vector<std::string>& inside) {
    std::vector<std::string> seen;
    const bool read = this->attempt([&] {
      seen.clear();
      for (const auto& each : unit.records()) seen.emplace_back(each.text());
    }) == base::outcome::done;
    if (!read) return;
    if (seen.size() < inside.size() ||
        !std::equal(inside.begin(), inside.end(),
                    seen.end() - static_cast<std::ptrdiff_t>(inside.size()))) {
      throw sim::mismatch{"a transaction shows something else"};
    }
  }

  void transact(std::size_t count, std::size_t bytes) {
    std::unique_ptr<transaction> unit;
    if (this->attempt([&] { unit = std::make_unique<transaction>(this->log_->begin()); }) !=
        base::outcome::done) {
      return;
    }
    std::vector<std::string> inside;
    add(*unit, inside, count, bytes);
    nest(*unit, inside, count, bytes, false);
    require_seen(*unit, inside);
    nest(*unit, inside, count, bytes, true);
    add(*unit, inside, count, bytes);
    require_seen(*unit, inside);
    if (this->has_failed()) return;
    contents after = this->model_;
    after.records.insert(after.records.end(), inside.begin(), inside.end());
    if (this->change(after, [&] { unit->commit(); }) || this->has_failed()) return;
    if (read() != this->model_) throw sim::mismatch{"a commit that was refused is there"};
    // Once more, unless a sync of it failed.
    this->change(std::move(after), [&] { unit->commit(); });
  }

  std::uint64_t made_ = 1;
};

template <class Durability>
using shared_log = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<sim::sim_system>>,
                                    logdb::Durability<Durability>, logdb::Locking<logdb::Fcntl>>;

using subject = records_subject<sim::sim_log<logdb::Fsync>>;
constexpr std::array<std::string_view, 5> names{"Fsync", "Async", "Fsync, one file",
                                                "Fsync, shared", "None"};

sim::verb_extent run(const sim::verb_case& one) {
  switch (one.log) {
    case 0: return sim::run_on<records_subject<sim::sim_log<logdb::Fsync>>>(one);
    case 1: return sim::run_on<records_subject<sim::sim_log<logdb::Async>>>(one);
    case 2:
      return sim::run_on<records_subject<sim::sim_log<logdb::Fsync, logdb::BasicSingleFile>>>(one);
    case 3: return sim::run_on<records_subject<shared_log<logdb::Fsync>>>(one);
    default: return sim::run_on<records_subject<sim::sim_log<logdb::None>>>(one);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_verb_of_a_log_happens_or_leaves_all_as_it_was) {
  const sim::shared_scoreboard board;
  BOOST_TEST(sim::try_verbs("logs", names, subject::verbs, cases_default, *board, run) == "");
  BOOST_TEST(board->count(2) > 0u);
}
