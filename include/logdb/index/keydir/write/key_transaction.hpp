// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Transactions on a key-value log.

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/index/keydir/write/key_commit.hpp>
#include <logdb/index/keydir/write/key_verbs.hpp>
#include <logdb/journal/nested.hpp>
#include <logdb/stored_bytes.hpp>

namespace logdb {

/// Writes to keys that are seen, and after a crash there, all together or not at all.
///
/// Sees its own writes and those of the transactions around it, and of the log what is committed.
/// Kept in memory until it is committed, and delays nobody before. Rolled back when it is
/// destroyed. Behind the close() or the end of the log its verbs throw errc::closed. The log may be
/// moved.
/// @threads  one at a time
template <class Log>
class key_transaction : public detail::key_write_verbs<key_transaction<Log>> {
  using policies = typename Log::policies;
  using store_type = detail::key_store<policies>;

  /// What a transaction and those nested in it share.
  struct state {
    explicit state(store_type& of) : store{of.link()} {}

    [[nodiscard]] std::size_t depth() const { return savepoints.size(); }
    void push() { savepoints.push_back(batch.size()); }
    void pop() { savepoints.pop_back(); }
    void rollback() noexcept { batch.truncate(savepoints.back()); }

    detail::store_link<store_type> store;
    detail::key_batch batch{};
    std::vector<std::size_t> savepoints{};
  };

 public:
  explicit key_transaction(store_type& store) : mine_{std::make_shared<state>(store)} {}

  /// Begins a transaction within this one: its rollback takes back only what it wrote, its commit
  /// hands that to this one. Until it ends, this one may not be written to.
  /// @errors  errc::invalid_argument: this one is over, or has another one within it
  [[nodiscard]] key_transaction begin() { return key_transaction{mine_.begin()}; }

  /// Hands the writes on: to the log, or to the transaction around this one.
  ///
  /// @return  the lsn of the last record; of a nested one, how many the outermost has
  /// @errors  errc::record_too_large over 2 GiB, errc::no_space, errc::io, errc::closed; nothing of
  ///          it is in the log then, and it may be committed again. With errc::failed it is over,
  ///          and may be there at the next open, whole. errc::invalid_argument: it is over, or one
  ///          within it is open
  /// @blocks  the outermost: for writers of keys of the same shards, and as an append does
  /// @cost    O(bytes of all writes); a nested one O(1)
  lsn commit() {
    state& mine = mine_.require_innermost();
    (void)require_usable();
    if (mine_.is_inner() || mine.batch.empty()) {
      mine.pop();
      const auto ended = mine_.end();
      return mine_.is_inner() ? lsn{ended->batch.size()} : ended->store->view().last_lsn();
    }
    detail::key_commit<policies> whole{*mine.store, mine.batch};
    const ticket given = whole.put();
    const auto ended = mine_.end();  // until it is acknowledged: the batch is looked at
    return whole.acknowledge(given);
  }

  /// Takes everything back. @errors errc::invalid_argument: it is over, or one within it is open
  void rollback() {
    (void)mine_.require_innermost();
    mine_.abandon();
  }

  /// Returns how many writes it holds, those of the transactions around it included.
  [[nodiscard]] std::size_t size() const { return mine_.require_begun().batch.size(); }

  /// Returns the value that a key has here; nothing: none. What it has not written itself is as the
  /// log has it now.
  /// @errors   those of the log's get(); errc::invalid_argument: it is over
  /// @blocks   as the log's get()
  /// @cost     the log's, and a look at its own writes; a value of its own is copied
  template <bytes_like Key>
  [[nodiscard]] std::optional<key_value> get(const Key& key) const {
    const state& mine = require_usable();
    const own_value own = find_own(mine, to_bytes(key));
    if (!own.is_known) return mine.store->get(to_bytes(key));
    if (own.write == detail::key_batch::nowhere) return std::nullopt;
    const auto record = mine.batch.record(own.write);
    return key_value{stored_bytes::copy_of(record.value), lsn{}, record.head.expires};
  }
  /// The same through a codec; nothing also when the bytes are no T.
  template <class T, bytes_like Key>
  [[nodiscard]] std::optional<T> get(const Key& key) const {
    const auto found = get(key);
    return found ? codec<T>::decode(found->bytes()) : std::nullopt;
  }
  /// Tells whether a key has a value here. @errors as get()
  template <bytes_like Key>
  [[nodiscard]] bool contains(const Key& key) const {
    const state& mine = require_usable();
    const own_value own = find_own(mine, to_bytes(key));
    return own.is_known ? own.write != detail::key_batch::nowhere
                        : mine.store->contains(to_bytes(key));
  }

  /// Erases a key; returns whether it had a value here. @errors as get() and put()
  template <bytes_like Key>
  bool erase(const Key& key) {
    state& mine = mine_.require_innermost();
    if (!contains(key)) return false;
    mine.batch.add(format::key_verb::erase, to_bytes(key), {}, std::nullopt);
    return true;
  }

  /// The narrow view of the write verbs.
  lsn write(detail::key_write_key, format::key_verb verb, bytes_view key, bytes_view value,
            std::optional<std::chrono::nanoseconds> ttl) {
    state& mine = mine_.require_innermost();
    (void)require_usable();
    detail::require_key(key);
    detail::require_value(key, value, mine.store->view().options().record_bytes_max);
    mine.batch.add(verb, key, value, mine.store->expiry(ttl));
    return lsn{mine.batch.size()};
  }

 private:
  explicit key_transaction(detail::nested<state> inner) : mine_{std::move(inner)} {}

  /// What its own writes say of a key.
  struct own_value {
    std::size_t write =
        detail::key_batch::nowhere;  // that gives it its value; nowhere: it has none
    bool is_known = false;           // false: it has what the log says
  };
  static own_value find_own(const state& mine, bytes_view key) {
    auto at = mine.batch.find(key);
    for (; at != detail::key_batch::nowhere; at = mine.batch.writes()[at].before) {
      const auto head = mine.batch.record(at).head;
      if (lives(mine, head)) return {at, true};
      // One of several that has expired hides nothing.
      if (head.verb != format::key_verb::add) return {detail::key_batch::nowhere, true};
    }
    return {};
  }

  static bool lives(const state& mine, const format::key_record_head& head) {
    return head.verb != format::key_verb::erase && !mine.store->is_expired(head);
  }

  /// The log may have been closed since, or be a parent's.
  const state& require_usable() const {
    const state& mine = mine_.require_begun();
    mine.store->view().require_readable();
    return mine;
  }
  detail::nested<state> mine_;
};

}  // namespace logdb
