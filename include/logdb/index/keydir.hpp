// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Index<KeyDir>: a key-value log; finds the newest record of each key.

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <logdb/fwd.hpp>
#include <logdb/index/keydir/compact/compactor.hpp>
#include <logdb/index/keydir/learn/key_follower.hpp>
#include <logdb/index/keydir/learn/key_learner.hpp>
#include <logdb/index/keydir/learn/key_opening.hpp>
#include <logdb/index/keydir/places/segment_keys.hpp>
#include <logdb/index/keydir/read/key_read_verbs.hpp>
#include <logdb/index/keydir/read/key_snapshot.hpp>
#include <logdb/index/keydir/write/eviction.hpp>
#include <logdb/index/keydir/write/key_commit.hpp>
#include <logdb/index/keydir/write/key_transaction.hpp>
#include <logdb/index/keydir/write/key_verbs.hpp>
#include <logdb/options.hpp>
#include <logdb/policy/index.hpp>

namespace logdb {

namespace detail {

/// Satisfied by a range of pairs of a key and a value.
template <class R>
concept range_of_pairs = std::ranges::input_range<R> &&
    requires(std::ranges::range_value_t<R> item) {
  { item.first } -> bytes_like;
  item.second;
};

}  // namespace detail

/// Chooses keys in no order: BasicKeyDir's default.
struct Unordered {
  static constexpr std::string_view name = "KeyDir";
};
/// Chooses keys in the order of their bytes: about 10 bytes and the key more in memory.
struct Ordered {
  static constexpr std::string_view name = "BasicKeyDir<Ordered>";
};

/// Keeps in memory, for each key, where its newest record is: 8 bytes and room to grow, about 11.
/// Keys and values stay in the log. docs/keyvalue.md
/// @tparam Order  Unordered, or Ordered for range(), prefix() and lower_bound()
template <class Order>
struct BasicKeyDir {
  static_assert(std::is_same_v<Order, Unordered> || std::is_same_v<Order, Ordered>,
                "logdb: BasicKeyDir<Order>: Order is Unordered or Ordered");

  static constexpr bool is_ordered = std::is_same_v<Order, Ordered>;

  struct options {
    /// for finding records by lsn and time: one entry (24 bytes) for each so many bytes of log, at
    /// least 64
    std::uint64_t stride_bytes = 64u << 10;
    /// when old versions, erased keys and expired ones leave the disk
    compaction_options compaction{};

    /// for use as a cache: keys that were not used of late are erased when the keydir takes more,
    /// at least 64 KiB
    std::uint64_t memory_bytes_max = std::numeric_limits<std::uint64_t>::max();

    /// Returns what is out of its range; null: nothing.
    [[nodiscard]] const char* fault() const {
      if (memory_bytes_max < 64u << 10) {
        return "index.memory_bytes_max must be at least 64 KiB";
      }
      if (stride_bytes < 64) return "index.stride_bytes must be at least 64";
      if (!(compaction.dead_ratio_max >= 0)) {
        return "index.compaction.dead_ratio_max must not be negative";
      }
      if (compaction.bytes_per_second == 0) {
        return "index.compaction.bytes_per_second must not be 0";
      }
      return nullptr;
    }
  };

  static constexpr std::string_view name = Order::name;
  static constexpr std::uint32_t id = 2;
  static constexpr bool reads(std::uint32_t written_by) { return written_by == id; }

  static constexpr index_hooks hooks{"fault",          "log_index",     "learn",
                                     "forget_hints",   "reads_staging", "keeps_log_time",
                                     "never_truncates"};

  class segment_index : public detail::segment_keys {
   public:
    segment_index(const options& chosen, std::uint64_t capacity)
        : segment_keys{Sparse::options{chosen.stride_bytes}, capacity} {}
  };

  /// The part that lives as long as the log.
  template <class Policies>
  class log_index {
   public:
    explicit log_index(index_view<Policies> view)
        : store_{std::move(view)}, compactor_{store_, store_.view().options().index.compaction} {
      if (store_.view().follows()) {
        follower_ = std::make_unique<detail::key_follower<Policies>>(store_);
        store_.set_refresh([this] { follower_->catch_up(); });
      } else {
        open();
        limit_memory();
        compactor_.start();
      }
    }
    log_index(const log_index&) = delete;
    log_index& operator=(const log_index&) = delete;

    [[nodiscard]] detail::key_store<Policies>& store() { return store_; }
    [[nodiscard]] key_snapshot<Policies> snapshot() { return key_snapshot<Policies>{store_}; }
    /// Begins a transaction.
    template <class Transaction>
    [[nodiscard]] Transaction begin() {
      return Transaction{store_};
    }
    [[nodiscard]] detail::compactor<Policies>& compaction() { return compactor_; }
    void close() {
      if (store_.view().follows()) return;
      compactor_.stop();
      store_.holds().tell_nobody();
    }
    ~log_index() { store_.holds().tell_nobody(); }

