// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The write verbs that a key-value log and its transactions share.

#include <chrono>
#include <optional>
#include <type_traits>

#include <logdb/format/frames/key_value.hpp>
#include <logdb/index/keydir/places/value.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

template <class Target>
class key_write_verbs;

/// The key to `write()` of a key-value log and of its transactions, which only their verbs have.
class key_write_key {
  template <class Target>
  friend class key_write_verbs;
  explicit key_write_key() = default;
};

/// Gives `put` and `add` to whatever has `write(key_write_key, verb, key, value, ttl)`. Errors,
/// threads, waiting and cost of all are those of the first.
template <class Target>
class key_write_verbs {
 public:
  /// Gives a key a value, in place of any that it had, and returns the lsn of the record; within a
  /// transaction, its number there, from 1.
  ///
  /// @param key    0 .. 65535 bytes
  /// @param value  bytes, or a type with a codec; copied
  /// @errors       errc::invalid_argument (the key), errc::record_too_large, errc::no_space,
  ///               errc::failed, errc::closed, errc::read_only; nothing changed. Of a transaction
  ///               errc::invalid_argument also when it is over or one within it is open
  /// @durability   as the durability policy promises: docs/policies/durability.md
  /// @threads      any; of a transaction, one at a time
  /// @blocks       for writers of a key of the same shard, and as an append does; in a transaction
  ///               for nothing
  /// @cost         O(bytes); amortised no system call
  template <bytes_like Key, class Value>
  lsn put(const Key& key, const Value& value) {
    return write(format::key_verb::put, key, value, std::nullopt);
  }
  /// The same; the key loses the value when so much log time has passed: docs/keyvalue.md.
  template <bytes_like Key, class Value>
  lsn put(const Key& key, const Value& value, std::chrono::nanoseconds ttl) {
    return write(format::key_verb::put, key, value, ttl);
  }

  /// Gives a key one more value: `values(key)` has all, `get(key)` the last.
  template <bytes_like Key, class Value>
  lsn add(const Key& key, const Value& value) {
    return write(format::key_verb::add, key, value, std::nullopt);
  }
  /// The same, for so much log time.
  template <bytes_like Key, class Value>
  lsn add(const Key& key, const Value& value, std::chrono::nanoseconds ttl) {
    return write(format::key_verb::add, key, value, ttl);
  }

 private:
  template <class Key, class Value>
  lsn write(format::key_verb verb, const Key& key, const Value& value,
            std::optional<std::chrono::nanoseconds> ttl) {
    auto& self = static_cast<Target&>(*this);
    if constexpr (bytes_like<Value>) {
      return self.write(key_write_key{}, verb, to_bytes(key), to_bytes(value), ttl);
    } else {
      const auto encoded = codec<Value>::encode(value);
      return self.write(key_write_key{}, verb, to_bytes(key), to_bytes(encoded), ttl);
    }
  }
};

}  // namespace logdb::detail
