// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE protocol_file
#include <boost/test/unit_test.hpp>

#include "interprocess/support/protocol.hpp"

// Processes that share one file.

namespace {

namespace sim = logdb::sim;
using synced = sim::shared_sim_log<logdb::Fsync, logdb::BasicSingleFile>;
using unsynced = sim::shared_sim_log<logdb::Async, logdb::BasicSingleFile>;

}  // namespace

BOOST_AUTO_TEST_CASE(processes_without_a_kill_lose_nothing_and_keep_the_order) {
  sim::try_drawn_schedules<synced, unsynced>(1000);
}

BOOST_AUTO_TEST_CASE(a_process_killed_at_any_step_loses_nothing_and_stops_nobody) {
  sim::try_kills<synced, unsynced>(4);
}

BOOST_AUTO_TEST_CASE(every_schedule_of_two_processes_keeps_order_and_promises) {
  sim::try_every_schedule<synced, unsynced>(2'000);
}
