// SPDX-License-Identifier: BSL-1.0
/// @file
/// begin(): records that reach the log together or not at all; nested, rolled back, reading what it
/// wrote itself. Other threads append meanwhile.

#include <iostream>

#include <logdb/logdb.hpp>

namespace {

template <class Log>
void print(const char* what, const Log& log) {
  std::cout << what << ':';
  for (const auto& record : log.records()) std::cout << ' ' << record.text();
  std::cout << '\n';
}

}  // namespace

int main() {
  logdb::durable_wal wal{"transaction.wal"};
  wal.append("a");

  auto outer = wal.begin();
  outer.append("b");
  {
    auto inner = outer.begin();
    inner.append("c");
    inner.rollback();  // takes back only what it added
  }
  {
    auto inner = outer.begin();
    inner.append("d");
    inner.commit();  // hands it to the transaction around it
  }
  {
    auto inner = outer.begin();
    inner.append("e");
  }  // destroyed: rolled back
  print("the transaction sees", outer);
  print("everybody else sees", wal);

  const logdb::lsn last = outer.commit();  // as durable as an append
  std::cout << "committed up to lsn " << last << '\n';
  print("everybody sees", wal);

  wal.begin().append("never committed");
  print("and still", wal);
  wal.close();
}
