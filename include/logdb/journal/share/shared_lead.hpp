// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Group commit across processes: one of them leads at a time, for all.

#include <algorithm>
#include <chrono>
#include <type_traits>

#include <logdb/journal/state.hpp>

namespace logdb::detail {

/// One process's part in it. Its threads queue up behind one of them, which asks here.
///
/// Who cannot lead sleeps on a word of its own in the control file. Who has led wakes those whose
/// records it covered, all at once, and one whose records it did not cover: that one leads next. It
/// may have died meanwhile, and so may the leader; so sleepers look again after a while, and the
/// kernel says of a lock that its owner is gone.
///
/// @threads  one at a time: the one that leads in its process
template <class Policies>
class shared_lead {
 public:
  using core_type = journal_state<Policies>;
  using system = typename core_type::system;

  explicit shared_lead(core_type& core) : core_{core} {}

  /// Says which of the control file's words is this process's.
  void sit_at(std::size_t place) {
    place_ = place;
    control().waiters[place].held.store(0,
                                        std::memory_order_seq_cst);  // of who had the place before
    control().waiters[place].target.store(0, std::memory_order_seq_cst);
    auto& used = core_.control().waiters_used;
    const auto wanted = static_cast<std::uint32_t>(place + 1);
    std::uint32_t seen = used.load(std::memory_order_relaxed);
    while (seen < wanted && !used.compare_exchange_strong(seen, wanted, std::memory_order_release,
                                                          std::memory_order_relaxed)) {
    }
  }

  /// Holds the lead for its lifetime, unless a watermark was reached without it.
  class turn {
   public:
    turn(shared_lead& lead, stream_position target, watermark level)
        : lead_{lead}, leads_{lead.take(target, level)} {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
      if (leads_) lead_.give();
    }
    [[nodiscard]] explicit operator bool() const { return leads_; }

   private:
    shared_lead& lead_;
    bool leads_;
  };

  /// Tells whether a leader died while it led, and what it wrote was not written again yet.
  [[nodiscard]] bool takes_over() const {
    return control().rewrites.load(std::memory_order_relaxed) != 0;
  }
  void has_taken_over() { control().rewrites.store(0, std::memory_order_relaxed); }

  /// Returns the most that the waiters of other processes want.
  [[nodiscard]] watermark strongest_wish() {
    auto wish = watermark::appended;
    for_each_waiter([&](auto& waiter) {
      if (waiter.target.load(std::memory_order_seq_cst) == 0) return;
      const auto level = static_cast<watermark>(waiter.level.load(std::memory_order_relaxed));
      if (level <= watermark::durable) wish = std::max(wish, level);
    });
    return wish;
  }

 private:
  // How long a sleeper trusts that the leader, or the one called to lead, lives.
  static constexpr std::chrono::milliseconds doubt{10};

  [[nodiscard]] auto& control() const { return core_.control(); }

  /// Says for its lifetime what this process waits for.
  struct told_wish {
    told_wish(control_waiter<system>& where, stream_position target, watermark level) : own{where} {
      own.level.store(static_cast<std::uint32_t>(level), std::memory_order_relaxed);
      own.target.store(target.value(), std::memory_order_seq_cst);
    }
    told_wish(const told_wish&) = delete;
    told_wish& operator=(const told_wish&) = delete;
    ~told_wish() { own.target.store(0, std::memory_order_seq_cst); }
    control_waiter<system>& own;
  };

  template <class Visit>
  void for_each_waiter(Visit visit) {
    auto& waiters = control().waiters;
    const std::size_t used = std::min<std::size_t>(
        control().waiters_used.load(std::memory_order_acquire), waiters.size());
    for (std::size_t i = 0; i < used; ++i) visit(waiters[i]);
  }

  /// Waits for the lead; false: the watermark was reached first.
  /// @errors  errc::failed, errc::corrupt
  bool take(stream_position target, watermark level) {
    auto& own = control().waiters[place_];
    for (;;) {
      if (core_.reached(level) >= target) return false;
      if (try_lead()) return true;
      const std::uint32_t ticket = own.word.load(std::memory_order_acquire);
      {
        const told_wish told{own, target, level};
        // After the target was told: whoever gives the lead up from here on sees it.
        if (try_lead()) return true;
        if (core_.reached(level) < target) {
          system::futex_wait_shared(own.word, ticket, std::chrono::nanoseconds{doubt});
        }
      }
      core_.life.require_writable();
      require_control(control());
    }
  }

  /// @errors  errc::failed: the last leader could not heal; what it could not sync nobody may try
  bool try_lead() {
    const auto result = control().lead_lock.try_lock();
    if (result == platform::lock_result::busy) return false;
    if (result == platform::lock_result::inherited) inherit();
    try {
      core_.life.require_writable();
    } catch (...) {
      give();
      throw;
    }
    return true;
  }

  void inherit() {
    control().rewrites.store(1, std::memory_order_relaxed);
    if (control().healing.load(std::memory_order_acquire) == 0) return;
    // What is staged was half moved: only an open that starts from the disk can tell what is whole.
    core_.life.fail_all();
  }

  /// Gives the lead up, wakes those whose wait is over, and one more to lead.
  void give() {
    control().lead_lock.unlock();
    bool called = false;
    for_each_waiter([&](auto& waiter) {
      const std::uint64_t target = waiter.target.load(std::memory_order_seq_cst);
      if (target == 0) return;
      const bool covered =
          core_.reached(static_cast<watermark>(waiter.level.load(std::memory_order_relaxed))) >=
          stream_position{target};
      if (!covered && std::exchange(called, true)) return;
      // A process that died while it waited asks for nothing more: it costs one group at most.
      std::uint64_t met = target;
      if (covered) waiter.target.compare_exchange_strong(met, 0, std::memory_order_seq_cst);
      waiter.word.fetch_add(1, std::memory_order_release);
      system::futex_wake_shared(waiter.word, 1);
    });
  }

  core_type& core_;
  std::size_t place_ = 0;
};

/// Nothing: one process leads itself.
template <class Policies>
struct no_shared_lead {
  explicit no_shared_lead(journal_state<Policies>&) {}
};

template <class Policies>
using shared_lead_of = std::conditional_t<journal_state<Policies>::is_shared, shared_lead<Policies>,
                                          no_shared_lead<Policies>>;

}  // namespace logdb::detail
