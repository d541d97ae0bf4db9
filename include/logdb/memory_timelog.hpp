// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `memory_timelog` and `basic_memory_timelog<V>`, and nothing that they do not use.

#include <concepts>

#include <logdb/compiled.hpp>
#include <logdb/durability/none.hpp>
#include <logdb/index/timelsm.hpp>
#include <logdb/locking/none.hpp>
#include <logdb/log.hpp>
#include <logdb/storage/memory.hpp>

namespace logdb {

static_assert(
    std::same_as<memory_timelog,
                 basic_log<Storage<Memory>, Durability<None>, Index<TimeLSM>, Locking<None>>>);

LOGDB_DECLARE_COMPILED_MEMORY(memory_timelog)

}  // namespace logdb
