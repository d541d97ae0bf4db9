// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::file::hooks names unshare exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  static constexpr logdb::file_hooks hooks{"unshare"};
  void unshared() {}
};

void use() { (void)logdb::file_traits<Typo>::unshares(); }
