// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `shared_kv`, and nothing that it does not use.

#include <concepts>

#include <logdb/compiled.hpp>
#include <logdb/durability/async.hpp>
#include <logdb/index/keydir.hpp>
#include <logdb/locking/fcntl.hpp>
#include <logdb/log.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

static_assert(std::same_as<shared_kv, basic_log<Durability<Async>, Index<KeyDir>, Locking<Fcntl>>>);

LOGDB_DECLARE_COMPILED(shared_kv)

}  // namespace logdb
