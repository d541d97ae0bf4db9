// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE protocol_keys
#include <boost/test/unit_test.hpp>

#include "crash/sim/shared_key_trial.hpp"
#include "interprocess/support/index_protocol.hpp"

// Processes that write and compact one key-value log, on a simulated machine: under drawn
// schedules, and with a process killed at its steps.

namespace logdb::sim {

using durable = shared_key_trial<shared_sim_keys<Fsync>>;
using delayed = shared_key_trial<shared_sim_keys<Async>>;

BOOST_AUTO_TEST_CASE(processes_without_a_kill_agree_with_maps) {
  try_drawn_schedules<durable, delayed>();
}

BOOST_AUTO_TEST_CASE(a_process_killed_at_its_steps_loses_nothing_and_stops_nobody) {
  try_kills<durable, delayed>();
}

}  // namespace logdb::sim
