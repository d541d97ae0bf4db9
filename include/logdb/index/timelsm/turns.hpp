// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Lets the records of a time log reach its index in the order of their lsns.

#include <atomic>
#include <utility>

#include <boost/interprocess/sync/scoped_lock.hpp>

#include <logdb/error.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/types.hpp>

namespace logdb::timelsm {

/// Is the turn of a write that no log has given an lsn: at once.
struct no_turn {
  template <class Guard>
  void await(Guard&) const {}
  void pass() const {}
};

/// Lets each lsn change the index when all before it have.
///
/// Appends overlap, and share syncs, while the log accepts them; only here they go one by one. It
/// stands under the lock that the index has anyway, so a turn that is awaited by nobody costs no
/// instruction of its own.
///
/// @threads  any
template <class System>
class turns {
 public:
  using mutex = platform::basic_mutex<System>;
  using guard = boost::interprocess::scoped_lock<mutex>;

  /// @param lock  the index's, that is held whenever it is changed
  explicit turns(mutex& lock) : mutex_{lock} {}

  /// Says which lsn is the first, and how many bytes of records there are before it.
  void begin(lsn first, std::uint64_t bytes) {
    next_ = first;
    written_.store(bytes, std::memory_order_relaxed);
  }

  /// Is the turn of one write. Both members require the lock.
  class turn {
   public:
    turn(turns& of, lsn at, std::uint64_t bytes) : of_{of}, at_{at}, bytes_{bytes} {}

    /// @blocks  for those with lower lsns, which were accepted before; the lock is free meanwhile
    /// @errors  errc::failed when one of those will never come
    void await(guard& lock) const { of_.wait_for(lock, at_); }
    /// Ends it, and the write: the next may.
    void pass() const { of_.pass(bytes_); }

   private:
    turns& of_;
    lsn at_;
    std::uint64_t bytes_;
  };

  /// Passes over lsns [first, last], to which nothing belongs. @errors as turn::await()
  void skip(lsn first, lsn last) {
    guard lock{mutex_};
    wait_for(lock, first);
    next_ = last + 1;
    wake();
  }

  /// Says that an lsn was lost: nobody behind it can go on.
  void give_up() {
    guard lock{mutex_};
    given_up_ = true;
    wake();
  }

  /// Ends a write that has had no turn.
  void leave() {
    guard lock{mutex_};
    ++left_;
    wake();
  }

  /// Waits until so many writes have had their turn, or left.
  void wait_until_left(std::uint64_t writes) {
    guard lock{mutex_};
    while (left_ != writes) wait(lock);
  }

  /// Returns the last lsn that was applied, or skipped. Requires the lock.
  [[nodiscard]] lsn last() const { return next_ - 1; }
  /// Returns the bytes of all records whose turn has been; it only grows.
  [[nodiscard]] std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }

 private:
  void wait_for(guard& lock, lsn at) {
    while (next_ != at || given_up_) {
      if (given_up_) {
        throw error{errc::failed, "an earlier record of the time log failed", {.at = at}};
      }
      wait(lock);
    }
  }

  void wait(guard& lock) {
    ++waiting_;
    const auto ticket = passed_.ticket();
    lock.unlock();
    passed_.wait(ticket);
    lock.lock();
    --waiting_;
  }

  void pass(std::uint64_t bytes) {
    ++next_;
    ++left_;
    // Relaxed, and no read-modify-write: it is changed under the lock, and read as a figure.
    written_.store(written() + bytes, std::memory_order_relaxed);
    wake();
  }

  void wake() {
    if (waiting_ != 0) [[unlikely]]
      passed_.signal();
  }

  mutex& mutex_;
  platform::basic_event<System> passed_;
  lsn next_{1};                // guarded by mutex_, as are all below
  std::uint64_t left_ = 0;     // writes that have ended
  std::uint32_t waiting_ = 0;  // who waits for passed_
  bool given_up_ = false;
  std::atomic<std::uint64_t> written_ = 0;  // changed under mutex_
};

}  // namespace logdb::timelsm
