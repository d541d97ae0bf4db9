// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Walks through all keys of a keydir, page by page.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <logdb/index/keydir/table/table.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

/// One pass over the keys of a table, in the order of their hashes, and where it has come to.
///
/// A copy goes on from the same page.
/// @threads  one at a time, beside readers and writers of the table
template <class System>
class table_walk {
 public:
  using table_type = keydir_table<System>;

  explicit table_walk(table_type& table) : table_{&table} {}

  /// Tells whether there is no page left.
  [[nodiscard]] bool is_over() const { return shard_ == table_type::shard_count; }
  /// Returns the number of the shard that the next page is in. Unless it is over.
  [[nodiscard]] std::size_t shard() const { return shard_; }
  /// Goes back to the first page.
  void restart() { shard_ = 0, fingerprint_ = 0; }

  /// Puts the addresses of the next page into `out` and moves on; false: there is none. A key that
  /// is there all the while is met just once. Inside the gate.
  bool next_page(std::vector<address>& out) {
    LOGDB_EXPECTS(table_->has_reader());
    out.clear();
    if (is_over()) return false;
    keydir_page* const page = next();
    if (page == nullptr) return true;
    for (std::uint32_t n = 0; n < page->capacity; ++n) {
      // Acquire: pairs with the stores of writers.
      const slot_word word = page->slots()[n].load(std::memory_order_acquire);
      if (word > slot_removed && slot_fingerprint(word) >= fingerprint_) {
        out.push_back(slot_address(word));
      }
    }
    move_on(*page);
    return true;
  }

  /// Puts into `out` the addresses on the next page, round and round, that were not used since the
  /// last time, and forgets of the others that they were; false: it has no key. Inside the gate.
  /// @source  second chance: Corbató, 1968
  bool next_unused(std::vector<address>& out) {
    LOGDB_EXPECTS(table_->has_reader());
    out.clear();
    if (is_over()) restart();
    keydir_page* const page = next();
    if (page == nullptr) return false;
    bool has_keys = false;
    for (std::uint32_t n = 0; n < page->capacity; ++n) {
      auto& slot = page->slots()[n];
      slot_word word = slot.load(std::memory_order_acquire);
      if (word <= slot_removed) continue;
      has_keys = true;
      if ((word & slot_recent) == 0) out.push_back(slot_address(word));
      if ((word & slot_recent) != 0)
        slot.compare_exchange_strong(word, word & ~slot_recent, std::memory_order_acq_rel);
    }
    move_on(*page);
    return has_keys;
  }

  /// Gives back the room that the next page has no keys for. Takes the lock of its shard.
  void tighten_next() const noexcept {
    if (!is_over()) table_->tighten(shard_, fingerprint_);
  }

 private:
  /// Returns the next page; null: its shard has none, and is passed.
  [[nodiscard]] keydir_page* next() {
    const page_directory* const pages =
        table_->shard_at(shard_).pages.load(std::memory_order_seq_cst);
    if (pages != nullptr) return pages->link_of(fingerprint_).page();
    ++shard_, fingerprint_ = 0;
    return nullptr;
  }

  void move_on(const keydir_page& page) {
    const std::uint64_t width = std::uint64_t{1} << (fingerprint_bits - page.depth);
    fingerprint_ = (fingerprint_ & ~(width - 1)) + width;
    if (fingerprint_ > fingerprint_mask) ++shard_, fingerprint_ = 0;
  }

  table_type* table_;
  std::size_t shard_ = 0;
  std::uint64_t fingerprint_ = 0;  // the least on the next page
};

}  // namespace logdb::detail
