// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// All logs that have a name of their own but event_log; each is described in fwd.hpp, and has a
/// header. That of event_log has the language of queries, which takes the compiler nearly as long
/// as all the others together, so that only those include it who use it.

#include <logdb/async_wal.hpp>
#include <logdb/durable_wal.hpp>
#include <logdb/kv_store.hpp>
#include <logdb/memory_timelog.hpp>
#include <logdb/shared_kv.hpp>
#include <logdb/shared_wal.hpp>
#include <logdb/timelog.hpp>
