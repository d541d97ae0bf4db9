// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE mutex
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/platform/atomic.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

#include "support/last_words.hpp"

namespace {

using logdb::platform::event;
using logdb::platform::mutex;
using logdb::platform::posix;
using namespace std::chrono_literals;

template <class T>
concept has_default_orders = requires(T& one) {
  one.load();
}
|| requires(T& one) { one.store(1); }
|| requires(T& one) { one.exchange(1); }
|| requires(T& one) { one.fetch_add(1); }
|| requires(T& one) { one.fetch_sub(1); }
|| requires(T& one, int value) { one.compare_exchange_strong(value, 1); }
|| requires(T& one, int value) { one.compare_exchange_weak(value, 1); }
|| requires(T& one) { one = 1; }
|| requires(T& one) { ++one; }
|| requires(T& one) { one--; }
|| requires(T& one) { one += 1; }
|| requires(const T& one) { one + 1; }
|| requires(const T& one) { int{one}; };
static_assert(has_default_orders<std::atomic<int>>);
static_assert(!has_default_orders<logdb::platform::atomic<int>>);
static_assert(!has_default_orders<logdb::platform::basic_atomic<posix, int>>);

/// Counts the sleeps and wakes of the mutex, and never sleeps for long.
struct counting_system : posix {
  inline static std::atomic<int> waits = 0;
  inline static std::atomic<int> wakes = 0;

  template <class... More>
  static int futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                        More... more) {
    ++waits;
    return posix::futex_wait(word, expected, more...);
  }
  static int futex_wake(const std::atomic<std::uint32_t>& word, int waiters) {
    ++wakes;
    return posix::futex_wake(word, waiters);
  }
};

template <class Function>
void run_threads(int count, Function run) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(run);
  for (std::thread& thread : threads) thread.join();
}

BOOST_AUTO_TEST_CASE(eight_threads_count_exactly) {
  mutex lock;
  std::uint64_t count = 0;
  run_threads(8, [&] {
    for (int i = 0; i < 50'000; ++i) {
      const std::lock_guard guard{lock};
      ++count;
    }
  });
  BOOST_TEST(count == 400'000U);
}

BOOST_AUTO_TEST_CASE(threads_that_sleep_on_it_all_get_it) {
  logdb::platform::basic_mutex<counting_system> lock;
  counting_system::waits = 0;
  int count = 0;
  std::vector<std::thread> threads;
  {
    const std::lock_guard guard{lock};
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const std::lock_guard inner{lock};
        ++count;
      });
    }
    while (counting_system::waits < 4) std::this_thread::yield();
    BOOST_TEST(count == 0);
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(count == 4);
}

BOOST_AUTO_TEST_CASE(it_takes_no_system_call_without_contention) {
  logdb::platform::basic_mutex<counting_system> lock;
  counting_system::waits = 0;
  counting_system::wakes = 0;
  for (int i = 0; i < 100; ++i) {
    const std::lock_guard guard{lock};
  }
  BOOST_TEST(counting_system::waits == 0);
  BOOST_TEST(counting_system::wakes == 0);
}

BOOST_AUTO_TEST_CASE(try_lock_fails_while_it_is_held) {
  mutex lock;
  BOOST_TEST(lock.try_lock());
  BOOST_TEST(!lock.try_lock());
  lock.unlock();
  BOOST_TEST(lock.try_lock());
  lock.unlock();
}

BOOST_AUTO_TEST_CASE(it_works_with_the_guards_of_std_and_boost) {
  mutex lock;
  {
    const boost::interprocess::scoped_lock<mutex> guard{lock};
    BOOST_TEST(!lock.try_lock());
  }
  {
    std::unique_lock guard{lock, std::try_to_lock};
    BOOST_TEST(guard.owns_lock());
  }
  BOOST_TEST(lock.try_lock());
  lock.unlock();
}

BOOST_AUTO_TEST_CASE(it_is_four_bytes) { BOOST_TEST(sizeof(mutex) == 4U); }

BOOST_AUTO_TEST_CASE(a_signal_after_the_ticket_ends_the_wait_at_once) {
  event happened;
  const std::uint32_t ticket = happened.ticket();
  happened.signal();
  BOOST_TEST(happened.wait(ticket));
  BOOST_TEST(happened.ticket() != ticket);
}

