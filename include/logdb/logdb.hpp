// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The whole library but event_log.hpp: include this.

#if defined(_MSVC_LANG) ? _MSVC_LANG < 202002L : __cplusplus < 202002L
#error "logdb needs C++20: compile with -std=c++20 or later"
#else  // so that nothing is said but that

#include <logdb/durability/none.hpp>
#include <logdb/index/none.hpp>
#include <logdb/journal/view/record_follower.hpp>
#include <logdb/locking/none.hpp>
#include <logdb/presets.hpp>
#include <logdb/storage/single_file.hpp>

namespace logdb {

/// The version of the library; the format on disk has its own.
inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;

}  // namespace logdb

#endif
