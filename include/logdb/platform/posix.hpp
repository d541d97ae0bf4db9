// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `posix`: the only place with system calls. All above is a template over a struct of its shape.

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <memory>
#include <optional>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <logdb/platform/file/file_growth.hpp>
#include <logdb/platform/file/file_status.hpp>
#include <logdb/platform/file/mapped_memory.hpp>
#include <logdb/platform/file/network_file_system.hpp>
#include <logdb/platform/process/boot_identity.hpp>
#include <logdb/platform/process/fork_counter.hpp>
#include <logdb/platform/process/quiet_thread.hpp>
#include <logdb/platform/robust_mutex.hpp>
#include <logdb/types.hpp>

namespace logdb::platform {

/// Says how a file is opened.
enum class file_access {
  read_only,
  read_write,
  create_new,  ///< read and write; fails with -EEXIST when the name is taken
};

/// Says how some bytes of a file are locked.
enum class range_lock { none, shared, exclusive };

namespace detail {

static_assert(sizeof(::off_t) == 8, "logdb: compile with -D_FILE_OFFSET_BITS=64");
static_assert(sizeof(std::size_t) == 8,
              "logdb: segments are mapped whole, a 64-bit system is needed");

/// Moves a descriptor away from the numbers 0 to 2, which a program that has closed them still
/// writes to; returns -errno of an open that failed.
inline int above_standard(int file) {
  if (file < 0 || file > 2) return checked(file);
  const int moved = checked(::fcntl(file, F_DUPFD_CLOEXEC, 3));
  ::close(file);
  return moved;
}

inline ::timespec to_timespec(std::chrono::nanoseconds time) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {.tv_sec = whole.count(), .tv_nsec = (time - whole).count()};
}

inline std::chrono::nanoseconds read_clock(::clockid_t clock) {
  ::timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

}  // namespace detail

/// The system, as POSIX and Linux offer it.
///
/// The functions are thin: no exceptions, no retries, no state. What fails returns the negative
/// errno. A test derives from this and shadows what it wants to fail; `storage/` retries EINTR and
/// short transfers.
///
/// @threads  any
struct posix : posix_status, posix_file_growth, posix_memory, posix_forks {
  using handle = int;  ///< an open file or directory; -1 is none
  using robust_mutex = posix_robust_mutex;

  static constexpr handle no_handle = -1;

  // --- names -----------------------------------------------------------------------------------

  /// Creates a directory that only its owner may enter (0700).
  static int make_directory(const char* path) { return detail::checked(::mkdir(path, 0700)); }

  static handle open_directory(const char* path) {
    return detail::above_standard(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  /// Opens a file of a directory, 0600 if created; follows no symbolic link, waits for no fifo.
  static handle open_file(handle directory, const char* name, file_access access) {
    constexpr int always = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    return detail::above_standard(::openat(directory, name, always | flags_of(access), 0600));
  }

  /// Closes; the handle is gone whatever is returned, also after -EINTR.
  static int close(handle file) { return detail::checked(::close(file)); }

  /// Adds the names in a directory, without `.` and `..`, in no order.
  static int list(handle directory, std::vector<std::string>& names) {
    // A handle of its own: the position of a directory stream is shared between duplicates.
    const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own == -1) return -errno;
    const std::unique_ptr<::DIR, stream_closer> stream{::fdopendir(own)};
    if (!stream) {
      const int failure = -errno;
      ::close(own);
      return failure;
    }
    return read_names(stream.get(), names);
  }

  /// Returns 1 when the directory has that name, for whatever it is, 0 when not.
  static int exists(handle directory, const char* name) {
    struct ::stat found {};
    const int result = detail::checked(::fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW));
    return result == 0 ? 1 : result == -ENOENT ? 0 : result;
  }

  static int rename(handle directory, const char* from, const char* to) {
    return detail::checked(::renameat(directory, from, directory, to));
  }

  static int unlink(handle directory, const char* name) {
    return detail::checked(::unlinkat(directory, name, 0));
  }

  /// Returns 1 when the directory has this very file under that name, 0 when another or none.
  static int is_named(handle file, handle directory, const char* name) {
    struct ::stat own {};
    struct ::stat found {};
    if (::fstat(file, &own) == -1) return -errno;
    const int result = detail::checked(::fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW));
    if (result != 0) return result == -ENOENT ? 0 : result;
    return own.st_dev == found.st_dev && own.st_ino == found.st_ino ? 1 : 0;
  }

  // --- bytes -----------------------------------------------------------------------------------

  /// Returns the size in bytes; -EINVAL for what is no regular file.
  static std::int64_t size(handle file) {
    struct ::stat found {};
    if (::fstat(file, &found) == -1) return -errno;
    return S_ISREG(found.st_mode) ? found.st_size : -EINVAL;
  }

  /// Reads at an offset; returns the bytes read, which may be fewer, 0 at the end.
  static std::int64_t read(handle file, void* out, std::size_t bytes, std::uint64_t offset) {
    return detail::checked(::pread(file, out, bytes, static_cast<::off_t>(offset)));
  }

  /// Asks that a range be on its way to the disk before somebody syncs; promises nothing, and what
  /// fails is told by sync().
  static void begin_sync(handle file, std::uint64_t offset, std::uint64_t bytes) {
    ::sync_file_range(file, static_cast<::off64_t>(offset), static_cast<::off64_t>(bytes),
                      SYNC_FILE_RANGE_WRITE);
  }

  /// Makes what was written, and the size, durable.
  static int sync(handle file) { return detail::checked(::fdatasync(file)); }

