// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The simulated processor: runs fibers one at a time, in an order that a seed or a search decides,
/// under a clock of its own.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "choices.hpp"
#include "fiber.hpp"

namespace logdb::sim {

using std::chrono::nanoseconds;

/// Decides who runs next.
class switching {
 public:
  switching() = default;
  switching(const switching&) = delete;
  switching& operator=(const switching&) = delete;
  virtual ~switching() = default;
  /// Returns one of `ready`, at least 1.
  /// @param current  the one that runs now, when it could go on
  virtual std::size_t pick(std::size_t ready, std::optional<std::size_t> current) = 0;
};

/// Draws who runs; how often it switches is drawn once.
class random_switching final : public switching {
 public:
  explicit random_switching(random_source random) : random_{random} {
    constexpr std::size_t often[] = {1, 2, 4, 16, 64};
    stays_ = often[random_.below(std::size(often))];
  }
  std::size_t pick(std::size_t ready, std::optional<std::size_t> current) override {
    if (current && !random_.one_in(stays_)) return *current;
    return random_.below(ready);
  }

 private:
  random_source random_;
  std::size_t stays_;  // switches at one point in so many
};

/// Lets a chooser decide, and takes the processor away from somebody only so many times.
class bounded_switching final : public switching {
 public:
  bounded_switching(chooser& choices, std::size_t preemptions_max)
      : choices_{choices}, left_{preemptions_max} {}

  /// Until then there is nothing to decide: whoever can goes on.
  void begin() { on_ = true; }
  void end() { on_ = false; }

  std::size_t pick(std::size_t ready, std::optional<std::size_t> current) override {
    if (!on_ || (current && left_ == 0)) return current.value_or(0);
    if (!current) return choices_.choose(ready);
    // Going on is the first possibility, so that the search begins with few switches.
    const std::size_t taken = choices_.choose(ready);
    if (taken == 0) return *current;
    --left_;
    return taken <= *current ? taken - 1 : taken;
  }

 private:
  chooser& choices_;
  std::size_t left_;
  bool on_ = false;
};

/// Is one fiber and what it waits for.
class task {
 public:
  task(std::function<void()> body, std::uint32_t process)
      : process_{process}, fiber_{[this, run = std::move(body)] { guarded(run); }} {}

 private:
  friend class scheduler;

  void guarded(const std::function<void()>& run) {
    try {
      run();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  [[nodiscard]] bool is_over() const { return killed_ || fiber_.is_done(); }
  [[nodiscard]] bool is_ready() const { return !waits_ && !is_over(); }

  std::uint32_t process_;  // that it is a thread of
  fiber fiber_;
  std::exception_ptr failure_;
  bool waits_ = false;
  bool killed_ = false;
  bool timed_out_ = false;
  const void* word_ = nullptr;  // of the wait; null: for a time only
  std::optional<nanoseconds> deadline_;
};

/// Runs tasks until all have ended.
///
/// @threads  one; the members but run() from within a task
class scheduler {
 public:
  static constexpr std::uint64_t points_max = 3'000'000;
  static constexpr nanoseconds point_cost{200};

  explicit scheduler(switching& order) : order_{order} {}

  /// Runs a function and everything it spawns.
  /// @throws  what a task threw; std::runtime_error when nobody can go on, or nobody ever ends
  void run(std::function<void()> main) {
    spawn(std::move(main));
    while (!tasks_.empty()) {
      if (current_ == nullptr) current_ = pick_waiting();
      current_->fiber_.resume();
      if (points_ > points_max) throw std::runtime_error{"the simulated system never rests"};
      retire();
    }
  }

  /// Begins a task of the process that calls; the first is of process 1.
  std::shared_ptr<task> spawn(std::function<void()> body) {
    return spawn_in(process(), std::move(body));
  }
  std::shared_ptr<task> spawn_in(std::uint32_t process, std::function<void()> body) {
    tasks_.push_back(std::make_shared<task>(std::move(body), process));
    return tasks_.back();
  }

  /// Returns the process that runs.
  [[nodiscard]] std::uint32_t process() const {
    return current_ == nullptr ? 1 : current_->process_;
  }

  /// Ends the tasks of a process where they stand: nothing of them is unwound, as in real life.
  /// Whoever waits, for whatever, looks again. Ends the caller, too, if it is one of them.
  void kill(std::uint32_t process) {
    for (const auto& one : tasks_) {
      one->waits_ = one->waits_ && one->process_ == process;
      one->killed_ = one->killed_ || one->process_ == process;
    }
    if (current_ != nullptr && current_->killed_) leave();
  }

  /// Lets time pass, and others run.
  void point(nanoseconds cost = point_cost) {
    now_ += cost;
    if (++points_ > points_max) return leave();
    expire();
    const std::size_t ready = gather(current_);
    if (ready == 1) return;
    task* const chosen = ready_[order_.pick(ready, at_)];
    if (chosen == current_) return;
    next_ = chosen;
    leave();
  }

  /// Lets another run, if there is one: no search may keep on with who has nothing to do.
  void yield() {
    now_ += point_cost;
    if (++points_ > points_max) return leave();
    expire();
    gather(current_);
    if (ready_.size() == 1) return;
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(*at_));
    next_ = ready_[order_.pick(ready_.size(), std::nullopt)];
    leave();
  }

  /// Waits as futex(2) does.
  int wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
           std::optional<nanoseconds> timeout) {
    if (word.load() != expected) return -EAGAIN;
    block(&word, timeout);
    return current_->timed_out_ ? -ETIMEDOUT : 0;
  }

