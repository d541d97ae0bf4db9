// SPDX-License-Identifier: BSL-1.0
// error: logdb: Storage<P>: P::file::hooks names discard exactly if it has
#include <logdb/policy/storage_traits.hpp>

struct Typo {
  static constexpr logdb::file_hooks hooks{"discard"};
  void discrad() noexcept {}
};

void use(Typo& typo) { logdb::file_traits<Typo>::discard(typo); }
