// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The gate that readers pass without a lock, and that tells a writer when nobody can still see
/// what it has taken out.

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// Counts epochs. A reader that is inside keeps what it may see from being freed.
///
/// @threads  any number
/// @cost     to pass: two atomic instructions on a line of the thread's own; waits only when more
///           threads are inside than there are seats
/// @source   epoch-based reclamation: Fraser, "Practical lock-freedom", 2004
template <class System>
class reader_gate {
  struct alignas(64) seat {
    platform::atomic<std::uint64_t> epoch = 0;  // 0: nobody
  };

 public:
  reader_gate() = default;
  reader_gate(const reader_gate&) = delete;
  reader_gate& operator=(const reader_gate&) = delete;

  /// The stay of one reader inside.
  class pass {
   public:
    explicit pass(platform::atomic<std::uint64_t>& taken) : taken_{&taken} {}
    pass(pass&& other) noexcept : taken_{std::exchange(other.taken_, nullptr)} {}
    pass& operator=(pass&&) = delete;
    ~pass() {
      // Release: pairs with the loads in is_past(), so that what was read was read before.
      if (taken_ != nullptr) taken_->store(0, std::memory_order_release);
    }

   private:
    platform::atomic<std::uint64_t>* taken_;
  };

  /// Lets a reader in.
  [[nodiscard]] pass enter() const {
    std::uint32_t at = home();
    for (std::uint32_t tries = 1;; ++at, ++tries) {
      auto& taken = seats_[at % seats].epoch;
      std::uint64_t nobody = 0;
      // Sequentially consistent, as the loads of what may be taken out: either is_past() sees this
      // reader, or this reader no longer sees what was taken out before.
      if (taken.load(std::memory_order_relaxed) == 0 &&
          taken.compare_exchange_strong(nobody, epoch_.load(std::memory_order_seq_cst),
                                        std::memory_order_seq_cst)) {
        return pass{taken};
      }
      if (tries % seats == 0) System::yield();
    }
  }

  /// Ends an epoch after something was taken out; returns the one that may still see it.
  [[nodiscard]] std::uint64_t advance() { return epoch_.fetch_add(1, std::memory_order_seq_cst); }

  /// Tells whether everybody of an epoch and of those before it has left.
  [[nodiscard]] bool is_past(std::uint64_t epoch) const {
    for (const seat& each : seats_) {
      // Sequentially consistent: pairs with enter(); an acquire of what pass released.
      const std::uint64_t inside = each.epoch.load(std::memory_order_seq_cst);
      if (inside != 0 && inside <= epoch) return false;
    }
    return true;
  }

  /// Tells whether any reader is inside; for checks that the caller is.
  [[nodiscard]] bool has_reader() const {
    // Relaxed: a thread sees what it did itself.
    const auto taken = [](const seat& each) { return each.epoch.load(std::memory_order_relaxed); };
    return light::any_of(seats_, taken);
  }

  /// Waits until nobody can still see what was taken out before. Not from inside.
  void wait_for_readers() {
    const std::uint64_t epoch = advance();
    while (!is_past(epoch)) System::yield();
  }

 private:
  static constexpr std::uint32_t seats = 64;

  static std::uint32_t home() {
    static platform::atomic<std::uint32_t> threads{0};
    thread_local const std::uint32_t mine = threads.fetch_add(1, std::memory_order_relaxed);
    return mine;
  }

  mutable std::array<seat, seats> seats_;
  alignas(64) platform::atomic<std::uint64_t> epoch_ = 1;
};

/// What can be kept until no reader sees it: linked through itself, so that keeping it cannot
/// fail.
struct retired {
  retired* next = nullptr;
  std::uint64_t epoch = 0;
  void (*free)(retired*) = nullptr;
};

/// Frees what was taken out once no reader can see it any more.
/// @threads  any
template <class System>
class limbo {
 public:
  explicit limbo(reader_gate<System>& gate) : gate_{gate} {}
  limbo(const limbo&) = delete;
  limbo& operator=(const limbo&) = delete;
  ~limbo() {
    while (first_ != nullptr) pop();
  }

  /// Takes what no new reader can reach.
  void put(retired& gone) noexcept {
    platform::scoped_lock lock{mutex_};
    gone.epoch = gate_.advance();
    gone.next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = &gone;
    last_ = &gone;
    if (++count_ % batch != 0) return;
    while (first_ != nullptr && gate_.is_past(first_->epoch)) pop();
  }

 private:
  static constexpr std::size_t batch = 16;  // looking at every reader is not free

  void pop() {
    retired* const gone = std::exchange(first_, first_->next);
    gone->free(gone);
  }

  reader_gate<System>& gate_;
  platform::basic_mutex<System> mutex_;
  retired* first_ = nullptr;  // guarded by mutex_, as the rest; the oldest
  retired* last_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace logdb::detail
