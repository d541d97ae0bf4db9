// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Tells whether a test was built with ThreadSanitizer, which cannot follow everything.

namespace logdb::test {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool under_thread_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool under_thread_sanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool under_thread_sanitizer = false;
#endif

}  // namespace logdb::test
