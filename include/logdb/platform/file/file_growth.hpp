// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The calls of the system that may make a file larger.

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

namespace logdb::platform {

/// One piece of a gathered write: the system's own type, so that nothing is copied.
using write_piece = struct ::iovec;

namespace detail {

/// Turns the convention of the system (-1 and errno) into the one of this folder (-errno).
template <class Result>
Result checked(Result result) {
  return result == -1 ? static_cast<Result>(-errno) : result;
}

/// Tells whether this process may not make a file so large. Asked before each call that could: the
/// kernel says EFBIG only after SIGXFSZ, which ends a program that does not ignore it.
inline bool is_beyond_limit(std::uint64_t bytes) {
  ::rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         bytes > limit.rlim_cur;
}

}  // namespace detail

/// The part of the system that makes files larger, for platform::posix. -EFBIG where the process
/// has a limit, and no signal.
/// @threads  any
struct posix_file_growth {
  /// Writes the pieces at an offset; returns the bytes written, which may be fewer.
  static std::int64_t write(int file, const write_piece* pieces, int count, std::uint64_t offset) {
    std::uint64_t end = offset;
    for (int i = 0; i < count; ++i) end += pieces[i].iov_len;
    if (detail::is_beyond_limit(end)) return -EFBIG;
    return detail::checked(::pwritev(file, pieces, count, static_cast<::off_t>(offset)));
  }

  /// Takes real space for the first `bytes` and makes that the size if it was less; -EOPNOTSUPP
  /// where the file system cannot (the emulation of the C library is not used: it writes one byte
  /// a block).
  static int allocate(int file, std::uint64_t bytes) { return allocate_range(file, 0, bytes); }
  /// The same for `bytes` from an offset on; what lies before stays as it is.
  static int allocate_range(int file, std::uint64_t offset, std::uint64_t bytes) {
    if (detail::is_beyond_limit(offset + bytes)) return -EFBIG;
    return detail::checked(
        ::fallocate(file, 0, static_cast<::off_t>(offset), static_cast<::off_t>(bytes)));
  }

  /// Sets the size; only for files that nobody has mapped.
  static int resize(int file, std::uint64_t bytes) {
    if (detail::is_beyond_limit(bytes)) return -EFBIG;
    return detail::checked(::ftruncate(file, static_cast<::off_t>(bytes)));
  }
};

}  // namespace logdb::platform