  /// Makes the names in a directory durable.
  static int sync_directory(handle directory) { return detail::checked(::fsync(directory)); }

  // --- locks -----------------------------------------------------------------------------------

  /// Takes the exclusive `flock` of an open file or returns -EWOULDBLOCK; a second handle on the
  /// same file, in this process or another, counts as somebody else.
  static int lock_exclusive(handle file) {
    return detail::checked(::flock(file, LOCK_EX | LOCK_NB));
  }

  /// Takes the shared `flock` or returns -EWOULDBLOCK: nobody can then take the exclusive one.
  static int lock_shared(handle file) { return detail::checked(::flock(file, LOCK_SH | LOCK_NB)); }

  /// Gives the `flock` back, also when a child of a fork still has the handle.
  static int unlock(handle file) { return detail::checked(::flock(file, LOCK_UN)); }

  /// Locks some bytes of a file for this open file description; -EAGAIN when another one has them
  /// and `waits` is false. None gives them back, and so does the end of all its descriptors.
  /// @source  open-file-description locks: unlike those of a process they are not lost when some
  ///          other descriptor of the file is closed, and they exclude threads
  static int lock_range(handle file, range_lock kind, std::uint64_t offset, std::uint64_t bytes,
                        bool waits) {
    struct ::flock range {};
    range.l_type = static_cast<short>(kind == range_lock::none     ? F_UNLCK
                                      : kind == range_lock::shared ? F_RDLCK
                                                                   : F_WRLCK);
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<::off_t>(offset);
    range.l_len = static_cast<::off_t>(bytes);
    const int result = detail::checked(::fcntl(file, waits ? F_OFD_SETLKW : F_OFD_SETLK, &range));
    return result == -EACCES ? -EAGAIN : result;
  }

  /// Tells whether a file lies on a file system that other machines can write: 1, 0, or -errno.
  static int is_on_network(handle file) {
    struct ::statfs found {};
    if (::fstatfs(file, &found) == -1) return -errno;
    return detail::is_network_file_system(found.f_type) ? 1 : 0;
  }

  // --- threads ---------------------------------------------------------------------------------

  /// Sleeps while `word` holds `expected`: 0 when woken, -EAGAIN when it held something else,
  /// -EINTR, -ETIMEDOUT. May return 0 with no wake. Between threads of one process only.
  static int futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                        std::optional<std::chrono::nanoseconds> timeout = {}) {
    return futex(word, FUTEX_WAIT_PRIVATE, expected, timeout);
  }

  /// Does the same for a word in memory that processes share.
  static int futex_wait_shared(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                               std::optional<std::chrono::nanoseconds> timeout = {}) {
    return futex(word, FUTEX_WAIT, expected, timeout);
  }
  static int futex_wake_shared(const std::atomic<std::uint32_t>& word, int waiters) {
    return futex(word, FUTEX_WAKE, waiters);
  }

  /// Wakes at most `waiters` sleepers and returns how many there were.
  static int futex_wake(const std::atomic<std::uint32_t>& word, int waiters) {
    return futex(word, FUTEX_WAKE_PRIVATE, waiters);
  }

  /// A thread of the log's own, as std::thread: made from a callable, joinable(), join(). It
  /// runs no signal handler.
  using thread = quiet_thread;

  /// Lets another thread run that is ready to.
  static void yield() { ::sched_yield(); }

  // --- the machine -----------------------------------------------------------------------------

  /// Returns the wall clock, which may jump.
  static timestamp now() { return timestamp{detail::read_clock(CLOCK_REALTIME)}; }

  /// Returns a clock that only grows, from some moment before the process began.
  static std::chrono::nanoseconds uptime() { return detail::read_clock(CLOCK_MONOTONIC); }

  /// Fills memory with random bytes; cannot be interrupted up to 256 of them.
  static int random(void* out, std::size_t bytes) {
    for (auto* next = static_cast<std::byte*>(out); bytes != 0;) {
      const ::ssize_t got = ::getrandom(next, bytes, 0);
      if (got == -1) return -errno;
      next += got;
      bytes -= static_cast<std::size_t>(got);
    }
    return 0;
  }

  /// Says which boot of the machine this is: memory of another one is gone.
  static int boot_id(boot_identity& out) { return detail::read_boot_identity(out); }

  static std::uint32_t process_id() { return static_cast<std::uint32_t>(::getpid()); }

 private:
  struct stream_closer {
    void operator()(::DIR* stream) const { ::closedir(stream); }
  };

  static int futex(const std::atomic<std::uint32_t>& word, int operation, std::int64_t value,
                   std::optional<std::chrono::nanoseconds> timeout = {}) {
    const ::timespec limit = detail::to_timespec(timeout.value_or(std::chrono::nanoseconds{0}));
    const auto* until = timeout ? &limit : nullptr;
    return detail::checked(
        static_cast<int>(::syscall(SYS_futex, &word, operation, value, until, nullptr, 0)));
  }

  static constexpr int flags_of(file_access access) {
    switch (access) {
      case file_access::read_only: return O_RDONLY;
      case file_access::read_write: return O_RDWR;
      case file_access::create_new: return O_RDWR | O_CREAT | O_EXCL;
    }
    return O_RDONLY;
  }

  static int read_names(::DIR* stream, std::vector<std::string>& names) {
    for (;;) {
      errno = 0;  // readdir tells its end from a failure by errno only
      const ::dirent* entry = ::readdir(stream);
      if (entry == nullptr) return -errno;
      const std::string_view name{entry->d_name};
      if (name != "." && name != "..") names.emplace_back(name);
    }
  }
};

}  // namespace logdb::platform
