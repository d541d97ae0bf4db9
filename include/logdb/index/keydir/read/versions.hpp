// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The versions of a key, from the newest on: each record links to the one before.

#include <algorithm>
#include <optional>
#include <vector>

#include <logdb/index/keydir/keys/key_store.hpp>
#include <logdb/journal/read/snapshot.hpp>

namespace logdb::detail {

/// Walks through the versions of keys as far as the log still has them.
/// @threads  one at a time
template <class Policies>
class key_versions {
 public:
  /// @param seen  what may be seen; every version in it is found by its lsn
  key_versions(key_store<Policies>& store, log_snapshot<Policies> seen)
      : key_versions{store, seen, seen} {}
  /// @param older  where those up to its last are looked for
  key_versions(key_store<Policies>& store, log_snapshot<Policies> seen,
               log_snapshot<Policies> older)
      : store_{store}, seen_{std::move(seen)}, older_{std::move(older)} {}

  /// Calls `visit(record, where)` for each version, the newest first, until it returns false.
  /// @cost  O(versions) × O(log segments + stride)
  template <class Visit>
  void for_each(bytes_view key, Visit&& visit) const {
    lsn at{};
    store_.with_newest(key, [&](const auto& newest) { at = store_.source().lsn_of(newest); });
    if (at <= seen_.last_lsn()) return follow(at, std::forward<Visit>(visit));
    // It was written since.
    const log_snapshot<Policies> now{store_.view().scope()};
    key_versions{store_, now, older_}.follow(at, std::forward<Visit>(visit));
  }

  /// The same from one version on.
  template <class Visit>
  void follow(lsn at, Visit&& visit) const {
    while (at) {
      const auto where = read(at);
      if (!where) return;  // compaction has dropped it, and so those before it
      const auto found = format::decode_key_record(where->bytes());
      if (!found || !visit(*found, *where)) return;
      const lsn older = before(*found, at);
      if (older >= at) throw error{errc::corrupt, "a version follows a later one", {.at = at}};
      at = older;
    }
  }

  /// Returns the value that counted right after a record, the last of several that was one then.
  /// @param then  what had expired by that time is none
  [[nodiscard]] std::optional<key_value> value_at(bytes_view key, lsn upto, timestamp then) const {
    std::optional<key_value> value;
    for_each(key, [&](const format::key_record& found, const record& where) {
      if (where.lsn() > upto) return true;
      value = value_of(found, where, then);
      return !value && found.head.verb == format::key_verb::add;
    });
    return value;
  }

  /// Returns the values that a key has, the oldest first.
  [[nodiscard]] std::vector<key_value> values_at(bytes_view key, timestamp then) const {
    std::vector<key_value> values;
    for_each(key, [&](const format::key_record& found, const record& where) {
      if (auto value = value_of(found, where, then)) values.push_back(*std::move(value));
      return found.head.verb == format::key_verb::add;
    });
    std::reverse(values.begin(), values.end());
    return values;
  }

  /// Returns all versions, the newest first.
  [[nodiscard]] std::vector<key_version> history(bytes_view key) const {
    std::vector<key_version> versions;
    for_each(key, [&](const format::key_record& found, const record& where) {
      key_version next{.at = where.lsn(), .time = where.time()};
      next.value = value_of(found, where, timestamp::min());
      next.added = found.head.verb == format::key_verb::add;
      versions.push_back(std::move(next));
      return true;
    });
    return versions;
  }

  [[nodiscard]] static lsn before(const format::key_record& found, lsn at) {
    if (!found.head.near) return lsn{found.head.previous};
    return found.head.previous < at.value() ? at - found.head.previous : lsn{};
  }

  [[nodiscard]] static std::optional<key_value> value_of(const format::key_record& found,
                                                         const record& where, timestamp then) {
    if (found.head.verb == format::key_verb::erase) return std::nullopt;
    if (found.head.expires && *found.head.expires <= then) return std::nullopt;
    const auto pin = std::make_shared<record>(where);
    auto bytes = found.value.size() <= stored_bytes::inline_bytes ? stored_bytes{found.value}
                                                                  : stored_bytes{pin, found.value};
    return key_value{std::move(bytes), where.lsn(), found.head.expires};
  }

 private:
  [[nodiscard]] std::optional<record> read(lsn at) const {
    try {
      return at <= older_.last_lsn() ? older_.read(at) : seen_.read(at);
    } catch (const error& gone) {
      const bool dropped =
          gone.condition() == errc::not_found || gone.condition() == errc::truncated;
      if (!dropped) throw;
      return std::nullopt;
    }
  }

  key_store<Policies>& store_;
  log_snapshot<Policies> seen_;
  log_snapshot<Policies> older_;
};

}  // namespace logdb::detail
