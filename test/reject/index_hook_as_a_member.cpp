// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: reads_staging, keeps_log_time, keeps_all, one_writer
#include <logdb/logdb.hpp>

struct Plain : logdb::Sparse {
  static constexpr bool one_writer = true;
};

logdb::basic_log<logdb::Index<Plain>, logdb::Locking<logdb::Fcntl>> wal{"a.wal"};
