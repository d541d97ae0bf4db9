// SPDX-License-Identifier: BSL-1.0
/// @file
/// The key-value log: puts, gets, versions, a transaction, a snapshot, a compaction.

#include <iostream>

#include <logdb/logdb.hpp>

int main() {
  logdb::kv_store stock{"stock.kv"};
  stock.put("apples", 10);
  stock.put("pears", 5);

  auto sale = stock.begin();  // all or nothing
  sale.put("apples", *sale.get<int>("apples") - 3);
  sale.erase("pears");
  std::cout << "before the commit " << *stock.get<int>("apples") << " apples\n";
  sale.commit();
  std::cout << "after it " << *stock.get<int>("apples") << '\n';

  // Only if nobody else was faster: the lsn tells the version.
  const auto seen = stock.get("apples");
  const bool first = stock.compare_and_put("apples", seen->lsn(), 6).has_value();
  const bool second = stock.compare_and_put("apples", seen->lsn(), 5).has_value();
  std::cout << std::boolalpha << "put: " << first << ", put again: " << second << '\n';

  const auto then = stock.snapshot();
  stock.put("apples", 100);
  std::cout << "then " << *then.get<int>("apples") << ", now " << *stock.get<int>("apples") << '\n';

  for (const auto& version : stock.history("apples")) {
    std::cout << "lsn " << version.at << ": " << *logdb::codec<int>::decode(version.value->bytes())
              << '\n';
  }

  stock.add("fruit of the week", "plums");
  stock.add("fruit of the week", "grapes");
  for (const auto& value : stock.values("fruit of the week")) std::cout << value.text() << '\n';
  stock.close();
}
