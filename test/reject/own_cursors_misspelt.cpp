// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<P>: P::hooks names own_cursors exactly if it has own_cursors
#include <logdb/logdb.hpp>

struct Typo : logdb::Sparse {
  static constexpr logdb::index_hooks hooks{"fault", "own_cursors"};
  static constexpr std::string_view own_cursor = "mine.";
};

int main() {
  logdb::basic_log<logdb::Index<Typo>> wal{"a.wal"};
  return wal.cursor("mine.one").next() == logdb::lsn{} ? 0 : 1;
}
