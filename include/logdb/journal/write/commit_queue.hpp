// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The threads of one process that wait for a commit, and which of them leads.

#include <algorithm>
#include <cstdint>

#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/policy/durability.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// A queue in order of arrival. The first that joins leads, and the others sleep, each on a word of
/// its own; retire() wakes those that are served and hands the lead to the first that is not.
///
/// What serves a waiter the caller says, by a predicate: `served(waiter)`.
/// @threads  any
/// @source   the queue of leaders: LevelDB's writers
template <class System>
class commit_queue {
  template <class T>
  using atomic = platform::basic_atomic<System, T>;
  enum class call : std::uint32_t { none, asleep, done, lead };

 public:
  /// A thread that waits until a watermark reaches a stream position.
  struct waiter {
    stream_position target;
    watermark level;
    atomic<std::uint32_t> word{static_cast<std::uint32_t>(call::none)};
    waiter* next = nullptr;  // in the queue it stands in
  };

  /// Queues up; returns true when this thread is to lead, false when its wait is over.
  template <class Served>
  bool join(waiter& me, Served served) {
    {
      guard lock{mutex_};
      if (served(me)) return false;
      if (!leading_) return leading_ = true;
      me.word.store(static_cast<std::uint32_t>(call::none), std::memory_order_relaxed);
      queue_.push(me);
    }
    return sleep(me) == call::lead;
  }

  /// Returns the highest of a level and those that are waited for.
  [[nodiscard]] watermark strongest_wish(watermark mine) {
    guard lock{mutex_};
    for (const waiter* who = queue_.first; who != nullptr; who = who->next) {
      mine = std::max(mine, who->level);
    }
    return mine;
  }

  /// Ends this thread's lead: wakes those who are served, then hands it on, in this order. Who was
  /// woken appends again before the next group closes, which is then about twice as large.
  template <class Served>
  void retire(Served served) {
    waiters woken;
    waiter* heir = nullptr;
    {
      guard lock{mutex_};
      waiters rest;
      while (waiter* const who = queue_.pop()) (served(*who) ? woken : rest).push(*who);
      heir = rest.pop();
      queue_ = rest;
      leading_ = heir != nullptr;
    }
    std::uint32_t size = 0;
    // A waiter that was answered may be gone at once, and its link with it.
    for (; waiter* const who = woken.pop(); ++size) answer(*who, call::done);
    group_size_.store(size, std::memory_order_relaxed);
    if (heir != nullptr) answer(*heir, call::lead);
  }

  /// Returns how many retire() woke last: a hint.
  [[nodiscard]] std::uint32_t group_size() const {
    return group_size_.load(std::memory_order_relaxed);
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;

  /// Waiters linked through themselves: joining and leaving cannot fail.
  struct waiters {
    waiter* first = nullptr;
    waiter* last = nullptr;

    void push(waiter& who) {
      who.next = nullptr;
      (first == nullptr ? first : last->next) = &who;
      last = &who;
    }
    /// Returns the first, or null.
    waiter* pop() {
      waiter* const popped = first;
      if (popped != nullptr) first = popped->next;
      return popped;
    }
  };

  /// Waits for an answer. A large group is woken more cheaply while it still runs: as long as the
  /// last group was large, its members let others run for a while before they sleep.
  call sleep(waiter& me) {
    for (std::uint32_t turns = std::min(yields_max, group_size() / 4); turns > 0; --turns) {
      // Acquire, here and below: pairs with the exchange in answer().
      const auto word = static_cast<call>(me.word.load(std::memory_order_acquire));
      if (word != call::none) return word;
      System::yield();
    }
    auto word = static_cast<std::uint32_t>(call::none);
    constexpr auto asleep = static_cast<std::uint32_t>(call::asleep);
    if (!me.word.compare_exchange_strong(word, asleep, std::memory_order_acq_rel)) {
      return static_cast<call>(word);
    }
    while ((word = me.word.load(std::memory_order_acquire)) == asleep) {
      System::futex_wait(me.word, asleep);
    }
    return static_cast<call>(word);
  }

  static void answer(waiter& who, call what) {
    atomic<std::uint32_t>& word = who.word;
    const std::uint32_t before =
        word.exchange(static_cast<std::uint32_t>(what), std::memory_order_acq_rel);
    // The waiter may be gone by now; a wake on its address then wakes nobody, or somebody for
    // nothing.
    if (before == static_cast<std::uint32_t>(call::asleep)) System::futex_wake(word, 1);
  }

  static constexpr std::uint32_t yields_max = 16;

  atomic<std::uint32_t> group_size_ = 0;
  mutex mutex_;
  waiters queue_;         // guarded by mutex_
  bool leading_ = false;  // guarded by mutex_: somebody leads
};

}  // namespace logdb::detail
