// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `LOGDB_EXPECTS`: a precondition that is checked in tests and debug builds.

#include <cstdio>
#include <cstdlib>

/// Whether preconditions are checked: 1 or 0. As with assert(), they are unless NDEBUG is defined;
/// a build may choose by defining this itself.
#if !defined(LOGDB_CHECKS)
#if defined(NDEBUG)
#define LOGDB_CHECKS 0
#else
#define LOGDB_CHECKS 1
#endif
#endif

/// Aborts the program when a precondition does not hold, and says which one on the standard error.
/// In a constant expression, a precondition that does not hold is an error of the compiler's.
///
/// Unchecked, it is not evaluated and costs nothing. Checks change no type, so units with and
/// without them may be linked.
#if LOGDB_CHECKS
#define LOGDB_EXPECTS(...)        \
  (static_cast<bool>(__VA_ARGS__) \
       ? static_cast<void>(0)     \
       : ::logdb::platform::fail_expectation(#__VA_ARGS__, __FILE__, __LINE__))
#else
#define LOGDB_EXPECTS(...) static_cast<void>(sizeof(static_cast<bool>(__VA_ARGS__)))
#endif

namespace logdb::platform {

/// Says which precondition does not hold, and aborts.
[[noreturn]] inline void fail_expectation(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: logdb expects: %s\n", file, line, what);
  std::abort();
}

}  // namespace logdb::platform
