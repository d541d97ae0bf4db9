// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `async_wal`, and nothing that it does not use.

#include <concepts>

#include <logdb/compiled.hpp>
#include <logdb/durability/async.hpp>
#include <logdb/index/sparse.hpp>
#include <logdb/locking/flock.hpp>
#include <logdb/log.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

static_assert(std::same_as<async_wal, basic_log<Durability<Async>, Index<Sparse>, Locking<Flock>>>);

LOGDB_DECLARE_COMPILED(async_wal)

}  // namespace logdb
