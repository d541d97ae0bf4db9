// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Blocks of columns that stand in the log, read when they are needed: `stored_block`, and
/// `block_cache`, which keeps those that were read last.

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/index/timelsm/columns/block.hpp>
#include <logdb/index/timelsm/columns/codec.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::timelsm {

/// A part of the log that blocks stand in; it stays readable while somebody holds it.
class run_file {
 public:
  run_file() = default;
  run_file(const run_file&) = delete;
  run_file& operator=(const run_file&) = delete;
  virtual ~run_file() = default;

  [[nodiscard]] virtual segment_number number() const = 0;
  /// Returns the bytes of all that stands in it.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;
  /// Returns the record of the frame at an offset, every checksum verified; valid as long as this.
  /// @errors  errc::corrupt, which names file and offset
  [[nodiscard]] virtual bytes_view record(std::uint64_t offset) const = 0;
  /// Says that what stands at an offset is damaged.
  [[noreturn]] virtual void fail(std::uint64_t offset) const = 0;
};

using run_file_ptr = std::shared_ptr<const run_file>;

/// Says which rows a block of a run holds, and where it stands.
struct block_entry {
  run_file_ptr file{};
  std::uint64_t offset = 0;  // of its frame
  std::uint64_t bytes = 0;   // of its record
  std::size_t rows = 0;
  time_type first = 0;
  time_type last = 0;
};

template <class V>
class stored_block;
template <class V>
using stored_block_ptr = std::shared_ptr<stored_block<V>>;

/// Keeps the columns of the blocks that were read last, up to a number of bytes. What a reader
/// holds beyond that stays until it lets go.
///
/// In a child of a fork it keeps nothing: a thread that the child does not have may hold the lock.
/// @threads  any; the lock is held for a look at a list, not while a block is read
template <class V>
class block_cache {
 public:
  block_cache(heap_ptr memory, std::size_t bytes_max)
      : memory_{std::move(memory)}, bytes_max_{bytes_max} {}
  block_cache(const block_cache&) = delete;
  block_cache& operator=(const block_cache&) = delete;

  /// Returns the columns of a block. @errors errc::corrupt, errc::io
  [[nodiscard]] block_ptr<V> get(stored_block<V>& of);
  /// Lets go of a block that is no more.
  void forget(stored_block<V>& gone);

  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  /// Returns how many blocks were read from the log.
  [[nodiscard]] std::uint64_t reads() const { return reads_.load(std::memory_order_relaxed); }

 private:
  using guard = platform::scoped_lock<platform::mutex>;
  using order = std::list<stored_block<V>*>;
  friend class stored_block<V>;

  [[nodiscard]] block_ptr<V> find(stored_block<V>& of);
  block_ptr<V> put(stored_block<V>& of, block_ptr<V> read);

  heap_ptr memory_;
  std::size_t bytes_max_;
  platform::mutex mutex_;
  order used_;  // the last first; guarded by mutex_, as are the blocks' own places in it
  platform::atomic<std::size_t> bytes_ = 0;  // changed under mutex_
  platform::atomic<std::uint64_t> reads_ = 0;
};

template <class V>
using block_cache_ptr = std::shared_ptr<block_cache<V>>;

/// A block of rows that stands in the log.
///
/// @threads  any
template <class V>
class stored_block {
 public:
  stored_block(block_cache_ptr<V> cache, block_entry where)
      : cache_{std::move(cache)}, where_{std::move(where)} {}
  stored_block(const stored_block&) = delete;
  stored_block& operator=(const stored_block&) = delete;
  ~stored_block() { cache_->forget(*this); }

  [[nodiscard]] const block_entry& where() const { return where_; }
  [[nodiscard]] std::size_t rows() const { return where_.rows; }
  [[nodiscard]] time_type first() const { return where_.first; }
  [[nodiscard]] time_type last() const { return where_.last; }

  /// Returns its columns, read if need be. @errors errc::corrupt, errc::io
  [[nodiscard]] block_ptr<V> load() { return cache_->get(*this); }

 private:
  friend class block_cache<V>;

  [[nodiscard]] block_ptr<V> read(const heap_ptr& memory) const {
    const bytes_view record = where_.file->record(where_.offset);
    auto made = std::make_shared<block<V>>(memory, where_.rows);
    if (!decode(record, *made)) where_.file->fail(where_.offset);
    if constexpr (owns_bytes<V>) made->lean_on(where_.file, where_.bytes);
    made->make_fences(where_.rows);
    return made;
  }

  /// Tells whether the record was what is known of it.
  [[nodiscard]] bool decode(bytes_view record, block<V>& to) const {
    record_header head;
    if (record.size() != where_.bytes || !head.load(record)) return false;
    if (head.kind != record_kind::block || head.value_bytes != value_bytes<V>) return false;
    if (head.count != where_.rows) return false;
    column_decoder<V> columns{record.subspan(record_header_bytes), head.flags};
    if (!columns.run(to.times(), to.values(), where_.rows)) return false;
    const std::span<const time_type> times{to.times(), where_.rows};
    return times.front() == where_.first && times.back() == where_.last && light::is_sorted(times);
  }

  block_cache_ptr<V> cache_;
  block_entry where_;
  block_ptr<V> columns_;  // null: not in the cache; guarded by its lock, as is the next one
  typename std::list<stored_block*>::iterator place_{};
};

template <class V>
block_ptr<V> block_cache<V>::get(stored_block<V>& of) {
  if (memory_->is_forked()) return of.read(memory_);
  if (auto known = find(of)) return known;
  reads_.fetch_add(1, std::memory_order_relaxed);
  return put(of, of.read(memory_));
}

template <class V>
block_ptr<V> block_cache<V>::find(stored_block<V>& of) {
  guard lock{mutex_};
  if (of.columns_ != nullptr) used_.splice(used_.begin(), used_, of.place_);
  return of.columns_;
}

/// Others may have read it meanwhile: then theirs is kept.
template <class V>
block_ptr<V> block_cache<V>::put(stored_block<V>& of, block_ptr<V> read) {
  order fresh{&of};
  order gone;
  std::vector<block_ptr<V>> dropped;  // freed when the lock is free again
  guard lock{mutex_};
  if (of.columns_ != nullptr) return of.columns_;
  used_.splice(used_.begin(), fresh);
  of.place_ = used_.begin();
  of.columns_ = read;
  bytes_.fetch_add(read->bytes(), std::memory_order_relaxed);
  while (bytes_.load(std::memory_order_relaxed) > bytes_max_ && !used_.empty()) {
    stored_block<V>& oldest = *used_.back();
    dropped.reserve(dropped.size() + 1);
    gone.splice(gone.begin(), used_, oldest.place_);
    bytes_.fetch_sub(oldest.columns_->bytes(), std::memory_order_relaxed);
    dropped.push_back(std::move(oldest.columns_));
  }
  lock.unlock();
  return read;
}

template <class V>
void block_cache<V>::forget(stored_block<V>& gone) {
  if (memory_->is_forked()) return;
  order one;
  guard lock{mutex_};
  if (gone.columns_ == nullptr) return;
  bytes_.fetch_sub(gone.columns_->bytes(), std::memory_order_relaxed);
  one.splice(one.begin(), used_, gone.place_);
}

}  // namespace logdb::timelsm
