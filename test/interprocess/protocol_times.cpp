// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE protocol_times
#include <boost/test/unit_test.hpp>

#include "crash/sim/shared_time_trial.hpp"
#include "interprocess/support/index_protocol.hpp"

// Processes that write and store one time log, on a simulated machine: under drawn
// schedules, and with a process killed at its steps.

namespace logdb::sim {

using durable = shared_time_trial<shared_sim_times<Fsync>>;
using delayed = shared_time_trial<shared_sim_times<Async>>;

BOOST_AUTO_TEST_CASE(processes_without_a_kill_see_the_rows_of_each_in_one_order) {
  try_drawn_schedules<durable, delayed>();
}

BOOST_AUTO_TEST_CASE(a_process_killed_at_its_steps_loses_nothing_and_stops_nobody) {
  try_kills<durable, delayed>();
}

}  // namespace logdb::sim
