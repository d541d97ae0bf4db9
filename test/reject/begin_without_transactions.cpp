// SPDX-License-Identifier: BSL-1.0
// error: logdb: a log with this index has no transactions; append a range, which is atomic
#include <logdb/timelog.hpp>

struct Rows : logdb::BasicTimeLSM<double> {
  template <class Log>
  using transaction = logdb::no_transaction;
};

int main() {
  logdb::basic_log<logdb::Index<Rows>> log{"a.tl"};
  log.begin();
}
