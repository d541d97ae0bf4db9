// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_kill
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <signal.h>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/key_model.hpp"
#include "crash/support/kills.hpp"
#include "crash/support/quick_system.hpp"
#include "crash/support/writer.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

// Writers of keys are killed again and again, while they compact, too. After each kill the log is
// what a map is after as many steps as were acknowledged, or one more.

namespace {

using logdb::test::acknowledgement;
using logdb::test::acknowledgement_pipe;
using logdb::test::child_process;
using logdb::test::temp_dir;

using logdb::test::kills;
using logdb::test::model_writer;
using model = logdb::test::key_model;

template <class Durability>
using quick_keys =
    logdb::basic_log<logdb::Storage<logdb::BasicDirectory<logdb::test::quick_system>>,
                     logdb::Durability<Durability>, logdb::Index<logdb::KeyDir>>;

/// Does the step of a number: the same to a log and to a model.
template <class Target>
void do_step(Target& target, std::uint64_t number) {
  std::mt19937_64 random{number * 7919};
  const auto key = [&random] { return "key " + std::to_string(random() % 150); };
  const auto value = [&] { return std::to_string(number) + std::string(random() % 400, 'v'); };
  const auto kind = random() % 16;
  if (kind < 10) {
    const std::string which = key();
    target.put(which, value());
  } else if (kind < 13) {
    target.erase(key());
  } else {
    auto&& batch = target.begin();
    const std::uint64_t count = kind == 15 && random() % 8 == 0 ? 100 : 1 + random() % 6;
    for (std::uint64_t n = 0; n < count; ++n) {
      const std::string which = key();
      if (random() % 4 == 0) {
        batch.erase(which);
      } else {
        batch.put(which, value());
      }
    }
    batch.commit();
  }
}

template <class Log>
class key_killer {
 public:
  explicit key_killer(std::uint64_t seed) : random_{seed} {
    options_.segment_bytes = 32u << 10;
    options_.durability.staging_bytes = 32u << 10;
    options_.index.compaction.dead_ratio_max = 0.3;
  }

  void run(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      kill_one();
      check();
    }
    BOOST_TEST(steps_ > 0U);
  }

 private:
  void kill_one() {
    acknowledgement_pipe pipe;
    const std::uint64_t wanted = random_() % 4 == 0 ? 0 : random_() % 200;
    const std::uint64_t first = steps_;
    child_process child{[&] {
      Log log{path(), options_};
      for (std::uint64_t n = first;; ++n) {
        do_step(log, n);
        if (n % 97 == 96) log.compact();
        if (!pipe.tell({n, {}})) return 0;
      }
    }};
    pipe.only_read();
    acknowledgement told;
    told_ = 0;
    for (std::uint64_t n = 0; n < wanted && pipe.hear(told); ++n) ++told_;
    spin(random_() % (wanted == 0 ? 3000 : 500));
    child.kill();
    while (pipe.hear(told)) ++told_;
  }

  static void spin(std::uint64_t microseconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds{microseconds};
    while (std::chrono::steady_clock::now() < end) {
    }
  }

  void check() {
    Log log{path(), options_};
    BOOST_TEST(log.recovery().damages.empty());
    model_writer writer{model_};
    for (std::uint64_t n = 0; n < told_; ++n) do_step(writer, steps_++);
    model found;
    for (const auto& [key, value] : log.entries()) found.emplace(key.text(), value.text());
    if (found != model_) do_step(writer, steps_++);  // the step that was under way
    BOOST_REQUIRE(found == model_);
    BOOST_REQUIRE(log.size() == model_.size());
    for (const auto& [key, value] : model_) BOOST_REQUIRE(log.get(key)->text() == value);
    BOOST_REQUIRE(log.verify().intact());
    if (random_() % 2 == 0) log.close();
  }

  [[nodiscard]] std::filesystem::path path() const { return place_ / "kv"; }

  typename Log::options options_;
  std::mt19937_64 random_;
  temp_dir place_;
  model model_;
  std::uint64_t steps_ = 0;  // that the model has seen
  std::uint64_t told_ = 0;   // acknowledged since
};

BOOST_AUTO_TEST_CASE(a_key_value_log_is_what_its_map_is_after_any_kill) {
  key_killer<quick_keys<logdb::Async>>{1}.run(kills(150));
}

BOOST_AUTO_TEST_CASE(a_synced_key_value_log_is_what_its_map_is_after_any_kill) {
  key_killer<quick_keys<logdb::Fsync>>{2}.run(kills(100));
}

}  // namespace
