// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE protocol
#include "interprocess/support/protocol.hpp"

#include <boost/test/unit_test.hpp>

// Processes that share a directory.

namespace {

namespace sim = logdb::sim;
using synced = sim::shared_sim_log<logdb::Fsync>;
using unsynced = sim::shared_sim_log<logdb::Async>;

}  // namespace

BOOST_AUTO_TEST_CASE(processes_without_a_kill_lose_nothing_and_keep_the_order) {
  sim::try_drawn_schedules<synced, unsynced>(4000);
}

BOOST_AUTO_TEST_CASE(a_process_killed_at_any_step_loses_nothing_and_stops_nobody) {
  sim::try_kills<synced, unsynced>(10);
}

BOOST_AUTO_TEST_CASE(every_schedule_of_two_processes_keeps_order_and_promises) {
  sim::try_every_schedule<synced, unsynced>(2'000);
}
