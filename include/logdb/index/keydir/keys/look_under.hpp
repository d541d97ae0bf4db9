// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Keys of which the last of several values has expired: what they still have.

#include <optional>
#include <utility>

#include <logdb/format/frames/key_value.hpp>
#include <logdb/index/keydir/places/value.hpp>
#include <logdb/journal/read/snapshot.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

template <class Policies>
class key_versions;

/// What a key has whose newest record is a value that may have expired.
struct value_under {
  lsn newest{};                      ///< its newest record; 0: there is none
  std::optional<key_value> value{};  ///< the last one that has not expired; nothing: all have
};

/// Looks through the values of a key for the last one that has not expired.
/// @errors  errc::corrupt, errc::io, errc::closed
/// @cost    follows the values that were added since
template <class Store>
[[nodiscard]] value_under look_under(Store& store, bytes_view key) {
  using policies = typename Store::policies;
  value_under under;
  store.with_newest(key, [&](const auto& found) { under.newest = store.source().lsn_of(found); });
  // After the look: it then has that record.
  const key_versions<policies> values{store, log_snapshot<policies>{store.view().scope()}};
  values.follow(under.newest, [&](const format::key_record& found, const record& where) {
    under.value = key_versions<policies>::value_of(found, where, store.view().clock());
    return !under.value && found.head.verb == format::key_verb::add;
  });
  return under;
}

/// Returns the value of a key; nothing: it has none.
template <class Store>
[[nodiscard]] std::optional<key_value> get_value(Store& store, bytes_view key) {
  std::optional<key_value> value;
  bool is_veiled = false;
  store.with_newest(key, [&](const auto& found) {
    if (store.is_value(found)) {
      value.emplace(store.value_of(found));
    } else {
      is_veiled = store.is_veil(found);
    }
  });
  if (is_veiled) [[unlikely]]
    return look_under(store, key).value;
  return value;
}

/// Tells whether a key has a value.
template <class Store>
[[nodiscard]] bool has_value(Store& store, bytes_view key) {
  bool has = false;
  bool is_veiled = false;
  store.with_newest(key, [&](const auto& found) {
    has = store.is_value(found);
    is_veiled = !has && store.is_veil(found);
  });
  return is_veiled ? look_under(store, key).value.has_value() : has;
}

/// Tells whether a record whose key was compared is a value, whatever byte of its head is damaged:
/// a tombstone has none, and without an expiry there is no time to be wrong.
[[nodiscard]] inline bool can_only_be_value(const format::key_record& found) {
  return found.head.verb != format::key_verb::erase && !found.head.expires && !found.value.empty();
}

/// Writes a record if `wants(newest, value)` says so, of the lsns of the key's newest record and of
/// the value that it has; `lsn{}`: there is none. Returns its lsn; nothing: it is not wanted.
template <class Store, class Wants>
std::optional<lsn> write_if_value(Store& store, format::key_verb verb, bytes_view key,
                                  bytes_view value, Wants&& wants) {
  value_under under;
  bool again = false;
  const auto decide = [&](const auto* newest) {
    again = false;
    if (newest == nullptr) return wants(lsn{}, lsn{});
    // Read through only where damage could turn what is decided.
    if (verb != format::key_verb::erase || !can_only_be_value(newest->record)) {
      store.source().check(*newest);
    }
    const lsn at = store.source().lsn_of(*newest);
    if (!store.is_veil(*newest)) return wants(at, store.is_value(*newest) ? at : lsn{});
    again = at != under.newest;  // with the lock held nothing else is looked at
    return !again && wants(at, under.value ? under.value->lsn() : lsn{});
  };
  for (;;) {
    const auto given = store.write_if(verb, key, value, std::nullopt, decide);
    if (!again) return given;
    under = look_under(store, key);
  }
}

}  // namespace logdb::detail
