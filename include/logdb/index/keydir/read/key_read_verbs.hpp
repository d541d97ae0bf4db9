// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The verbs by which a log of keys is read.

#include <chrono>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/index/keydir/read/key_range.hpp>
#include <logdb/index/keydir/read/ordered_range.hpp>
#include <logdb/index/keydir/read/versions.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// Gives a log of keys `get`, `contains` and walks through its keys.
///
/// @errors   of every verb: errc::closed
/// @threads  any
/// @blocks   for no writer; under Fsync for the sync of what it would show
template <class Log, bool is_ordered>
class key_read_verbs {
 public:
  /// Returns the value of a key, the last one if it has several; nothing: it has none.
  ///
  /// @errors   errc::corrupt, errc::io, errc::closed
  /// @cost     three to five cache misses; a value of up to 128 bytes is copied, a longer one
  ///           keeps its segment
  template <bytes_like Key>
  [[nodiscard]] std::optional<key_value> get(const Key& key) const {
    return store().get(to_bytes(key));
  }
  /// The same through a codec; nothing also when the bytes are no T.
  template <class T, bytes_like Key>
  [[nodiscard]] std::optional<T> get(const Key& key) const {
    const auto found = get(key);
    return found ? codec<T>::decode(found->bytes()) : std::nullopt;
  }
  /// Returns the value that a key had right after a record; behind the last: the one it has.
  /// @errors  as get(key)
  /// @cost    follows the versions that came since, a read each
  template <bytes_like Key>
  [[nodiscard]] std::optional<key_value> get(const Key& key, lsn as_of) const {
    const auto now = self().snapshot();
    if (as_of > now.last_lsn()) return get(key);
    const auto found = now.records(as_of).begin();
    const timestamp then = found == std::default_sentinel ? store().view().clock() : found->time();
    return versions().value_at(to_bytes(key), as_of, then);
  }
  /// Returns the value that a key had at a time: after the commit groups that began by then. At a
  /// time to come the groups so far count, and what will have expired is none.
  /// @errors  as get(key)
  /// @cost    a find_time(), and as get(key, lsn)
  template <bytes_like Key>
  [[nodiscard]] std::optional<key_value> get(const Key& key, timestamp as_of) const {
    const auto now = self().snapshot();
    const auto later = as_of == timestamp::max()
                           ? std::nullopt
                           : now.find_time(as_of + std::chrono::nanoseconds{1});
    return versions().value_at(to_bytes(key), later ? *later - 1 : now.last_lsn(), as_of);
  }

  /// Tells whether a key has a value. @errors as get(key) @cost as get(key), and no copy
  template <bytes_like Key>
  [[nodiscard]] bool contains(const Key& key) const {
    return store().contains(to_bytes(key));
  }

  /// Returns all values that a key was given with add(), since the last put() or erase() and with
  /// that put()'s, the oldest first.
  /// @errors  as get(key)
  /// @cost    a read for each, and for those that have expired
  template <bytes_like Key>
  [[nodiscard]] std::vector<key_value> values(const Key& key) const {
    return versions().values_at(to_bytes(key), store().view().clock());
  }

  /// Returns the versions of a key that the log still has, the newest first: compaction drops
  /// those that later ones have replaced.
  /// @errors  as get(key)
  /// @cost    a read for each
  template <bytes_like Key>
  [[nodiscard]] std::vector<key_version> history(const Key& key) const {
    return versions().history(to_bytes(key));
  }

  /// Returns how many keys have a value. One that has expired counts until it is swept.
  [[nodiscard]] std::uint64_t size() const { return store().size(); }
  /// Tells whether no key has a value, as size() counts.
  [[nodiscard]] bool empty() const { return size() == 0; }

  /// Returns the keys that have a value, in no order. A walk over them is what key_range says.
  [[nodiscard]] auto keys() const { return make_key_range<stored_bytes>(readable()); }
  /// Returns keys and values, in no order: `for (auto& [key, value] : log.entries())`.
  [[nodiscard]] auto entries() const { return make_key_range<key_entry>(readable()); }

  /// Returns the keys in [first, last) with their values, in order; empty when inverted.
  /// @cost  O(log keys) to begin, then about 0.2 µs a key; a walk reads 8 to 32 keys ahead
  template <bytes_like First, bytes_like Last>
  [[nodiscard]] auto range(const First& first, const Last& last) const requires is_ordered {
    return make_ordered_range(readable(), as_text(to_bytes(first)),
                              std::string{as_text(to_bytes(last))});
  }
  /// Returns the keys that begin so, in order. @cost as range()
  template <bytes_like Prefix>
  [[nodiscard]] auto prefix(const Prefix& wanted) const requires is_ordered {
    const std::string_view text = as_text(to_bytes(wanted));
    return make_ordered_range(readable(), text, prefix_end(std::string{text}));
  }
  /// Returns the keys from one on, in order. `lower_bound("")` are all. @cost as range()
  template <bytes_like First>
  [[nodiscard]] auto lower_bound(const First& first) const requires is_ordered {
    return make_ordered_range(readable(), as_text(to_bytes(first)), std::nullopt);
  }

 protected:
  [[nodiscard]] auto& index() const { return log_access::view(self()).index(); }
  [[nodiscard]] auto& store() const { return index().store(); }
  /// The same, unless the log was closed. @errors errc::closed
  [[nodiscard]] auto& readable() const {
    auto& keys = store();
    keys.view().require_readable();
    return keys;
  }

 private:
  [[nodiscard]] const Log& self() const { return static_cast<const Log&>(*this); }
  [[nodiscard]] auto versions() const {
    auto& keys = store();
    return key_versions{keys, log_snapshot<typename Log::policies>{keys.view().scope()}};
  }
};

}  // namespace logdb::detail
