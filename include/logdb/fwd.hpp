// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Declares every public name that a program may want to mention without including its definition.

namespace logdb {

class lsn;
class record;
class error;
enum class errc;

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
template <class System>
class BasicDirectory;
template <class System>
class BasicMemory;
template <class System>
class BasicSingleFile;
struct Fsync;
struct Async;
struct Sparse;
struct Flock;
struct Fcntl;
struct None;  ///< the choice to do without, on the axes Durability, Index and Locking

// The log.
template <class Policies>
class log_engine;

}  // namespace logdb
