// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the simulated system hands out: mapped memory, threads, locks that processes share.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <logdb/platform/robust_mutex.hpp>

#include "world.hpp"

namespace logdb::sim {

/// Is mapped memory of the simulated machine: the page cache itself.
class sim_region {
 public:
  sim_region() = default;
  sim_region(std::shared_ptr<pages> memory, std::size_t offset, std::size_t bytes)
      : memory_{std::move(memory)}, offset_{offset}, bytes_{bytes} {
    ++world::current()->regions;
  }
  sim_region(sim_region&& other) noexcept { swap(other); }
  sim_region& operator=(sim_region&& other) noexcept {
    sim_region{std::move(other)}.swap(*this);
    return *this;
  }
  ~sim_region() {
    if (memory_ != nullptr && world::current() != nullptr) --world::current()->regions;
  }
  [[nodiscard]] std::byte* data() const {
    return memory_ == nullptr ? nullptr : memory_->data() + offset_;
  }
  [[nodiscard]] std::size_t size() const { return bytes_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data(), bytes_}; }
  /// Does nothing: here a page can be read though a call was refused.
  static int blank(std::size_t, std::size_t) { return 0; }

 private:
  void swap(sim_region& other) noexcept {
    memory_.swap(other.memory_);
    std::swap(offset_, other.offset_);
    std::swap(bytes_, other.bytes_);
  }
  std::shared_ptr<pages> memory_;
  std::size_t offset_ = 0;
  std::size_t bytes_ = 0;
};

/// Is a thread of the simulated process.
class sim_thread {
 public:
  sim_thread() = default;
  template <class Function>
  explicit sim_thread(Function run) {
    const system_call entry{scheduler::point_cost};
    task_ = entry->processor.spawn([run = std::move(run)]() mutable {
      world::current()->in_library = true;
      run();
      world::current()->in_library = false;
    });
  }
  sim_thread(sim_thread&&) noexcept = default;
  sim_thread& operator=(sim_thread&& other) noexcept {
    if (joinable()) std::terminate();  // as std::thread
    task_ = std::move(other.task_);
    return *this;
  }
  ~sim_thread() {
    if (joinable()) std::terminate();
  }

  [[nodiscard]] bool joinable() const { return task_ != nullptr; }
  void join() {
    const system_call entry{scheduler::point_cost};
    entry->processor.join(*task_);
    task_.reset();
  }

 private:
  std::shared_ptr<task> task_;
};

/// Is a mutex in memory that processes share; the simulated kernel knows who holds it.
class sim_robust_mutex {
 public:
  void init() { owner_ = 0; }

  [[nodiscard]] platform::lock_result try_lock() {
    const system_call entry{scheduler::point_cost};
    if (owner_ != 0 && !entry->dead.contains(owner_)) return platform::lock_result::busy;
    const bool was_held = owner_ != 0;
    owner_ = entry->processor.process();
    return was_held ? platform::lock_result::inherited : platform::lock_result::taken;
  }

  [[nodiscard]] platform::lock_result lock_for(std::chrono::seconds time) {
    const auto result = try_lock();
    if (result != platform::lock_result::busy) return result;
    {
      const system_call entry{scheduler::point_cost};
      if (owner_ != 0 && !entry->dead.contains(owner_)) {
        entry->processor.wait_for(&owner_, time);
      }
    }
    return try_lock();
  }

  void unlock() {
    const system_call entry{scheduler::point_cost};
    owner_ = 0;
    entry->processor.wake(&owner_, 1);
  }

 private:
  std::uint32_t owner_;  // a process; 0: nobody
};

}  // namespace logdb::sim
