// SPDX-License-Identifier: BSL-1.0
/// @file
/// tail(): records as they come, on a thread of its own; ends at a stop request, after what was
/// there.

#include <iostream>
#include <stop_token>
#include <string>
#include <thread>

#include <logdb/logdb.hpp>

int main() {
  logdb::durable_wal wal{"tail.wal"};
  wal.append("before the tail began");

  std::stop_source stop;
  std::thread reader{[&wal, token = stop.get_token()] {
    for (const auto& record : wal.tail(logdb::lsn{1}, token)) {
      std::cout << record.lsn() << ' ' << record.text() << '\n';
    }
    std::cout << "the tail has ended\n";
  }};

  for (int i = 1; i <= 3; ++i) wal.append("news " + std::to_string(i));
  stop.request_stop();  // the reader still gets all that was appended before
  reader.join();
  wal.close();
}
