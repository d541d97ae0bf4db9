// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE cache_verbs
#include <algorithm>
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
#include "crash/sim/time_rows.hpp"
#include "crash/sim/verb_trial.hpp"

// Each verb of a cache, most of which evict: it happened, or nothing did and the cache is as
// before, but for what was evicted.

namespace {

namespace sim = logdb::sim;

constexpr std::uint64_t cases_default = 1'000;

/// Is what a cache holds, or may hold.
struct contents {
  std::map<std::string, std::string> values{};

  /// Tells whether a cache that may hold the second holds the first: what is gone was evicted.
  friend bool operator==(const contents& found, const contents& model) {
    return std::ranges::all_of(found.values, [&model](const auto& each) {
      const auto known = model.values.find(each.first);
      return known != model.values.end() && known->second == each.second;
    });
  }
};

/// Is a cache.
template <class Log>
class cache_subject : public sim::verb_subject<Log, contents> {
 public:
  static constexpr std::array<std::string_view, 9> verbs{
      "put of a new key", "put",     "put of a large value",       "erase", "batch of new keys",
      "transaction",      "compact", "new keys beside a snapshot", "close"};

  cache_subject() {
    open();
    for (int i = 0; i < 40; ++i) put(new_key(), 300);
    sim::require(this->log_->size() < 40, "nothing was evicted");
  }

  void perform(std::size_t verb) {
    if (this->has_failed() || this->log_ == nullptr) return;
    switch (verb) {
      case 0: return put(new_key(), 100);
      case 1: return put(key_of(made_ - 1), 100);
      case 2: return put(key_of(made_ - 2), 10'000);
      case 3: return erase(key_of(made_ - 3));
      case 4: return batch(12);
      case 5: return transact(12);
      case 6: return (void)this->attempt([this] { this->log_->compact(); });
      case 7: return look_back();
      default: return this->close();
    }
  }

  void check() {
    this->compare([this] { open(); }, [this] { return read(); });
    this->forget_refusals();
    for (bool again = true; again;) {
      // All were just read, so a hand has to pass each once before it evicts: some a write.
      for (int i = 0; i < 16; ++i) put(new_key(), 60);
      if (this->was_refused()) throw sim::mismatch{"it does not go on"};
      // What nobody waits for may fail behind a verb: the next one is told, and all begins anew.
      again = this->has_failed();
      if (again) this->compare([this] { open(); }, [this] { return read(); });
    }
    this->compare([this] { open(); }, [this] { return read(); });
    sim::require(this->log_->size() * key_bytes <= memory_bytes, "it takes more than it may");
    sim::require(this->log_->size() * key_bytes * 4 >= memory_bytes, "it evicts what it need not");
  }

 private:
  using base = sim::verb_subject<Log, contents>;

  static constexpr std::uint64_t memory_bytes = 64u << 10;
  static constexpr std::size_t key_bytes = 3000;

  void open() {
    auto chosen = sim::least_options<Log>();
    chosen.index.compaction.dead_ratio_max = 0.3;
    chosen.index.memory_bytes_max = memory_bytes;
    this->log_ = std::make_unique<Log>(sim::log_path, chosen);
    sim::require(this->log_->recovery().damages.empty(), "it is damaged");
  }

  static std::string key_of(std::uint64_t number) {
    std::string key = std::to_string(number);
    return key + std::string(key_bytes - key.size(), 'k');
  }
  std::string new_key() { return key_of(made_++); }
  std::string text(std::size_t bytes) {
    const std::uint64_t number = written_++;
    return std::to_string(number) + std::string(bytes, static_cast<char>('a' + number % 26));
  }

  /// Reads it whole, and each key by itself.
  contents read() {
    contents found;
    for (const auto& [key, value] : this->log_->lower_bound(""))
      found.values.emplace(key.text(), value.text());
    for (const auto& [key, value] : found.values) {
      const auto alone = this->log_->get(key);
      sim::require(alone && alone->text() == value, "get finds something else");
    }
    sim::require(this->log_->size() == found.values.size(), "it counts something else");
    return found;
  }

  void put(const std::string& key, std::size_t bytes) {
    contents after = this->model_;
    const std::string value = text(bytes);
    after.values[key] = value;
    this->change(std::move(after), [&] { this->log_->put(key, value); });
  }
  void erase(const std::string& key) {
    contents after = this->model_;
    after.values.erase(key);
    this->change(std::move(after), [&] { this->log_->erase(key); });
  }
  void batch(int count) {
    contents after = this->model_;
    std::vector<std::pair<std::string, std::string>> pairs;
    for (int i = 0; i < count; ++i) {
      pairs.emplace_back(new_key(), text(200));
      after.values[pairs.back().first] = pairs.back().second;
    }
    this->change(std::move(after), [&] { this->log_->put(pairs); });
  }
  void transact(int count) {
    std::unique_ptr<typename Log::transaction_type> unit;
    using unit_type = typename Log::transaction_type;
    const auto begins = [&] { unit = std::make_unique<unit_type>(this->log_->begin()); };
    if (this->attempt(begins) != base::outcome::done) return;
    contents after = this->model_;
    for (int i = 0; i < count; ++i) {
      const std::string key = i % 3 == 0 ? key_of(made_ - 1) : new_key();
      const std::string value = text(200);
      const auto put = this->attempt([&] { unit->put(key, value); });
      if (put == base::outcome::done) after.values[key] = value;
    }
    this->change(std::move(after), [&] { unit->commit(); });
  }

  /// Takes a snapshot, which goes on to show what there was, whatever is evicted.
  void look_back() {
    using snapshot = typename Log::snapshot_type;
    std::unique_ptr<snapshot> seen;
    std::map<std::string, std::string> then;
    const auto look = [&](std::map<std::string, std::string>& shown) {
      shown.clear();
      seen->for_each([&](const auto& key, const auto& value) {
        shown[std::string{key.text()}] = value.text();
      });
    };
    const auto takes = this->attempt([&] {
      seen = std::make_unique<snapshot>(this->log_->snapshot());
      look(then);
    });
    if (takes != base::outcome::done) return;
    for (int i = 0; i < 12; ++i) put(new_key(), 100);
    std::map<std::string, std::string> now;
    if (this->attempt([&] { look(now); }) != base::outcome::done || now == then) return;
    // Of a log that failed meanwhile it shows only what is durable.
    if (this->attempt([this] { this->log_->sync(); }) == base::outcome::failed) return;
    throw sim::mismatch{"a snapshot shows something else"};
  }

  std::uint64_t made_ = 10;
  std::uint64_t written_ = 0;
};

template <class Durability, class Locking>
using cache = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<sim::sim_system>>,
                               logdb::Durability<Durability>,
                               logdb::Index<logdb::BasicKeyDir<logdb::Ordered>>, Locking>;
using lone_cache = cache<logdb::Fsync, logdb::Locking<logdb::Flock>>;
using shared_cache = cache<logdb::Async, logdb::Locking<logdb::Fcntl>>;

constexpr std::array<std::string_view, 2> names{"Fsync", "Async, shared"};

sim::verb_extent run(const sim::verb_case& one) {
  return one.log == 0 ? sim::run_on<cache_subject<lone_cache>>(one)
                      : sim::run_on<cache_subject<shared_cache>>(one);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_verb_of_a_cache_happens_or_leaves_all_as_it_was_but_for_what_is_evicted) {
  constexpr auto& verbs = cache_subject<lone_cache>::verbs;
  const sim::shared_scoreboard board;
  BOOST_TEST(sim::try_verbs("caches", names, verbs, cases_default, *board, run) == "");
  BOOST_TEST(board->count(2) > 0u);
}
