// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `shared_turn`: a lock in the control file that the processes which write one log take in turn.

#include <chrono>
#include <cstdint>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/journal/control/control.hpp>

namespace logdb::detail {

/// Throws if a control file is not what it was when it was mapped: somebody wrote over it.
/// @errors  errc::corrupt
template <class System>
void require_control(const control_header<System>& shared) {
  if (shared.magic == control_magic && shared.layout == control_layout) return;
  throw error{errc::corrupt,
              "the control file was overwritten while the log was open",
              {.remedy = reopen_remedy}};
}

/// Waits for a lock; returns whether its last holder died with it.
///
/// @blocks  while the holder lives, also if it is stopped: no lock is taken by a timeout
/// @errors  errc::corrupt
template <class System>
bool lock_shared(control_header<System>& shared, typename System::robust_mutex& mutex) {
  for (;;) {
    const auto result = mutex.lock_for(std::chrono::seconds{1});
    if (result != platform::lock_result::busy) {
      return result == platform::lock_result::inherited;
    }
    require_control(shared);
  }
}

/// Holds such a lock for its lifetime; holds nothing where there is one process only.
template <class System>
class shared_turn {
 public:
  using mutex = typename System::robust_mutex;

  shared_turn() = default;
  shared_turn(control_header<System>& shared, mutex& wanted)
      : inherited_{lock_shared(shared, wanted)}, held_{&wanted} {}
  shared_turn(shared_turn&& other) noexcept
      : inherited_{other.inherited_}, held_{std::exchange(other.held_, nullptr)} {}
  shared_turn& operator=(shared_turn&&) = delete;
  ~shared_turn() {
    if (held_ != nullptr) held_->unlock();
  }

  /// Tells whether the last holder died with it.
  [[nodiscard]] bool is_inherited() const { return inherited_; }

 private:
  bool inherited_ = false;
  mutex* held_ = nullptr;
};

/// Says of a manifest that it was published, before this process acts on it and unlinks what it
/// no longer names: its writer may not have come to that yet, or have died meanwhile. Others
/// would then miss a file and be told that nothing has changed.
template <class System>
void say_published(control_header<System>& shared, std::uint64_t generation) {
  std::uint64_t said = shared.generation.load(std::memory_order_acquire);
  while (said < generation &&
         !shared.generation.compare_exchange_strong(said, generation, std::memory_order_acq_rel)) {
  }
}

}  // namespace logdb::detail
