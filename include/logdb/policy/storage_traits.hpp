// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the engine asks of a storage and of its files beyond what each must have: the hooks, and
/// what holds without them.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/policy/policy_traits.hpp>
#include <logdb/policy/storage.hpp>

namespace logdb {

/// The hooks of a file, each with what holds where it has none.
///
/// @errors, @threads  as the file's own
template <class F>
struct file_traits {
  /// Takes a lock file's name away; nothing: it stays.
  static void discard(F& file) noexcept {
    constexpr bool has = requires { file.discard(); };
    static_assert(F::hooks.has("discard") == has,
                  "logdb: Storage<P>: P::file::hooks names discard exactly if it has discard()");
    if constexpr (has) file.discard();
  }

  /// Returns which file it is; the default: not known, which is what the second argument says.
  template <class Identity>
  static Identity identify(const F& file, Identity unknown) {
    constexpr bool has = requires { file.identify(); };
    static_assert(F::hooks.has("identify") == has,
                  "logdb: Storage<P>: P::file::hooks names identify exactly if it has "
                  "identify()");
    if constexpr (has) {
      return file.identify();
    } else {
      return unknown;
    }
  }

  /// Tells whether it has its name still; the default: for ever.
  static bool is_named(const F& file) {
    constexpr bool has = requires { file.is_named(); };
    static_assert(F::hooks.has("is_named") == has,
                  "logdb: Storage<P>: P::file::hooks names is_named exactly if it has "
                  "is_named()");
    if constexpr (has) {
      return file.is_named();
    } else {
      return true;
    }
  }

  /// Tells whether `file.map_private(offset, bytes)` maps a part to change what is seen of it, and
  /// not the file; the default: there is no such mapping.
  static consteval bool maps_private() {
    constexpr bool has = requires(const F& file, std::uint64_t n) { file.map_private(n, n); };
    static_assert(F::hooks.has("map_private") == has,
                  "logdb: Storage<P>: P::file::hooks names map_private exactly if it has "
                  "map_private(offset, bytes)");
    return has;
  }

  /// Maps all of it to read, with zeros where it cannot be read; the default: as map() does.
  static auto map_readable(const F& file) {
    constexpr bool has = requires { file.map_readable(std::uint64_t{}, std::uint64_t{}); };
    static_assert(F::hooks.has("map_readable") == has,
                  "logdb: Storage<P>: P::file::hooks names map_readable exactly if it has "
                  "map_readable(offset, bytes)");
    if constexpr (has) {
      return file.map_readable(0, file.size());
    } else {
      return file.map(0, file.size(), open_mode::read_only);
    }
  }

  /// Reads a stretch by calls before it is read through a mapping; the default: does not.
  static void probe(const F& file, std::uint64_t offset, std::uint64_t bytes) {
    constexpr bool has = requires { file.probe(offset, bytes); };
    static_assert(F::hooks.has("probe") == has,
                  "logdb: Storage<P>: P::file::hooks names probe exactly if it has "
                  "probe(offset, bytes)");
    if constexpr (has) file.probe(offset, bytes);
  }

  /// Tells whether `file.unshare()` has children of a fork let go of it; the default: they keep it.
  static consteval bool unshares() {
    constexpr bool has = requires(F & file) { file.unshare(); };
    static_assert(F::hooks.has("unshare") == has,
                  "logdb: Storage<P>: P::file::hooks names unshare exactly if it has unshare()");
    return has;
  }
};

/// The hooks of a storage, each with what holds where it has none.
///
/// @errors, @threads  as the storage's own
template <class S>
struct storage_traits : detail::policy_traits<S> {
  /// Whether several processes may write it at once; the default: one.
  static constexpr bool shared_writers = S::hooks.has("shared_writers");
  /// Whether files that are derived from the log may stand beside its own; the default: none may.
  static constexpr bool keeps_derived = S::hooks.has("keeps_derived");

