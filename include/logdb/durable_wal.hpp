// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `durable_wal`, and nothing that it does not use.

#include <concepts>

#include <logdb/compiled.hpp>
#include <logdb/durability/fsync.hpp>
#include <logdb/index/sparse.hpp>
#include <logdb/locking/flock.hpp>
#include <logdb/log.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

static_assert(
    std::same_as<durable_wal, basic_log<Durability<Fsync>, Index<Sparse>, Locking<Flock>>>);

LOGDB_DECLARE_COMPILED(durable_wal)

}  // namespace logdb
