// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A pinned, consistent view of a key-value log.

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/index/keydir/read/page_walk.hpp>
#include <logdb/index/keydir/read/versions.hpp>

namespace logdb {

/// A key-value log as it stood at one moment: puts, erases, expiry, eviction and compaction
/// change nothing in it.
///
/// Its records can be read as long as it lives. Looking up keys needs the log: after its close()
/// and behind its end `get`, `contains` and `for_each` throw errc::closed. The log may be moved.
/// @threads  any
/// @cost     to make: O(1), some µs; a lookup follows the versions of the key that came since
template <class Policies>
class key_snapshot : public log_snapshot<Policies> {
  using store_type = detail::key_store<Policies>;

 public:
  key_snapshot() = default;
  /// @errors  errc::closed in a child of the process that opened the log
  explicit key_snapshot(store_type& store) : store_{store.link()} {
    store.view().require_own();
    hold_ = store.holds().hold({lsn{}, timestamp::min()});
    // First everything is held, then it is looked how much is needed.
    log_snapshot<Policies>::operator=(log_snapshot<Policies>{look(store)});
    store.table().wait_for_writers();  // the keydir then leads to all of it
    time_ = store.view().clock();
    hold_ = store.holds().hold({this->last_lsn(), time_});
  }

  /// Returns the value that a key had.
  /// @errors  errc::corrupt, errc::io, errc::closed
  template <bytes_like Key>
  [[nodiscard]] std::optional<key_value> get(const Key& key) const {
    return versions().value_at(to_bytes(key), this->last_lsn(), time_);
  }
  /// The same through a codec; nothing also when the bytes are no T.
  template <class T, bytes_like Key>
  [[nodiscard]] std::optional<T> get(const Key& key) const {
    const auto found = get(key);
    return found ? codec<T>::decode(found->bytes()) : std::nullopt;
  }
  /// Tells whether a key had a value. @errors as get() @cost as get()
  template <bytes_like Key>
  [[nodiscard]] bool contains(const Key& key) const {
    return get(key).has_value();
  }

  /// Calls `visit(key, value)` for each key that had a value, in no order.
  /// @errors  errc::corrupt, errc::io, errc::closed, and whatever visit throws
  /// @cost    a lookup for each key of the log, some hundred keys copied at a time
  template <class Visit>
  void for_each(Visit&& visit) const {
    const auto chain = versions();
    detail::page_walk<Policies> pages{*store_};
    std::vector<stored_bytes> keys;
    const auto take = [&](const auto& found) {
      keys.push_back(store_->source().keep(found, found.record.key));
    };
    while (pages.next_keys(take)) {
      for (const stored_bytes& key : keys) {
        const auto value = chain.value_at(key.bytes(), this->last_lsn(), time_);
        if (value) visit(key, *value);
      }
      keys.clear();
    }
  }

 private:
  /// Returns what may be seen now, in segments that were listed before the last record was looked
  /// for. A compaction that had begun before anything was held here may drop what was replaced
  /// since: in a later list that could be missing.
  static detail::read_scope<Policies> look(store_type& store) {
    auto seen = store.view().scope();
    for (;;) {
      const auto before = std::exchange(seen, store.view().scope()).list;
      if (seen.list == before) return seen;
    }
  }

  /// Versions that came since are found in the log as it is now.
  [[nodiscard]] detail::key_versions<Policies> versions() const {
    return {*store_, log_snapshot<Policies>{store_->view().scope()}, *this};
  }

  detail::store_link<store_type> store_;
  std::shared_ptr<const void> hold_;  // keeps compaction from dropping what is seen here
  timestamp time_{};
};

}  // namespace logdb
