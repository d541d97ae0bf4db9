// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `shared_wal`, and nothing that it does not use.

#include <concepts>

#include <logdb/compiled.hpp>
#include <logdb/durability/fsync.hpp>
#include <logdb/index/sparse.hpp>
#include <logdb/locking/fcntl.hpp>
#include <logdb/log.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

static_assert(
    std::same_as<shared_wal, basic_log<Durability<Fsync>, Index<Sparse>, Locking<Fcntl>>>);

LOGDB_DECLARE_COMPILED(shared_wal)

}  // namespace logdb
