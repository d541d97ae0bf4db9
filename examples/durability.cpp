// SPDX-License-Identifier: BSL-1.0
/// @file
/// When an append is on disk: at once in a durable_wal; in an async_wal after its time, after
/// sync(), or after wait_durable(). loss_window() says what a power cut now would cost at most.

#include <chrono>
#include <iostream>

#include <logdb/logdb.hpp>

int main() {
  using namespace std::chrono_literals;

  logdb::durable_wal orders{"orders.wal"};
  orders.append("paid");
  std::cout << "durable_wal: lsn " << orders.durable_lsn() << " of " << orders.last_lsn()
            << " is durable\n";
  orders.close();

  // A sync begins a minute after the oldest record it covers: only asking for it brings it sooner.
  logdb::async_wal clicks{"clicks.wal", {.durability = {.delay_max = 1min}}};
  const logdb::lsn first = clicks.append("click");
  clicks.append("clack");
  std::cout << "async_wal: a power cut would cost " << clicks.loss_window().records << " records\n";
  clicks.wait_durable(first);
  std::cout << std::boolalpha << "lsn " << first
            << " is durable: " << (clicks.durable_lsn() >= first) << '\n';
  clicks.append("cluck");
  clicks.sync();
  std::cout << "after sync: " << clicks.loss_window().records << " records\n";
  clicks.close();
}
