// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The logs that have a name of their own.

#include <logdb/index/keydir.hpp>
#include <logdb/index/timelsm.hpp>
#include <logdb/log.hpp>
#include <logdb/time_log.hpp>

namespace logdb {

/// A write-ahead log: an append that returned survives power loss.
using durable_wal = basic_log<Durability<Fsync>, Index<Sparse>, Locking<Flock>>;

/// The same at memory speed: what a power cut may cost is bounded and reported, what a crash of the
/// process may cost is nothing.
using async_wal = basic_log<Durability<Async>, Index<Sparse>, Locking<Flock>>;

/// A write-ahead log that many processes, each with many threads, write at once: one order, durable
/// when append() returns.
using shared_wal = basic_log<Durability<Fsync>, Index<Sparse>, Locking<Fcntl>>;

/// A key-value log: puts at memory speed, as durable as those of async_wal; docs/keyvalue.md.
using kv_store = basic_log<Durability<Async>, Index<KeyDir>, Locking<Flock>>;

/// The same for many processes, each with many threads, that write it at once: one order, and each
/// write decided on what all wrote before it.
using shared_kv = basic_log<Durability<Async>, Index<KeyDir>, Locking<Fcntl>>;

/// A multimap from times to values, durable: what a power cut may cost is bounded and reported.
template <class V>
using basic_timelog = basic_log<Durability<Async>, Index<BasicTimeLSM<V>>, Locking<Flock>>;

/// The same with bytes as values.
using timelog = basic_timelog<bytes_value>;

/// A multimap from times to values in memory: fast to append to, to scan, to delete ranges from.
template <class V>
using basic_memory_timelog =
    basic_log<Storage<Memory>, Durability<None>, Index<BasicTimeLSM<V>>, Locking<None>>;

/// The same with bytes as values.
using memory_timelog = basic_memory_timelog<bytes_value>;

}  // namespace logdb
