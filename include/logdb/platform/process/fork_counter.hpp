// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How a process notices that it is the child of another one that had a log open, and gives up what
/// it inherited of that one's locks.

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <new>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include <logdb/platform/atomic.hpp>

namespace logdb::platform {

/// Forgets a thread of the parent, which a child of a fork does not have: who ended it would wait
/// for ever.
template <class Thread>
void forget_thread(Thread& gone) {
  if (gone.joinable()) (void)new Thread{std::move(gone)};
}

namespace detail {

using fork_word = platform::atomic<std::uint32_t>;

/// A descriptor that only this process may have: its locks would outlive it in a child.
struct unshared_descriptor {
  platform::atomic<int> file;           // -1: the node is free
  unshared_descriptor* next = nullptr;  // constant once it is listed
};

/// What is known of forks. Nodes are never given back: a fork may copy the list at any moment. What
/// changes it and `begun` are sequentially consistent: either the child has the node, or whoever
/// lists it sees that a fork has begun.
struct fork_state {
  fork_word own{1};                              // of `seen`, where the kernel wipes no page
  platform::atomic<fork_word*> seen{&own};       // 0 in a child that has not looked yet
  fork_word counted{1};                          // forks that this process descends from, and 1
  fork_word begun{0};                            // forks that this process has begun
  platform::atomic<unshared_descriptor*> first;  // of the list
};
inline constinit fork_state forking{};

/// Puts something that holds nothing in the place of a descriptor, whose number its owner still
/// closes. Safe in a child of a process with threads.
inline void replace_descriptor(int file) {
  ::close(file);  // first, so that there is a number to be had
  const int other = ::eventfd(0, EFD_CLOEXEC);
  if (other == -1 || other == file) return;
  ::dup3(other, file, O_CLOEXEC);
  ::close(other);
}

/// Notes that this is a child, once, and lets go of the parent's locks. Returns forks(). Apart from
/// it, so that each append asks for two loads and calls nothing.
[[gnu::noinline, gnu::cold]] inline std::uint32_t enter_child() {
  const std::uint32_t mine = forking.counted.load(std::memory_order_relaxed) + 1;
  forking.counted.store(mine, std::memory_order_relaxed);
  std::uint32_t unseen = 0;
  // One thread of the child does the rest. Release: pairs with forks().
  fork_word& seen = *forking.seen.load(std::memory_order_acquire);
  if (!seen.compare_exchange_strong(unseen, mine, std::memory_order_acq_rel)) return unseen;
  for (auto* each = forking.first.load(std::memory_order_acquire); each != nullptr;
       each = each->next) {
    const int file = each->file.exchange(-1, std::memory_order_seq_cst);
    if (file != -1) replace_descriptor(file);
  }
  return mine;
}

/// Returns how many forks this process descends from since count_forks(), and 1.
[[gnu::always_inline]] inline std::uint32_t forks() {
  // Acquire: pairs with the releases in count_forks() and enter_child().
  const std::uint32_t known =
      forking.seen.load(std::memory_order_acquire)->load(std::memory_order_acquire);
  if (known != 0) [[likely]]
    return known;
  return enter_child();
}

/// Returns memory that the kernel clears in a child, however that is made; null: it cannot.
inline fork_word* wiped_word() {
  const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const page =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (::madvise(page, bytes, MADV_WIPEONFORK) == 0) {
    return new (page) fork_word{forking.counted.load(std::memory_order_relaxed)};
  }
  ::munmap(page, bytes);
  return nullptr;
}

/// Begins to count. Again: does nothing.
inline void count_forks() {
  static const int registered = [] {
    fork_word* const word = wiped_word();
    if (word != nullptr) forking.seen.store(word, std::memory_order_release);
    // A child lets go at once, also if it never looks at a log. One that is made by clone() itself
    // does so when it looks.
    return ::pthread_atfork(
        [] { forking.begun.fetch_add(1, std::memory_order_seq_cst); }, nullptr,
        [] {
          forking.seen.load(std::memory_order_acquire)->store(0, std::memory_order_relaxed);
          (void)forks();
        });
  }();
  (void)registered;
}

/// Has children let go of a descriptor. One that was opened before a fork in between is a child's
/// as well: compare `begun` before the open and after this.
inline void unshare(int file) {
  count_forks();
  for (auto* each = forking.first.load(std::memory_order_acquire); each != nullptr;
       each = each->next) {
    int none = -1;
    if (each->file.compare_exchange_strong(none, file, std::memory_order_seq_cst)) return;
  }
  auto* const made = new unshared_descriptor{file, forking.first.load(std::memory_order_relaxed)};
  while (!forking.first.compare_exchange_weak(made->next, made, std::memory_order_seq_cst,
                                              std::memory_order_relaxed)) {
  }
}

/// Forgets it again, before it is closed.
inline void end_unsharing(int file) {
  for (auto* each = forking.first.load(std::memory_order_acquire); each != nullptr;
       each = each->next) {
    int found = file;
    if (each->file.compare_exchange_strong(found, -1, std::memory_order_seq_cst)) return;
  }
}

}  // namespace detail

/// The part of the system that is about forks, for platform::posix.
/// @threads  any
struct posix_forks {
  /// Returns a number that each fork changes in the child since count_forks() was called: a log
  /// that was opened at another one belongs to a parent. No process id says so: two namespaces may
  /// have the same.
  static std::uint32_t forks() { return detail::forks(); }
  static void count_forks() { detail::count_forks(); }

  /// Has the children of this process let go of an open file, so that its locks end with this
  /// process; not those whose fork had begun before: forks_begun() tells whether one did.
  static void unshare(int file) { detail::unshare(file); }
  /// Ends that, before the file is closed.
  static void end_unsharing(int file) { detail::end_unsharing(file); }
  /// Returns how many forks this process has begun since count_forks() was called.
  static std::uint32_t forks_begun() {
    return detail::forking.begun.load(std::memory_order_seq_cst);
  }

  /// Tells whether there is a process of that number, as this one sees them: for messages only.
  static bool is_running(std::uint32_t process) {
    return ::kill(static_cast<::pid_t>(process), 0) == 0 || errno == EPERM;
  }
};

/// Whether something was taken that must be given back, and by this process: a child of a fork
/// gives nothing back.
template <class System>
class claim {
 public:
  void take() {
    System::count_forks();
    forks_ = System::forks();
    taken_ = true;
  }
  void drop() { taken_ = false; }
  [[nodiscard]] bool is_taken() const { return taken_; }
  [[nodiscard]] bool is_own() const { return taken_ && forks_ == System::forks(); }

 private:
  std::uint32_t forks_ = 0;
  bool taken_ = false;
};

}  // namespace logdb::platform
