// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `event_log`, and nothing that it does not use.

#include <concepts>

#include <logdb/compiled.hpp>
#include <logdb/durability/async.hpp>
#include <logdb/index/events.hpp>
#include <logdb/locking/flock.hpp>
#include <logdb/log.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

static_assert(std::same_as<event_log, basic_log<Durability<Async>, Index<Events>, Locking<Flock>>>);

LOGDB_DECLARE_COMPILED(event_log)

}  // namespace logdb
