// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `kv_store`, and nothing that it does not use.

#include <concepts>

#include <logdb/compiled.hpp>
#include <logdb/durability/async.hpp>
#include <logdb/index/keydir.hpp>
#include <logdb/locking/flock.hpp>
#include <logdb/log.hpp>
#include <logdb/storage/directory.hpp>

namespace logdb {

static_assert(std::same_as<kv_store, basic_log<Durability<Async>, Index<KeyDir>, Locking<Flock>>>);

LOGDB_DECLARE_COMPILED(kv_store)

}  // namespace logdb
