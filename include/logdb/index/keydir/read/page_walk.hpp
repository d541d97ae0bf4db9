// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A walk through all keys of a keydir, page by page.

#include <deque>
#include <vector>

#include <logdb/index/keydir/keys/key_store.hpp>
#include <logdb/index/keydir/table/table_walk.hpp>

namespace logdb::detail {

/// Gives the records of all keys in the order of their hashes.
///
/// A key that is there all the while is met once.
/// @threads  one at a time
template <class Policies>
class page_walk {
 public:
  using store_type = key_store<Policies>;
  using read_type = read_record<Policies>;

  explicit page_walk(store_type& store) : store_{store}, at_{store.table()} {}

  /// Calls `visit(record)` for the values on the next page of keys, and moves on; false: there is
  /// no more. A page of which some is not durable yet waits for that, if the policy does.
  /// @param veiled  gets the keys whose last value of several has expired
  template <class Visit>
  bool next_values(std::vector<stored_bytes>& veiled, Visit&& visit) {
    return next_keys([&](const read_type& found) {
      if (store_.is_value(found)) return visit(found);
      if (store_.is_veil(found)) veiled.push_back(store_.source().keep(found, found.record.key));
    });
  }

  /// The same for all keys that the table has, those without a value too.
  template <class Visit>
  bool next_keys(Visit&& visit) {
    store_.refresh();
    std::vector<address> page;
    std::deque<read_type> values;  // what they view must not move
    for (;;) {
      auto next = at_;
      {
        const auto inside = store_.gate().enter();
        if (!take_page(next, page)) return false;
        if (read_page(page, values)) {
          for (const read_type& each : values) visit(each);
          return at_ = next, true;
        }
      }
      if constexpr (Policies::durability::readable == watermark::durable) {
        if (!store_.view().follows())
          store_.view().wait(store_.view().reached(watermark::appended), watermark::durable);
      }
    }
  }

 private:
  using walk = table_walk<typename store_type::system>;

  /// Takes the addresses of a page as they stand between two batches.
  bool take_page(walk& next, std::vector<address>& page) {
    const auto from = next;
    if (from.is_over()) return false;
    const auto& changes = store_.table().shard_at(from.shard()).changes;
    for (;;) {
      const std::uint32_t before = changes.load(std::memory_order_acquire);
      next = from;
      (void)next.next_page(page);
      if (before % 2 == 0 && changes.load(std::memory_order_acquire) == before) return true;
      store_type::system::yield();
    }
  }

  /// Reads the values of a page, but for what salvage passes; false: one may not be shown yet, or
  /// its segment has just gone.
  bool read_page(const std::vector<address>& page, std::deque<read_type>& values) {
    values.clear();
    for (const address each : page) {
      const auto looked = store_.read_whole(each, values.emplace_back());
      if (looked == store_type::lookup::none) {
        values.pop_back();
      } else if (looked == store_type::lookup::again || !store_.is_readable(values.back())) {
        return false;
      }
    }
    return true;
  }

  store_type& store_;
  walk at_;
};

}  // namespace logdb::detail
