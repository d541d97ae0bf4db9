// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::hooks names gone_with exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  using file = int;
  static constexpr logdb::storage_hooks hooks{"gone_with"};
  std::vector<std::string> gone_with(std::string_view) const { return {}; }
};

void use() { (void)logdb::storage_traits<Typo>::has_files_beside(); }