BOOST_AUTO_TEST_CASE(a_signal_wakes_every_waiter) {
  logdb::platform::basic_event<counting_system> happened;
  counting_system::waits = 0;
  std::atomic<int> woken = 0;
  std::atomic<int> ready = 0;
  const std::uint32_t ticket = happened.ticket();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      ++ready;
      if (happened.wait(ticket)) ++woken;
    });
  }
  while (counting_system::waits < 4) std::this_thread::yield();
  BOOST_TEST(woken == 0);
  happened.signal();
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(woken == 4);
}

BOOST_AUTO_TEST_CASE(what_was_done_before_a_signal_is_seen_after_the_wait) {
  event happened;
  int value = 0;
  const std::uint32_t ticket = happened.ticket();
  std::thread writer{[&] {
    value = 42;
    happened.signal();
  }};
  BOOST_TEST(happened.wait(ticket));
  BOOST_TEST(value == 42);
  writer.join();
}

BOOST_AUTO_TEST_CASE(a_wait_ends_when_its_time_is_over) {
  event happened;
  const auto before = posix::uptime();
  BOOST_TEST(!happened.wait(happened.ticket(), 2ms));
  BOOST_TEST((posix::uptime() - before >= 2ms));
}

BOOST_AUTO_TEST_CASE(a_signal_nobody_waits_for_takes_no_system_call) {
  logdb::platform::basic_event<counting_system> happened;
  counting_system::wakes = 0;
  happened.signal();
  BOOST_TEST(counting_system::wakes == 0);
}

BOOST_AUTO_TEST_CASE(two_threads_that_take_turns_miss_no_signal) {
  event turned;
  std::atomic<int> turn = 0;
  const auto play = [&](int mine) {
    for (int i = mine; i < 2'000; i += 2) {
      for (;;) {
        const std::uint32_t ticket = turned.ticket();
        if (turn.load(std::memory_order_acquire) == i) break;
        turned.wait(ticket);
      }
      turn.store(i + 1, std::memory_order_release);
      turned.signal();
    }
  };
  std::thread other{[&] { play(1); }};
  play(0);
  other.join();
  BOOST_TEST(turn == 2'000);
}

BOOST_AUTO_TEST_CASE(a_broken_precondition_ends_the_program_and_says_which_and_where) {
  const auto expect = [](int given) { LOGDB_EXPECTS(given > 1); };
  BOOST_TEST(logdb::test::last_words_of([&] { expect(2); }) == "");
  const std::string words = logdb::test::last_words_of([&] { expect(1); });
  BOOST_TEST(words.find("mutex.cpp:") != std::string::npos, words);
  BOOST_TEST(words.find("logdb expects: given > 1\n") != std::string::npos, words);
}

BOOST_AUTO_TEST_CASE(a_precondition_can_be_asked_for_in_a_constant_expression) {
  constexpr auto half = [](int of) {
    LOGDB_EXPECTS(of % 2 == 0);
    return of / 2;
  };
  static_assert(half(4) == 2);
  BOOST_TEST(logdb::test::last_words_of([&] { (void)half(3); }) != "");
}

BOOST_AUTO_TEST_CASE(a_mutex_that_nobody_holds_is_given_back_by_nobody) {
  mutex lock;
  BOOST_TEST(!lock.is_held());
  BOOST_TEST(logdb::test::last_words_of([&] { lock.unlock(); }) != "");
}

BOOST_AUTO_TEST_CASE(a_guard_holds_the_mutex_it_was_made_of_until_it_gives_it_back) {
  mutex lock;
  mutex other;
  logdb::platform::scoped_lock guard{lock};
  BOOST_TEST(guard.holds(lock));
  BOOST_TEST(!guard.holds(other));
  BOOST_TEST(lock.is_held());
  guard.unlock();
  BOOST_TEST(!guard.holds(lock));
  BOOST_TEST(logdb::test::last_words_of([&] { guard.unlock(); }) != "");
}

BOOST_AUTO_TEST_CASE(a_spin_ends) {
  int rounds = 0;
  for (logdb::platform::backoff spin; spin.next();) ++rounds;
  BOOST_TEST(rounds > 0);
  BOOST_TEST(rounds < 100);
}

}  // namespace
