// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::file::hooks names map_private exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  static constexpr logdb::file_hooks hooks{"map_private"};
  int map_privat(int, int) const { return 0; }
};

void use() { (void)logdb::file_traits<Typo>::maps_private(); }