  /// Tells it that the writer is done; the default: it need not know.
  static void close(S& volume, bool settled) noexcept {
    constexpr bool has = requires { volume.close(settled); };
    static_assert(S::hooks.has("close") == has,
                  "logdb: Storage<P>: P::hooks names close exactly if it has close(bool)");
    if constexpr (has) volume.close(settled);
  }

  /// Tells whether files stand beside one that can be renamed, and so `gone_with(name)`,
  /// `open_of(gone, name, mode)` and `take_over(gone, name)` find them; the default: none do.
  static consteval bool has_files_beside() {
    constexpr bool has = requires(S & volume, const std::string& gone, std::string_view file_name) {
      volume.gone_with(file_name);
      volume.open_of(gone, file_name, open_mode::read_only);
      volume.take_over(gone, file_name);
    };
    static_assert(S::hooks.has("gone_with") == has,
                  "logdb: Storage<P>: P::hooks names gone_with exactly if it has "
                  "gone_with(name), open_of(gone, name, mode) and take_over(gone, name)");
    return has;
  }

  /// Tells where a byte is, for messages; the default: in path() / name, there.
  static file_place locate(const S& volume, std::string_view file_name, std::uint64_t offset) {
    constexpr bool has = requires { volume.locate(file_name, offset); };
    static_assert(S::hooks.has("locate") == has,
                  "logdb: Storage<P>: P::hooks names locate exactly if it has "
                  "locate(name, offset)");
    if constexpr (has) {
      return volume.locate(file_name, offset);
    } else {
      return {volume.path() / file_name, offset};
    }
  }

  /// Opens a file to write that is no part of the log, also in a storage that was opened to read;
  /// the default: none.
  static std::optional<typename S::file> open_cache(const S& volume, std::string_view file_name) {
    constexpr bool has = requires { volume.open_cache(file_name); };
    static_assert(S::hooks.has("open_cache") == has,
                  "logdb: Storage<P>: P::hooks names open_cache exactly if it has "
                  "open_cache(name)");
    if constexpr (has) {
      return volume.open_cache(file_name);
    } else {
      return std::nullopt;
    }
  }

  /// Tells whether `volume.open_itself()` opens what its names stand for, to be locked as a file
  /// is; the default: the lock file alone keeps others out.
  static consteval bool opens_itself() {
    constexpr bool has = requires(S & volume) { volume.open_itself(); };
    static_assert(S::hooks.has("open_itself") == has,
                  "logdb: Storage<P>: P::hooks names open_itself exactly if it has "
                  "open_itself()");
    return has;
  }

  /// Returns a number that changes when what is mapped no longer shows what is written; the
  /// default: it never changes.
  static std::uint64_t replacements(const S& volume) {
    constexpr bool has = requires { volume.replacements(); };
    static_assert(S::hooks.has("replacements") == has,
                  "logdb: Storage<P>: P::hooks names replacements exactly if it has "
                  "replacements()");
    if constexpr (has) {
      return volume.replacements();
    } else {
      return 0;
    }
  }

  /// Says that several processes write it from here on; the default: it need not know.
  template <class Line>
  static void share(S& volume, Line& line, bool first) {
    constexpr bool has = requires { volume.share(line, first); };
    static_assert(S::hooks.has("share") == has,
                  "logdb: Storage<P>: P::hooks names share exactly if it has share(line, bool)");
    if constexpr (has) volume.share(line, first);
  }

  /// Returns how much of a file is there now; none: not known.
  static std::optional<std::uint64_t> size_of(const S& volume, std::string_view file_name) {
    constexpr bool has = requires { volume.size_of(file_name); };
    static_assert(S::hooks.has("size_of") == has,
                  "logdb: Storage<P>: P::hooks names size_of exactly if it has size_of(name)");
    if constexpr (has) {
      return volume.size_of(file_name);
    } else {
      return std::nullopt;
    }
  }
};

namespace detail {

/// Tells where a byte of one of a log's files is.
template <class Storage>
[[nodiscard]] file_place locate(const Storage& volume, std::string_view file_name,
                                std::uint64_t offset = 0) {
  return storage_traits<Storage>::locate(volume, file_name, offset);
}

}  // namespace detail

}  // namespace logdb
