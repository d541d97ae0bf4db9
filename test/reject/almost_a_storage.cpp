// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P is not a storage_policy; see logdb/policy/storage.hpp
#include <logdb/logdb.hpp>

struct Nearly {
  using system = logdb::Directory::system;
  using file = int;
  using mapping = logdb::Directory::mapping;
  struct options {};
};

logdb::basic_log<logdb::Storage<Nearly>> wal{"a.wal"};
