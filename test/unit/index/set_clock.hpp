// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A key-value log whose time a test moves on.

#include <chrono>

#include "unit/index/key_logs.hpp"

namespace logdb::test {

/// Is the real system, ahead of it by as much as a test says.
struct ahead_system : platform::posix {
  inline static std::chrono::nanoseconds ahead{};

  static timestamp now() { return posix::now() + ahead; }
  static std::chrono::nanoseconds uptime() { return posix::uptime() + ahead; }
};

template <class Log>
using on_set_clock = typename Log::template with<Storage<BasicDirectory<ahead_system>>>;

using ordered_kv = kv_store::with<Index<BasicKeyDir<Ordered>>>;

}  // namespace logdb::test
