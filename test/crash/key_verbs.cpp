// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_verbs
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "crash/sim/failing_new.hpp"
#include "crash/sim/verb_trial.hpp"

// Each verb of each log of keys: it happened, or nothing did and the log is as before.

namespace {

namespace sim = logdb::sim;
using logdb::lsn;

constexpr std::uint64_t cases_default = 4'000;

using contents = std::map<std::string, std::vector<std::string>>;

/// Is a log of keys.
template <class Log>
class keys_subject : public sim::verb_subject<Log, contents> {
 public:
  static constexpr bool is_shared = Log::policies::locking::shared_writers;
  static constexpr bool is_ordered = Log::policies::index::is_ordered;

  static constexpr std::array<std::string_view, 14> verbs{"put of a new key",
                                                          "put",
                                                          "put of a large value",
                                                          "erase",
                                                          "compare_and_put",
                                                          "batch",
                                                          "large batch",
                                                          "transaction",
                                                          "large transaction",
                                                          "compact",
                                                          "reads",
                                                          "add",
                                                          "snapshot",
                                                          "close"};

  keys_subject() {
    open();
    if constexpr (is_shared) {
      Log other{sim::log_path, options()};
      fill(other, 0);
      other.close();
    }
    fill(*this->log_, 1);
  }

  void perform(std::size_t verb) {
    if (this->has_failed() || this->log_ == nullptr) return;
    switch (verb) {
      case 0: return put("new " + std::to_string(made_), 100);
      case 1: return put("k3", 100);
      case 2: return put("k4", 10'000);
      case 3: return erase("k" + std::to_string(5 + made_ % 2));
      case 4: return compare_and_put("k7");
      case 5: return batch(5, 200);
      case 6: return batch(20, 2000);
      case 7: return transact(3, 100);
      case 8: return transact(9, 1500);
      case 9: return (void)this->attempt([this] { this->log_->compact(); });
      case 10: return (void)this->attempt([this] { require_same(read()); });
      case 11: return add_value("k8", 80);
      case 12: return look_back();
      default: return this->close();
    }
  }

  void check() {
    this->compare([this] { open(); }, [this] { return read(); });
    require_same(this->model_);
    // It goes on: no shard is left locked, no key half changed.
    this->forget_refusals();
    for (int i = 0; i < 4; ++i) put("k" + std::to_string(i), 60);
    if (this->was_refused()) throw sim::mismatch{"it does not go on"};
    // What nobody waits for may fail behind a verb: the next one is told.
    if (this->has_failed()) this->compare([this] { open(); }, [this] { return read(); });
    require_same(this->model_);
  }

 private:
  using base = sim::verb_subject<Log, contents>;

  static typename Log::options options() {
    auto chosen = sim::least_options<Log>();
    chosen.index.compaction.dead_ratio_max = 0.3;
    return chosen;
  }

  void open() {
    this->log_ = std::make_unique<Log>(sim::log_path, options());
    if (!this->log_->recovery().damages.empty()) throw sim::mismatch{"it is damaged"};
  }

  std::string text(std::size_t bytes) {
    const std::uint64_t number = made_++;
    return std::to_string(number) + std::string(bytes, static_cast<char>('a' + number % 26));
  }

  void fill(Log& log, int round) {
    for (int i = 0; i < 24; ++i) {
      const std::string key = "k" + std::to_string((i + round) % 12);
      this->model_[key] = {text(900)};
      log.put(key, this->model_[key].back());
    }
  }

  /// Returns the values of a key, the last of which is known.
  std::vector<std::string> values_of(std::string_view key, std::string_view last) {
    std::vector<std::string> all;
    for (const auto& value : this->log_->values(key)) all.emplace_back(value.text());
    if (!all.empty() && all.back() == last) return all;
    this->log_->sync();  // throws if it failed meanwhile: then only what is durable is found
    throw sim::mismatch{"a key has other values"};
  }

  /// Reads all keys, in their order if they have one.
  contents read() {
    contents found;
    if constexpr (is_ordered) {
      std::string last;
      for (const auto& [key, value] : this->log_->lower_bound("")) {
        if (!found.empty() && key.text() <= last) throw sim::mismatch{"keys are not in order"};
        last = key.text();
        found.emplace(last, values_of(last, value.text()));
      }
    } else {
      for (const auto& [key, value] : this->log_->entries())
        found.emplace(key.text(), values_of(key.text(), value.text()));
    }
    return found;
  }

  void require_same(const contents& wanted) {
    if (this->log_->size() != wanted.size()) throw sim::mismatch{"it counts something else"};
    for (const auto& [key, values] : wanted) {
      const auto found = this->log_->get(key);
      if (!found || values_of(key, found->text()) != values)
        throw sim::mismatch{"get finds something else"};
    }
  }

  void put(const std::string& key, std::size_t bytes) {
    contents after = this->model_;
    const std::string value = text(bytes);
    after[key] = {value};
    this->change(std::move(after), [&] { this->log_->put(key, value); });
  }
  void add_value(const std::string& key, std::size_t bytes) {
    contents after = this->model_;
    const std::string value = text(bytes);
    after[key].push_back(value);
    this->change(std::move(after), [&] { this->log_->add(key, value); });
  }
  void erase(const std::string& key) {
    contents after = this->model_;
    after.erase(key);
    this->change(std::move(after), [&] { this->log_->erase(key); });
  }
  void compare_and_put(const std::string& key) {
    contents after = this->model_;
    const std::string value = text(50);
    after[key] = {value};
    this->change(std::move(after), [&] {
      const lsn now = this->log_->get(key)->lsn();
      if (!this->log_->compare_and_put(key, now, value)) throw sim::mismatch{"it was another"};
    });
  }
  void batch(int count, std::size_t bytes) {
    contents after = this->model_;
    std::vector<std::pair<std::string, std::string>> pairs;
    for (int i = 0; i < count; ++i) {
      const std::string key = (i % 2 == 0 ? "k" : "batch ") + std::to_string(i);
      pairs.emplace_back(key, text(bytes));
      after[key] = {pairs.back().second};
    }
    this->change(std::move(after), [&] { this->log_->put(pairs); });
  }

  /// Takes a snapshot, which goes on to show what there was.
  void look_back() {
    std::map<std::string, std::string> then;
    for (const auto& [key, values] : this->model_) then[key] = values.back();
    std::unique_ptr<typename Log::snapshot_type> seen;
    if (this->attempt([&] {
          seen = std::make_unique<typename Log::snapshot_type>(this->log_->snapshot());
        }) != base::outcome::done) {
      return;
    }
    put("k3", 100);
    erase("k6");
    (void)this->attempt([this] { this->log_->compact(); });
    std::map<std::string, std::string> shown;
    const auto read = this->attempt([&] {
      shown.clear();
      seen->for_each([&](const auto& key, const auto& value) {
        shown[std::string{key.text()}] = value.text();
      });
    });
    if (read != base::outcome::done || shown == then) return;
    // Of a log that failed meanwhile it shows only what is durable.
    if (this->attempt([this] { this->log_->sync(); }) == base::outcome::failed) return;
    throw sim::mismatch{"a snapshot shows something else"};
  }

  using transaction = typename Log::transaction_type;

  /// Writes in a transaction; what is refused is not in it.
  void add(transaction& unit, contents& inside, int count, std::size_t bytes) {
    for (int i = 0; i < count; ++i) {
      const std::string key = (i % 2 == 0 ? "k" : "in a transaction ") + std::to_string(i);
      const std::string value = text(bytes);
      const std::size_t size = unit.size();
      const bool done = this->attempt([&] { unit.put(key, value); }) == base::outcome::done;
      if (done) inside[key] = {value};
      if (unit.size() != size + (done ? 1 : 0)) throw sim::mismatch{"it is not what it was"};
    }
    if (this->attempt([&] { unit.erase("k1"); }) == base::outcome::done) inside.erase("k1");
    bool is_same = true;
    (void)this->attempt([&] {
      for (const auto& [key, values] : inside) {
        const auto found = unit.get(key);
        is_same = is_same && found && found->text() == values.back();
      }
    });
    if (!is_same) throw sim::mismatch{"it shows something else"};
  }

  void nest(transaction& around, contents& inside, int count, std::size_t bytes, bool commits) {
    std::unique_ptr<transaction> unit;
    if (this->attempt([&] { unit = std::make_unique<transaction>(around.begin()); }) !=
        base::outcome::done) {
      return;
    }
    contents within = inside;
    add(*unit, within, count, bytes);
    if (!commits) return unit->rollback();
    unit->commit();
    inside = std::move(within);
  }

  void transact(int count, std::size_t bytes) {
    std::unique_ptr<transaction> unit;
    if (this->attempt([&] { unit = std::make_unique<transaction>(this->log_->begin()); }) !=
        base::outcome::done) {
      return;
    }
    contents inside = this->model_;
    add(*unit, inside, count, bytes);
    nest(*unit, inside, count + 2, bytes, false);
    nest(*unit, inside, count + 1, bytes, true);
    add(*unit, inside, count, bytes);
    if (this->has_failed()) return;
    if (this->change(inside, [&] { unit->commit(); }) || this->has_failed()) return;
    require_same(this->model_);
    if (!this->change(std::move(inside), [&] { unit->commit(); })) {
      throw sim::mismatch{"a commit may not be made again"};
    }
  }

  std::uint64_t made_ = 1;
};

template <class Durability, class Index, class Locking>
using key_log = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<sim::sim_system>>,
                                 logdb::Durability<Durability>, Index, Locking>;
using async_keys = key_log<logdb::Async, logdb::Index<logdb::KeyDir>, logdb::Locking<logdb::Flock>>;
using ordered_keys = key_log<logdb::Fsync, logdb::Index<logdb::BasicKeyDir<logdb::Ordered>>,
                             logdb::Locking<logdb::Flock>>;
using shared_keys =
    key_log<logdb::Async, logdb::Index<logdb::KeyDir>, logdb::Locking<logdb::Fcntl>>;

constexpr std::array<std::string_view, 3> names{"Async", "Fsync, ordered", "Async, shared"};

sim::verb_extent run(const sim::verb_case& one) {
  switch (one.log) {
    case 0: return sim::run_on<keys_subject<async_keys>>(one);
    case 1: return sim::run_on<keys_subject<ordered_keys>>(one);
    default: return sim::run_on<keys_subject<shared_keys>>(one);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_verb_of_a_log_of_keys_happens_or_leaves_all_as_it_was) {
  constexpr auto& verbs = keys_subject<async_keys>::verbs;
  const sim::shared_scoreboard board;
  BOOST_TEST(sim::try_verbs("keys", names, verbs, cases_default, *board, run) == "");
  BOOST_TEST(board->count(2) > 0u);
}