   private:
    void open() {
      if constexpr (detail::key_store<Policies>::is_shared) {
        store_.learner().open();
        store_.holds().tell(&store_.view().held_word(), wakes_compaction());
      } else {
        detail::key_opening<Policies>{store_}.run(store_.view().scope());
        store_.holds().tell(nullptr, wakes_compaction());
      }
    }
    /// What a snapshot kept can go with it.
    [[nodiscard]] std::function<void()> wakes_compaction() {
      return [this] { store_.view().settled().signal(); };
    }
    void limit_memory() {
      const std::uint64_t bytes = store_.view().options().index.memory_bytes_max;
      if (bytes == options{}.memory_bytes_max) return;
      evictor_ = std::make_unique<detail::key_evictor<Policies>>(store_, bytes);
      store_.set_relief([this] { evictor_->relieve(); });
    }

    detail::key_store<Policies> store_;
    detail::compactor<Policies> compactor_;
    std::unique_ptr<detail::key_evictor<Policies>> evictor_;    // null: no limit
    std::unique_ptr<detail::key_follower<Policies>> follower_;  // null: this is the writer
  };

  template <class Policies>
  using snapshot = key_snapshot<Policies>;
  template <class Log>
  using transaction = key_transaction<Log>;

  /// The verbs of a log of keys.
  ///
  /// @errors   of every verb: errc::closed
  /// @threads  any
  /// @blocks   what reads waits for no writer, under Fsync for the sync of what it would show; what
  ///           writes as put(key, value)
  template <class Log>
  class face : public detail::key_write_verbs<Log>, public detail::key_read_verbs<Log, is_ordered> {
   public:
    using detail::key_write_verbs<Log>::put;

    /// Puts the pairs of a range as one batch: seen, and after a crash there, all or none.
    /// @return  the lsn of the last record; of an empty range, `last_lsn()`
    /// @errors  as for one; errc::record_too_large over 2 GiB; nothing was put
    /// @cost    O(bytes); copies all of them before it takes a lock
    template <detail::range_of_pairs Range>
    lsn put(Range&& pairs) {
      auto batch = self().begin();
      for (auto&& [key, value] : pairs) batch.put(key, value);
      return batch.commit();
    }

    /// Erases a key; returns whether it had a value. If not, nothing is appended.
    /// @errors  as put(key, value) and get(key); nothing changed
    /// @cost    those of both
    template <bytes_like Key>
    bool erase(const Key& key) {
      return detail::write_if_value(this->store(), format::key_verb::erase, to_bytes(key), {},
                                    [](lsn, lsn value) { return value != lsn{}; })
          .has_value();
    }

    /// Puts a value if the newest record of the key is still the expected one, be it a value, one
    /// that has expired, or a tombstone; or, if the last of several values has expired, if the
    /// value that get() gives is.
    /// @param expected  `lsn{}`: if the key has no value
    /// @return          the lsn of the record; nothing: it was another one, nothing was appended
    /// @errors          as put(key, value) and get(key); nothing changed
    /// @cost            those of both
    template <bytes_like Key, class Value>
    std::optional<lsn> compare_and_put(const Key& key, lsn expected, const Value& value) {
      const auto is_expected = [&](lsn newest, lsn has) {
        return expected == lsn{} ? has == lsn{} : expected == newest || expected == has;
      };
      const auto put = [&](bytes_view bytes) {
        return detail::write_if_value(this->store(), format::key_verb::put, to_bytes(key), bytes,
                                      is_expected);
      };
      if constexpr (bytes_like<Value>) {
        return put(to_bytes(value));
      } else {
        return put(to_bytes(codec<Value>::encode(value)));
      }
    }

    /// Writes what is still needed to new segments, and drops the old ones: replaced and expired
    /// values, tombstones that nothing needs. Lsns stay what they are; between them are gaps then.
    ///
    /// Waits for one that is under way in the background. close() stops it.
    /// @errors  errc::corrupt, errc::io, errc::no_space: nothing is lost; what was finished before
    ///          stays so. errc::failed, errc::read_only
    /// @blocks  until it is done; others read and write meanwhile
    /// @cost    reads what has dead bytes, writes what is left of it
    compaction_report compact() {
      this->store().view().require_open();
      return this->index().compaction().compact();
    }
    /// Returns what compaction did since the log was opened.
    [[nodiscard]] compaction_report compacted() const {
      (void)this->readable();
      return this->index().compaction().total();
    }

    /// Returns the memory that the keydir takes, in bytes.
    [[nodiscard]] std::uint64_t memory_bytes() const {
      auto& keys = this->readable();
      return keys.table().bytes() + keys.order().bytes();
    }

    /// What the write verbs call.
    lsn write(detail::key_write_key, format::key_verb verb, bytes_view key, bytes_view value,
              std::optional<std::chrono::nanoseconds> ttl) {
      auto& keys = this->store();
      return keys.write(verb, key, value, keys.expiry(ttl));
    }

   private:
    [[nodiscard]] Log& self() { return static_cast<Log&>(*this); }
  };

  template <class Transaction>
  class transaction_face {};
};

}  // namespace logdb
