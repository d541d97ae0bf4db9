// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The locks of the simulated system: the real ones, with places between where others may run.

#include <chrono>
#include <cstdint>
#include <optional>

#include <logdb/platform/mutex.hpp>

#include "system.hpp"

namespace logdb::sim {

/// Is the same system under another name, for the real locks inside those below.
struct sim_core : sim_system {};

}  // namespace logdb::sim

namespace logdb::platform {

/// Is the real mutex, with a point before each lock and behind each unlock: most of what can happen
/// between threads happens there.
template <>
class basic_mutex<sim::sim_system> {
 public:
  void lock() {
    sim::sim_system::point();
    inner_.lock();
  }
  [[nodiscard]] bool try_lock() {
    sim::sim_system::point();
    return inner_.try_lock();
  }
  void unlock() {
    inner_.unlock();
    sim::sim_system::point();
  }

 private:
  basic_mutex<sim::sim_core> inner_;
};

/// Is the real event, with a point before each of its verbs.
template <>
class basic_event<sim::sim_system> {
 public:
  [[nodiscard]] std::uint32_t ticket() const {
    sim::sim_system::point();
    return inner_.ticket();
  }
  bool wait(std::uint32_t ticket, std::optional<std::chrono::nanoseconds> timeout = {}) {
    sim::sim_system::point();
    return inner_.wait(ticket, timeout);
  }
  void signal() {
    sim::sim_system::point();
    inner_.signal();
  }

 private:
  basic_event<sim::sim_core> inner_;
};

}  // namespace logdb::platform
