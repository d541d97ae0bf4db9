// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Lets the allocations fail that a simulated machine says. For one unit of a program.

#include "support/failing_new.hpp"
#include "world.hpp"

namespace logdb::sim {

inline const bool allocations_can_fail = [] {
  test::also_fails = [] {
    world* const machine = world::current();
    return machine != nullptr && machine->fails_allocation();
  };
  return true;
}();

}  // namespace logdb::sim
