// SPDX-License-Identifier: BSL-1.0
/// @file
/// cursor(): the place of a named consumer, kept in the log itself. What was acknowledged does not
/// come again; after a crash the rest comes at least once.

#include <iostream>

#include <logdb/logdb.hpp>

namespace {

void send_some(std::size_t most) {
  logdb::durable_wal wal{"cursor.wal"};
  auto mailer = wal.cursor("mailer");
  std::cout << mailer.name() << " goes on at lsn " << mailer.next() << '\n';
  for (const auto& record : mailer.records()) {
    if (most-- == 0) break;
    std::cout << "  sent " << record.text() << '\n';
    mailer.acknowledge(record.lsn());
  }
  wal.close();
}

}  // namespace

int main() {
  {
    logdb::durable_wal wal{"cursor.wal"};
    for (const auto* letter : {"to ann", "to bob", "to cleo"}) wal.append(letter);
    wal.close();
  }
  send_some(2);
  send_some(2);
  send_some(2);
}