  /// Waits to be woken from an address, or for a time.
  void wait_for(const void* word, nanoseconds time) { block(word, time); }

  /// Stands still for a time; whoever is ready goes on meanwhile.
  void pause(nanoseconds time) { block(nullptr, time); }

  int wake(const void* word, int waiters) {
    int woken = 0;
    for (const auto& one : tasks_) {
      if (woken == waiters) break;
      if (!one->waits_ || one->word_ != word) continue;
      one->waits_ = false;
      ++woken;
    }
    return woken;
  }

  /// Waits for the end of a task.
  void join(const task& other) {
    while (!other.is_over()) block(&other, std::nullopt);
  }

  [[nodiscard]] nanoseconds now() const { return now_; }
  [[nodiscard]] std::uint64_t points() const { return points_; }
  [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }
  [[nodiscard]] const task* current() const { return current_; }

 private:
  void block(const void* word, std::optional<nanoseconds> timeout) {
    current_->waits_ = true;
    current_->timed_out_ = false;
    current_->word_ = word;
    current_->deadline_ = timeout ? std::optional{now_ + *timeout} : std::nullopt;
    leave();
    current_->deadline_.reset();
  }

  void leave() { current_->fiber_.suspend(); }

  /// Collects who can run; remembers where `current` is among them.
  std::size_t gather(const task* current) {
    ready_.clear();
    at_.reset();
    for (const auto& one : tasks_) {
      if (!one->is_ready()) continue;
      if (one.get() == current) at_ = ready_.size();
      ready_.push_back(one.get());
    }
    return ready_.size();
  }

  void expire() {
    for (const auto& one : tasks_) {
      if (!one->waits_ || !one->deadline_ || *one->deadline_ > now_) continue;
      one->waits_ = false;
      one->timed_out_ = true;
    }
  }

  /// Picks somebody after the last one blocked or ended; time jumps when nobody can run.
  task* pick_waiting() {
    expire();
    if (gather(nullptr) == 0) {
      jump();
      gather(nullptr);
    }
    return ready_[ready_.size() == 1 ? 0 : order_.pick(ready_.size(), std::nullopt)];
  }

  void jump() {
    std::optional<nanoseconds> nearest;
    for (const auto& one : tasks_) {
      if (one->deadline_) nearest = std::min(nearest.value_or(*one->deadline_), *one->deadline_);
    }
    if (!nearest) throw std::runtime_error{"deadlock: everybody waits for somebody"};
    now_ = *nearest;
    expire();
  }

  /// Looks what became of the one that just ran.
  void retire() {
    task* const ran = std::exchange(current_, std::exchange(next_, nullptr));
    const bool ended = ran->fiber_.is_done() && !ran->killed_;
    if (current_ != nullptr && current_->killed_) current_ = nullptr;
    bury();
    if (!ended) return;
    wake(ran, static_cast<int>(tasks_.size()));
    const auto place = std::ranges::find(tasks_, ran, &std::shared_ptr<task>::get);
    const auto gone = *place;
    tasks_.erase(place);
    if (gone->failure_) std::rethrow_exception(gone->failure_);
  }

  /// Takes those who were killed out of the way. Their stacks hold objects that nobody destroys.
  void bury() {
    const auto is_killed = [](const auto& one) { return one->killed_; };
    for (const auto& one : tasks_) {
      if (one->killed_) graveyard().push_back(one);
    }
    std::erase_if(tasks_, is_killed);
  }
  static std::vector<std::shared_ptr<task>>& graveyard() {
    static std::vector<std::shared_ptr<task>> dead;
    return dead;
  }

  switching& order_;
  std::vector<std::shared_ptr<task>> tasks_;  // not ended, in order of their beginning
  std::vector<task*> ready_;
  std::optional<std::size_t> at_;  // the current one in ready_
  task* current_ = nullptr;
  task* next_ = nullptr;  // chosen at a point
  nanoseconds now_ = std::chrono::hours{1};
  std::uint64_t points_ = 0;
};

}  // namespace logdb::sim
