// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `storage_policy`: the contract of the Storage axis, a flat set of named files. Table:
/// docs/policies/storage.md.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/policy/policy_traits.hpp>
#include <logdb/types.hpp>

namespace logdb {

namespace platform {

enum class range_lock;

}  // namespace platform

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

/// Satisfied by readable (and perhaps writable) memory that lies over a part of a file.
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

namespace detail {

struct file_hook_names {
  static constexpr std::array names{"discard",      "identify", "is_named", "map_private",
                                    "map_readable", "probe",    "unshare"};
};
struct storage_hook_names {
  static constexpr std::array names{
      "compatible_with", "fault",       "shared_writers", "close",        "gone_with", "locate",
      "open_cache",      "open_itself", "keeps_derived",  "replacements", "share",     "size_of"};
};

}  // namespace detail

/// Names the optional members that a file has: `static constexpr file_hooks hooks{"probe"};`.
///
/// `discard`         `f.discard()`, noexcept: takes a lock file's name away; default: it stays
/// `identify`        `f.identify()`: a file_identity, with how many names it has; default: one name
/// `is_named`        `f.is_named()`: bool, whether it has its name still; default: it has
/// `map_private`     `f.map_private(o, n)`: a mapping that changes nothing in the file; default:
///                   none
/// `map_readable`    `f.map_readable(o, n)`: a mapping with zeros for what cannot be read; default:
///                   map()
/// `probe`           `f.probe(o, n)`: reads by calls what a mapping would only touch; throws io;
///                   default: nothing
/// `unshare`         `f.unshare()`: children of a fork let go of it, and of its locks; default:
///                   they keep it
using file_hooks = detail::hook_set<detail::file_hook_names>;

/// Names the optional members that a storage has: `static constexpr storage_hooks hooks{"close"};`.
///
/// `compatible_with`, `fault`
///                   as for every axis: detail::policy_traits; default: fits all; no fault
/// `shared_writers`  several processes may write it at once, with Locking<Fcntl>: its files have
///                   try_lock_shared, unlock_shared, lock_range, try_lock_range, is_on_network;
///                   default: one
/// `close`           `s.close(settled)`, noexcept: the writer's last call; default: it need not
///                   know
/// `gone_with`       `s.gone_with(name)`, `s.open_of(gone, name, mode)`, `s.take_over(gone, name)`:
///                   what stands beside files that are gone, one of which it may have been;
///                   default: nothing
/// `keeps_derived`   files that are no part of the log may come and go beside its own, from any
///                   thread: what they say is derived from the log; default: it has none
/// `locate`          `s.locate(name, o)`: the file_place of a byte; default: path() / name, o
/// `open_cache`      `s.open_cache(name)`: a file that is no part of the log, to write also in a
///                   storage that was opened to read; default: none: readers wake each millisecond
/// `open_itself`     `s.open_itself()`: what its names stand for, to be locked as a file is;
///                   default: the lock file alone keeps others out
/// `replacements`    `s.replacements()`: changes when mappings no longer show what is written;
///                   default: 0
/// `share`           `s.share(line, first)`: several processes write it from here on; default: it
///                   need not know
/// `size_of`         `s.size_of(name)`: an optional of how many bytes are there now; default: not
///                   known
using storage_hooks = detail::hook_set<detail::storage_hook_names>;

namespace detail {

/// Satisfied by what has the members of a file, but for hooks.
template <class F>
concept file_form = std::movable<F> &&
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

/// Satisfied by files whose parts several processes can lock.
template <class F>
concept range_locked_file = requires(F file, const F& constant, platform::range_lock kind,
                                     std::uint64_t n) {
  { file.try_lock_shared() } -> std::same_as<bool>;
  { file.unlock_shared() } -> std::same_as<void>;
  { file.lock_range(kind, n, n) } -> std::same_as<void>;
  { file.try_lock_range(kind, n, n) } -> std::same_as<bool>;
  { constant.is_on_network() } -> std::same_as<bool>;
};

}  // namespace detail

/// Satisfied by an open file. Every failure throws `logdb::error` with the path and the errno.
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
/// | `f.try_lock_exclusive()` | bool | io | false when another open file of that name has it |
/// | `f.unlock()` | | | gives the lock back; closing does it too |
/// | `F::hooks` | file_hooks | | which optional members it has |
template <class F>
concept storage_file = detail::file_form<F> && detail::names_hooks<F, file_hooks>;

namespace detail {

/// Satisfied by what has the members of a storage, but for hooks.
template <class S>
concept storage_form =
    // First, so that a type without them gets one error line and not two.
    requires {
  typename S::file;
  typename S::mapping;
  typename S::options;
}
&&file_form<typename S::file>&& storage_mapping<typename S::mapping>&&
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

template <class S>
concept has_storage_hooks = has_hooks<typename S::file, file_hooks> && has_hooks<S, storage_hooks>;
template <class S>
concept names_storage_hooks =
    names_hooks<typename S::file, file_hooks> && names_hooks<S, storage_hooks>;

/// Satisfied by a storage that says in `hooks` alone whether it can be shared, and can then.
template <class S>
concept has_named_in_storage = !requires {
  S::shared_writers;
}
&&(!S::hooks.has("shared_writers") || range_locked_file<typename S::file>);

/// Asserts in words that a type is a storage policy.
template <class S>
consteval void explain_storage() {
  static_assert(storage_form<S>,
                "logdb: Storage<P>: P is not a storage_policy; see logdb/policy/storage.hpp");
  if constexpr (storage_form<S>) {
    static_assert(has_storage_hooks<S>,
                  "logdb: Storage<P>: P needs `static constexpr logdb::storage_hooks hooks{...}`, "
                  "and P::file the same of logdb::file_hooks, to name the optional members");
    static_assert(!has_storage_hooks<S> || names_storage_hooks<S>,
                  "logdb: Storage<P>: P::hooks or P::file::hooks names what is no hook; see "
                  "storage_hooks and file_hooks in logdb/policy/storage.hpp");
    if constexpr (names_storage_hooks<S>) {
      static_assert(has_named_in_storage<S>,
                    "logdb: Storage<P>: shared_writers is named in P::hooks and no plain member; "
                    "it needs files with try_lock_shared, unlock_shared, lock_range, "
                    "try_lock_range and is_on_network");
    }
  }
}

}  // namespace detail

/// Satisfied by a place for the files of one log.
///
/// | expression | returns | throws | means |
/// |---|---|---|---|
/// | `S::system` | type | | the seam: clock, random, futex, … (platform/posix.hpp) |
/// | `S::options` | type | | what can be set at run time; may be empty |
/// | `S::name` | string_view | | as in `Storage<Directory>` |
/// | `S::persistent` | bool | | whether the bytes outlive the object |
/// | `S{path, mode, options}` | | not_found, not_a_log, … | opens, or creates with read_write |
/// | `s.path()` | path | | as given |
/// | `s.names()` | vector of string | io | in no order |
/// | `s.exists(name)` | bool | io | |
/// | `s.create(name)` | file | io, no_space | the name must be free |
/// | `s.open(name, mode)` | file | not_found, not_a_log | not_a_log for what is no regular file |
/// | `s.rename(a, b)` | | io | atomic, replaces b |
/// | `s.remove(name)` | | io | a missing one is fine; open files and mappings stay readable |
/// | `s.sync()` | | io | the names are on stable storage |
/// | `S::hooks` | storage_hooks | | which optional members it has |
///
/// Const members and files may be used from any thread, the other members from one at a time.
template <class S>
concept storage_policy =
    detail::storage_form<S> && detail::names_storage_hooks<S> && detail::has_named_in_storage<S>;

namespace detail {

/// What zero_fill writes at a time: larger pieces gained nothing, smaller ones replay slower.
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

}  // namespace detail

}  // namespace logdb
