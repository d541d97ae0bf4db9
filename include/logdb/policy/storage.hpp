// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `storage_policy`: the contract of the Storage axis, a flat set of named files. Table:
/// docs/policies/storage.md.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/types.hpp>

namespace logdb {

/// Says whether a log, a file or a mapping is also written.
enum class open_mode {
  read_write,  ///< created when it is missing
  read_only,   ///< needs no write permission anywhere
};

/// Where a byte is, for messages.
struct file_place {
  std::filesystem::path path;
  std::uint64_t offset = 0;
};

/// Is satisfied by readable (and perhaps writable) memory that lies over a part of a file.
///
/// | expression | returns | means |
/// |---|---|---|
/// | `M{}` | | empty |
/// | `m.bytes()` | `std::span<std::byte>` | valid while `m` lives, whatever else is gone |
template <class M>
concept storage_mapping = std::movable<M> && std::default_initializable<M> &&
    requires(const M mapping) {
  { mapping.bytes() } -> std::same_as<std::span<std::byte>>;
};

/// Is satisfied by an open file. Every failure throws `logdb::error` with the path and the errno.
///
/// | expression | returns | throws | means |
/// |---|---|---|---|
/// | `f.size()` | bytes | io | |
/// | `f.path()` | path | | for messages |
/// | `f.allocate(n)` | | no_space | takes real space; grows to n bytes, with zeros |
/// | `f.zero_fill(o, n)` | | no_space | writes zeros, in pieces |
/// | `f.resize(n)` | | io | sets the size; only what nobody has mapped |
/// | `f.write(o, a, b)` | | no_space, io | writes a and then b, wholly; allocates no memory |
/// | `f.read(o, out)` | | corrupt | fills out, or the file ends before |
/// | `f.sync()` | | io | what was written is on stable storage; once it threw, never again |
/// | `f.map(o, n, mode)` | mapping | corrupt | corrupt when the part does not lie inside the file |
/// | `f.map_readable(o, n)` | mapping | corrupt | optional: with zeros for what cannot be read |
/// | `f.probe(o, n)` | | io | optional: reads by calls what a mapping would only touch |
/// | `f.try_lock_exclusive()` | bool | io | false when another open file of that name has it |
/// | `f.unlock()` | | | gives the lock back; closing does it too |
template <class F>
concept storage_file = std::movable<F> &&
    requires(F file, const F& constant, std::uint64_t n, bytes_view in, std::span<std::byte> out,
             open_mode mode) {
  { constant.size() } -> std::same_as<std::uint64_t>;
  { constant.path() } -> std::convertible_to<std::filesystem::path>;
  { file.allocate(n) } -> std::same_as<void>;
  { file.zero_fill(n, n) } -> std::same_as<void>;
  { file.resize(n) } -> std::same_as<void>;
  { file.write(n, in) } -> std::same_as<void>;
  { file.write(n, in, in) } -> std::same_as<void>;
  { constant.read(n, out) } -> std::same_as<void>;
  { file.sync() } -> std::same_as<void>;
  { constant.map(n, n, mode) } -> storage_mapping;
  { file.try_lock_exclusive() } -> std::same_as<bool>;
  { file.unlock() } -> std::same_as<void>;
};

/// Is satisfied by a place for the files of one log.
///
/// | expression | returns | throws | means |
/// |---|---|---|---|
/// | `S::system` | type | | the seam: clock, random, futex, … (platform/posix.hpp) |
/// | `S::options` | type | | what can be set at run time; may be empty |
/// | `S::name` | string_view | | as in `Storage<Directory>` |
/// | `S::persistent` | bool | | whether the bytes outlive the object |
/// | `S::shared_writers` | bool | | optional: several processes may write it (Locking<Fcntl>) |
/// | `S{path, mode, options}` | | not_found, not_a_log, … | opens, or creates with read_write |
/// | `s.path()` | path | | as given |
/// | `s.names()` | vector of string | io | in no order |
/// | `s.exists(name)` | bool | io | |
/// | `s.create(name)` | file | io, no_space | the name must be free |
/// | `s.open(name, mode)` | file | not_found, not_a_log | not_a_log for what is no regular file |
/// | `s.rename(a, b)` | | io | atomic, replaces b |
/// | `s.remove(name)` | | io | a missing one is fine; open files and mappings stay readable |
/// | `s.sync()` | | io | the names are on stable storage |
/// | `s.open_itself()` | lock | io | optional: what its names stand for, locked as a file is |
/// | `s.locate(name, o)` | file_place | | optional: where that byte is, if not in path() / name |
/// | `s.size_of(name)` | optional of bytes | | optional: how much is there now; none: not known |
///
/// Const members and files may be used from any thread, the other members from one at a time.
template <class S>
concept storage_policy =
    // First, so that a type without them gets one error line and not two.
    requires {
  typename S::file;
  typename S::mapping;
  typename S::options;
}
&&storage_file<typename S::file>&& storage_mapping<typename S::mapping>&&
    std::default_initializable<typename S::options>&&
        std::constructible_from<S, const std::filesystem::path&, open_mode,
                                const typename S::options&>&& requires(S storage, const S& constant,
                                                                       std::string_view name,
                                                                       open_mode mode) {
  typename S::system;
  { S::name } -> std::convertible_to<std::string_view>;
  { S::persistent } -> std::convertible_to<bool>;
  { constant.path() } -> std::convertible_to<std::filesystem::path>;
  { constant.names() } -> std::same_as<std::vector<std::string>>;
  { constant.exists(name) } -> std::same_as<bool>;
  { storage.create(name) } -> std::same_as<typename S::file>;
  { constant.open(name, mode) } -> std::same_as<typename S::file>;
  { storage.rename(name, name) } -> std::same_as<void>;
  { storage.remove(name) } -> std::same_as<void>;
  { storage.sync() } -> std::same_as<void>;
};

namespace detail {

/// Is what zero_fill writes at a time: larger pieces gained nothing, smaller ones replay slower.
inline constexpr std::size_t zero_piece_bytes = std::size_t{1} << 20;

/// Throws unless the name is one of a flat set: a path would lead out of the store.
inline void require_flat_name(std::string_view name, const std::filesystem::path& where) {
  if (!name.empty() && name != "." && name != ".." && name.size() <= 255 &&
      name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos) {
    return;
  }
  throw error{errc::invalid_argument, "a file of a log needs a plain name", {.path = where}};
}

inline void require_writable(open_mode mode, const std::filesystem::path& where) {
  if (mode == open_mode::read_write) return;
  throw error{errc::read_only, "the storage was opened to read", {.path = where}};
}

/// Throws unless [offset, offset + bytes) lies inside a file of that size.
inline void require_inside(std::uint64_t offset, std::uint64_t bytes, std::uint64_t size,
                           const std::filesystem::path& where) {
  if (offset <= size && bytes <= size - offset) return;
  throw error{errc::corrupt,
              "the file ends before what should be in it",
              {.path = where, .offset = offset}};
}

/// Tells where a byte of one of a log's files is.
template <class Storage>
[[nodiscard]] file_place locate(const Storage& volume, std::string_view file_name,
                                std::uint64_t offset = 0) {
  if constexpr (requires { volume.locate(file_name, offset); }) {
    return volume.locate(file_name, offset);
  } else {
    return {volume.path() / file_name, offset};
  }
}

}  // namespace detail

}  // namespace logdb
