// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Declares every public name that a program may want to mention without including its definition,
/// the presets among them. Each preset has a header of its name that defines it.

namespace logdb {

class lsn;
class record;
class error;
enum class errc;

namespace platform {
struct posix;
}  // namespace platform

// The axes: the wrapper names the axis, its argument the choice.
template <class Policy>
struct Storage;
template <class Policy>
struct Durability;
template <class Policy>
struct Index;
template <class Policy>
struct Locking;

// The choices.
template <class System = platform::posix>
class BasicDirectory;
template <class System = platform::posix>
class BasicMemory;
template <class System = platform::posix>
class BasicSingleFile;
using Directory = BasicDirectory<>;
using Memory = BasicMemory<>;
using SingleFile = BasicSingleFile<>;
struct Fsync;
struct Async;
struct Sparse;
struct Events;
struct Unordered;
struct Ordered;
template <class Order = Unordered>
struct BasicKeyDir;
using KeyDir = BasicKeyDir<>;
class bytes_value;
template <class Value>
struct BasicTimeLSM;
using TimeLSM = BasicTimeLSM<bytes_value>;
struct Flock;
struct Fcntl;
struct None;  ///< the choice to do without, on the axes Durability, Index and Locking

namespace detail {

struct no_durability;
struct no_index;
struct no_locking;

/// The canonical list: one policy an axis, always in this order.
template <class S, class D, class I, class L>
struct policy_set {
  using storage = S;
  using durability = D;
  using index = I;
  using locking = L;
};

}  // namespace detail

// The log.
template <class Policies>
class log_engine;

/// A write-ahead log: an append that returned survives power loss.
using durable_wal = log_engine<detail::policy_set<Directory, Fsync, Sparse, Flock>>;

/// The same at memory speed: what a power cut may cost is bounded and reported, what a crash of the
/// process may cost is nothing.
using async_wal = log_engine<detail::policy_set<Directory, Async, Sparse, Flock>>;

/// A write-ahead log that many processes, each with many threads, write at once: one order, durable
/// when append() returns.
using shared_wal = log_engine<detail::policy_set<Directory, Fsync, Sparse, Fcntl>>;

/// A log of JSON events: an async_wal that checks them, and can be opened as one.
using event_log = log_engine<detail::policy_set<Directory, Async, Events, Flock>>;

/// A key-value log: puts at memory speed, as durable as those of async_wal; docs/keyvalue.md.
using kv_store = log_engine<detail::policy_set<Directory, Async, KeyDir, Flock>>;

/// The same for many processes, each with many threads, that write it at once: one order, and each
/// write decided on what all wrote before it.
using shared_kv = log_engine<detail::policy_set<Directory, Async, KeyDir, Fcntl>>;

/// A multimap from times to values, durable: what a power cut may cost is bounded and reported.
template <class V>
using basic_timelog = log_engine<detail::policy_set<Directory, Async, BasicTimeLSM<V>, Flock>>;

/// The same with bytes as values.
using timelog = basic_timelog<bytes_value>;

/// A multimap from times to values in memory: fast to append to, to scan, to delete ranges from.
template <class V>
using basic_memory_timelog = log_engine<
    detail::policy_set<Memory, detail::no_durability, BasicTimeLSM<V>, detail::no_locking>>;

/// The same with bytes as values.
using memory_timelog = basic_memory_timelog<bytes_value>;

}  // namespace logdb
