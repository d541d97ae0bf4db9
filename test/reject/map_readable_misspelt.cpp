// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::file::hooks names map_readable exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  static constexpr logdb::file_hooks hooks{"map_readable"};
  int map(int, std::uint64_t, logdb::open_mode) const { return 0; }
  std::uint64_t size() const { return 0; }
};

void use(Typo& typo) { (void)logdb::file_traits<Typo>::map_readable(typo); }
