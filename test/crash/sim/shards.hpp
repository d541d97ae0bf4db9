// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Runs numbered cases in a few processes, so that a case that crashes or hangs is named and costs
/// no other; and gathers what they counted.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "fiber.hpp"
#include "support/process.hpp"

namespace logdb::sim {

/// Says how many cases to run.
struct shard_plan {
  std::uint64_t goal = UINT64_MAX;   // of counter 0
  std::uint64_t cases = UINT64_MAX;  // numbers below this
  std::uint64_t step = 1;            // from one number to the next
  unsigned seconds_max = 120;        // for one case: then it hangs
};

/// Is memory that the processes share.
///
/// @threads  any, of any of them
class scoreboard {
 public:
  static constexpr std::size_t hashes_max = std::size_t{8} << 20;
  static constexpr std::size_t counters = 8;

  /// Takes the next case of a plan, while its goal is not reached.
  [[nodiscard]] std::optional<std::uint64_t> take(const shard_plan& plan) {
    if (failed_.load() != 0 || counts_[0].load() >= plan.goal) return std::nullopt;
    const std::uint64_t number = taken_.fetch_add(1) * plan.step;
    return number < plan.cases ? std::optional{number} : std::nullopt;
  }

  void add(std::size_t counter, std::uint64_t by) { counts_[counter].fetch_add(by); }
  [[nodiscard]] std::uint64_t count(std::size_t counter) const { return counts_[counter].load(); }

  void add_hashes(std::span<const std::uint64_t> hashes) {
    const std::size_t begin = hashed_.fetch_add(hashes.size());
    const std::size_t room = begin < hashes_max ? hashes_max - begin : 0;
    std::copy_n(hashes.begin(), std::min(room, hashes.size()), hashes_.begin() + begin);
  }
  /// Returns how many of them are different.
  [[nodiscard]] std::size_t distinct() {
    const auto end =
        hashes_.begin() + static_cast<std::ptrdiff_t>(std::min(hashed_.load(), hashes_max));
    std::sort(hashes_.begin(), end);
    return static_cast<std::size_t>(std::unique(hashes_.begin(), end) - hashes_.begin());
  }

  /// Notes the first failure; every process stops then.
  void fail(std::string_view why) {
    if (failed_.fetch_add(1) != 0) return;
    why.copy(message_.data(), message_.size() - 1);
  }
  [[nodiscard]] std::string message() const {
    return failed_.load() == 0 ? "" : std::string{message_.data()};
  }

 private:
  std::atomic<std::uint64_t> taken_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::array<std::atomic<std::uint64_t>, counters> counts_{};
  std::atomic<std::size_t> hashed_ = 0;
  std::array<char, 2048> message_{};
  std::array<std::uint64_t, hashes_max> hashes_;
};

/// Owns a scoreboard in memory that a fork shares.
class shared_scoreboard {
 public:
  shared_scoreboard() {
    void* const memory = ::mmap(nullptr, sizeof(scoreboard), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc{};
    board_ = new (memory) scoreboard;
  }
  shared_scoreboard(const shared_scoreboard&) = delete;
  shared_scoreboard& operator=(const shared_scoreboard&) = delete;
  ~shared_scoreboard() { ::munmap(board_, sizeof(scoreboard)); }

  scoreboard* operator->() const { return board_; }
  scoreboard& operator*() const { return *board_; }

 private:
  scoreboard* board_;
};

/// Returns a number from the environment, or the fallback; a tenth of it under a sanitizer.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t fallback) {
  const char* const text = std::getenv(name);
  if (text != nullptr) return std::strtoull(text, nullptr, 0);
  return is_sanitized ? fallback / 10 : fallback;
}

namespace detail {

inline std::string name_case(std::uint64_t number) {
  return "case " + std::to_string(number) + " (LOGDB_CRASH_CASE=" + std::to_string(number) +
         " runs it alone): ";
}

template <class Case>
void run_case(scoreboard& board, std::uint64_t number, const Case& one) {
  try {
    one(number, board);
  } catch (const std::exception& failure) {
    board.fail(name_case(number) + failure.what());
  }
}

template <class Case>
int run_shard(scoreboard& board, std::atomic<std::uint64_t>& running, const shard_plan& plan,
              const Case& one) {
  while (const auto number = board.take(plan)) {
    running.store(*number);
    ::alarm(plan.seconds_max);
    run_case(board, *number, one);
  }
  return 0;
}

}  // namespace detail

/// Calls `one(number, board)` for the cases of a plan, in two processes; or for the one alone that
/// LOGDB_CRASH_CASE names.
///
/// @return  what went wrong, with the number of the case; empty when nothing did
template <class Case>
std::string run_sharded(scoreboard& board, const shard_plan& plan, const Case& one) {
  if (std::getenv("LOGDB_CRASH_CASE") != nullptr) {
    detail::run_case(board, number_from_environment("LOGDB_CRASH_CASE", 0), one);
    return board.message();
  }
  struct states {
    std::array<std::atomic<std::uint64_t>, 2> running{UINT64_MAX, UINT64_MAX};
  };
  void* const memory =
      ::mmap(nullptr, sizeof(states), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};
  auto& shared = *new (memory) states;
  {
    std::vector<std::unique_ptr<test::child_process>> shards;
    for (auto& running : shared.running) {
      shards.push_back(std::make_unique<test::child_process>(
          [&] { return detail::run_shard(board, running, plan, one); }));
    }
    for (std::size_t i = 0; i < shards.size(); ++i) {
      if (shards[i]->wait() == 0) continue;
      board.fail(detail::name_case(shared.running[i].load()) + "crashed or hung");
    }
  }
  ::munmap(memory, sizeof(states));
  return board.message();
}

}  // namespace logdb::sim
