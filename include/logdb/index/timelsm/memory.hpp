// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Where the columns of a time index come from: large pieces in huge pages, counted.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <memory_resource>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::timelsm {

/// Memory that keeps some of what was freed.
class keeping_resource : public std::pmr::memory_resource {
 public:
  /// Gives back what is kept.
  virtual void trim() = 0;
};

/// Gives out large pieces in huge pages, small ones from the heap, and keeps some freed large ones:
/// a page that was touched before costs nothing, a new one 0.25 ns a byte.
///
/// @threads  any
template <class System>
class page_resource final : public keeping_resource {
 public:
  /// @param keeps  bytes of freed pieces at most
  explicit page_resource(std::size_t keeps) : keeps_{std::min(keeps, kept_bytes_max)} {
    kept_.reserve(keeps_ / kept_bytes_min);
  }
  page_resource(const page_resource&) = delete;
  page_resource& operator=(const page_resource&) = delete;
  ~page_resource() override {
    if (is_forked()) return;
    for (const piece& each : kept_) drop(each);
  }

  void trim() override {
    std::vector<piece> gone;
    gone.reserve(keeps_ / kept_bytes_min);
    {
      guard lock{mutex_};
      gone.swap(kept_);
      kept_bytes_ = 0;
    }
    for (const piece& each : gone) drop(each);
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;

  static constexpr std::size_t huge_bytes = std::size_t{2} << 20;
  static constexpr std::size_t kept_bytes_min = std::size_t{32} << 10;  // of one piece
  static constexpr std::size_t kept_bytes_max = std::size_t{48} << 20;  // of all

  struct piece {
    std::size_t bytes = 0;
    std::byte* begin = nullptr;
    typename System::region pages{};  // empty: from the heap
  };

  /// Few sizes, so that what was freed fits again.
  static std::size_t rounded(std::size_t bytes) {
    const std::size_t unit = std::min(huge_bytes, std::bit_floor(bytes) / 8);
    return (bytes + unit - 1) / unit * unit;
  }

  // In a child of a fork, a thread that it does not have may have been at the lists: what is freed
  // there stays, and what is new never comes to be known.

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (bytes < kept_bytes_min || is_forked())
      return ::operator new (bytes, std::align_val_t{alignment});
    const std::size_t whole = rounded(bytes);
    guard lock{mutex_};
    const auto kept = light::find(kept_, whole, &piece::bytes);
    piece given = kept != kept_.end() ? take(kept) : make(whole);
    std::byte* const begin = given.begin;
    used_.emplace(begin, std::move(given));
    return begin;
  }

  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    if (bytes < kept_bytes_min) return ::operator delete (memory, std::align_val_t{alignment});
    if (is_forked()) return;
    piece back;  // given back, if it is not kept, when the lock is free again
    {
      guard lock{mutex_};
      const auto found = used_.find(static_cast<std::byte*>(memory));
      back = std::move(found->second);
      used_.erase(found);
      if (kept_bytes_ + back.bytes <= keeps_) {
        kept_bytes_ += back.bytes;
        return kept_.push_back(std::move(back));
      }
    }
    drop(back);
  }

  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

  piece take(typename std::vector<piece>::iterator kept) {
    piece given = std::move(*kept);
    *kept = std::move(kept_.back());
    kept_.pop_back();
    kept_bytes_ -= given.bytes;
    return given;
  }

  static piece make(std::size_t bytes) {
    piece made{.bytes = bytes};
    if (bytes < huge_bytes) {
      made.begin = static_cast<std::byte*>(::operator new(bytes, heap_alignment));
      return made;
    }
    // So much more that it can begin at a huge page; what is not touched takes no memory.
    if (System::map_anonymous(bytes + huge_bytes, made.pages) < 0) throw std::bad_alloc{};
    const auto at = reinterpret_cast<std::uintptr_t>(made.pages.data());
    made.begin = made.pages.data() + (huge_bytes - at % huge_bytes) % huge_bytes;
    return made;
  }

  [[nodiscard]] bool is_forked() const { return forks_ != System::forks(); }

  static void drop(const piece& gone) {
    if (gone.bytes < huge_bytes) ::operator delete(gone.begin, heap_alignment);
  }

  static constexpr std::align_val_t heap_alignment{64};

  std::uint32_t forks_ = System::forks();  // when it was made
  std::size_t keeps_;
  mutex mutex_;
  std::unordered_map<std::byte*, piece> used_;  // guarded by mutex_, as the two below
  std::vector<piece> kept_;
  std::size_t kept_bytes_ = 0;
};

/// Gives memory to the blocks of one index and counts it.
///
/// @threads  any
class heap {
 public:
  using fork_count = std::uint32_t (*)();

  /// @param from   what outlives it
  /// @param forks  returns a number that is another one in a child of a fork
  explicit heap(std::pmr::memory_resource& from, fork_count forks = no_fork)
      : from_{&from}, forks_now_{forks} {}
  heap(std::unique_ptr<keeping_resource> own, fork_count forks)
      : own_{std::move(own)}, from_{own_.get()}, forks_now_{forks} {}
  heap(const heap&) = delete;
  heap& operator=(const heap&) = delete;

  [[nodiscard]] void* allocate(std::size_t bytes) {
    void* const memory = from_->allocate(bytes, alignment);
    const std::size_t now = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    // Relaxed: figures. Raises the peak unless another thread raised it further.
    for (auto peak = peak_.load(std::memory_order_relaxed);
         peak < now && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed);) {
    }
    return memory;
  }

  void free(void* memory, std::size_t bytes) {
    from_->deallocate(memory, bytes, alignment);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  /// Gives back what the index's own memory keeps for the next blocks.
  void trim() {
    if (own_ != nullptr) own_->trim();
  }

  /// Tells whether this is a child of the process that made it: what threads share beside it may be
  /// locked there for ever.
  [[nodiscard]] bool is_forked() const { return forks_ != forks_now_(); }

  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t alignment = 64;

  static std::uint32_t no_fork() { return 0; }

  std::unique_ptr<keeping_resource> own_;  // null: it is somebody else's
  std::pmr::memory_resource* from_;
  fork_count forks_now_;
  std::uint32_t forks_ = forks_now_();  // when it was made
  platform::atomic<std::size_t> bytes_ = 0;
  platform::atomic<std::size_t> peak_ = 0;
};

using heap_ptr = std::shared_ptr<heap>;

/// Makes the heap of one index.
/// @param from   null: the index's own memory
/// @param keeps  bytes of its own memory to keep for the next blocks, at most
template <class System>
heap_ptr make_heap(std::pmr::memory_resource* from,
                   std::size_t keeps = std::numeric_limits<std::size_t>::max()) {
  const heap::fork_count forks = [] { return System::forks(); };
  if (from != nullptr) return std::make_shared<heap>(*from, forks);
  return std::make_shared<heap>(std::make_unique<page_resource<System>>(keeps), forks);
}

}  // namespace logdb::timelsm
