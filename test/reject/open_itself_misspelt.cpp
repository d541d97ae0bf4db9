// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks names open_itself exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  using file = int;
  static constexpr logdb::storage_hooks hooks{"open_itself"};
  int open_self() { return 0; }
};

void use() { (void)logdb::storage_traits<Typo>::opens_itself(); }
