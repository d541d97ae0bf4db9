// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `timelog` and `basic_timelog<V>`, and nothing that they do not use.

#include <concepts>

#include <logdb/compiled.hpp>
#include <logdb/durability/async.hpp>
#include <logdb/index/timelsm.hpp>
#include <logdb/locking/flock.hpp>
#include <logdb/log.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

static_assert(std::same_as<timelog, basic_log<Durability<Async>, Index<TimeLSM>, Locking<Flock>>>);

LOGDB_DECLARE_COMPILED(timelog)

}  // namespace logdb
