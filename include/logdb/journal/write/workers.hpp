// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The threads of a writing log: one keeps segments ready, one commits if the durability policy
/// wants it.

#include <algorithm>
#include <chrono>

#include <logdb/journal/write/keeper.hpp>
#include <logdb/platform/process/fork_counter.hpp>

namespace logdb::detail {

/// Runs the background work from start() to stop().
template <class Policies>
class workers {
 public:
  using core_type = journal_state<Policies>;
  using system = typename core_type::system;
  using thread = typename system::thread;

  workers(core_type& core, committer<Policies>& commits, keeper<Policies>& keep)
      : core_{core}, commits_{commits}, keeper_{keep} {}
  workers(const workers&) = delete;
  workers& operator=(const workers&) = delete;
  ~workers() { stop(); }

  void start() {
    keeping_ = thread{[this] { keep(); }};
    if constexpr (Policies::durability::background) {
      committing_ = thread{[this] { commit(); }};
    }
  }

  /// Forgets the threads, in a child of a fork.
  void abandon() {
    platform::forget_thread(keeping_);
    platform::forget_thread(committing_);
  }

  /// Ends the threads; what they had begun is finished.
  void stop() {
    stopping_.store(true,
                    std::memory_order_release);  // pairs with keep() and commit(), by the events
    core_.signals.work.signal();
    core_.signals.chores.signal();
    if (keeping_.joinable()) keeping_.join();
    if (committing_.joinable()) committing_.join();
  }

 private:
  static constexpr watermark goal = Policies::durability::keeps_until;
  // Before what failed for want of room, memory or files is tried again.
  static constexpr std::chrono::milliseconds chores_pause{100};
  static constexpr std::chrono::milliseconds commit_pause{10};

  void keep() {
    while (!stopping_.load(std::memory_order_acquire)) {
      const auto ticket = core_.signals.chores.ticket();
      attempt([this] { keeper_.provide(); });
      const bool done = attempt([this] { keeper_.chores(); });
      if (stopping_.load(std::memory_order_acquire)) return;
      // Nobody else would: what is given up may be the room that an append needs.
      const bool again = !done && core_.life.is_open();
      again ? core_.signals.chores.wait(ticket, chores_pause) : core_.signals.chores.wait(ticket);
    }
  }

  /// What fails here is tried again: by the append that needs it, which then reports it, or here
  /// after a while. Returns whether it did not.
  template <class Chore>
  static bool attempt(Chore chore) {
    try {
      chore();
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  void commit() {
    for (;;) {
      // Before the look at what it announces: a stop in between is not slept through.
      const auto ticket = core_.signals.work.ticket();
      if (stopping_.load(std::memory_order_acquire) || !core_.life.is_open()) return;
      const auto wait = time_to_commit();
      if (wait > std::chrono::nanoseconds{0}) {
        core_.signals.work.wait(ticket, wait);
      } else if (wait < std::chrono::nanoseconds{0}) {
        rest(ticket);
      } else {
        const bool done =
            attempt([this] { commits_.wait(core_.reached(watermark::appended), goal); });
        if (!done) core_.signals.work.wait(ticket, commit_pause);
      }
    }
  }

  /// Waits until there is something; where others write as well, looks now and then whether one of
  /// them died and left records to commit.
  void rest(std::uint32_t ticket) {
    if constexpr (core_type::is_shared) {
      core_.signals.work.wait(ticket,
                              std::max<std::chrono::nanoseconds>(10 * core_.bounds.delay_max,
                                                                 std::chrono::milliseconds{50}));
    } else {
      core_.signals.work.wait(ticket);
    }
  }

  /// Returns how long the open group may still grow; 0: commit now; below: there is nothing.
  [[nodiscard]] std::chrono::nanoseconds time_to_commit() {
    const std::uint64_t pending = core_.reached(watermark::appended) - core_.reached(goal);
    if (pending == 0) return std::chrono::nanoseconds{-1};
    const std::uint64_t large = core_.window_bytes() / 4;
    if (pending >= large || core_.signals.is_watched()) return {};
    const auto age = core_.age_of_oldest().value_or(std::chrono::nanoseconds::max());
    return core_.bounds.delay_max - std::min(age, core_.bounds.delay_max);
  }

  core_type& core_;
  committer<Policies>& commits_;
  keeper<Policies>& keeper_;
  platform::basic_atomic<system, bool> stopping_ = false;
  thread keeping_;
  thread committing_;
};

}  // namespace logdb::detail
