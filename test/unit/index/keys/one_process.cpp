// SPDX-License-Identifier: BSL-1.0
/// @file
/// Logs of keys that one process writes.

#include "unit/index/keys/adapter.hpp"
#include "unit/index/keys/kinds.hpp"

namespace logdb::test {

std::vector<key_kind> kinds_of_one_process() {
  using in_memory = basic_log<Storage<Memory>, Durability<None>, Index<KeyDir>, Locking<None>>;
  return {key_kind_of<kv_store>(), key_kind_of<kv_store::with<Durability<Fsync>>>(),
          key_kind_of<kv_store::with<Durability<None>>>(), key_kind_of<in_memory>()};
}

}  // namespace logdb::test
