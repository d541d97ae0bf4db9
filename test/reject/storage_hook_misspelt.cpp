// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks or P::file::hooks names what is no hook
#include <logdb/logdb.hpp>

struct Typo : logdb::Directory {
  using logdb::Directory::BasicDirectory;
  static constexpr logdb::storage_hooks hooks{"shared_writer"};
};

logdb::basic_log<logdb::Storage<Typo>> wal{"a.wal"};
