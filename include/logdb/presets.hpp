// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// All logs that have a name of their own; each is described in fwd.hpp, and has a header.

#include <logdb/async_wal.hpp>
#include <logdb/durable_wal.hpp>
#include <logdb/event_log.hpp>
#include <logdb/kv_store.hpp>
#include <logdb/memory_timelog.hpp>
#include <logdb/shared_kv.hpp>
#include <logdb/shared_wal.hpp>
#include <logdb/timelog.hpp>
