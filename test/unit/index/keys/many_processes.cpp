// SPDX-License-Identifier: BSL-1.0
/// @file
/// Logs of keys that several processes may write, with one that does.

#include "unit/index/keys/adapter.hpp"
#include "unit/index/keys/kinds.hpp"

namespace logdb::test {

std::vector<key_kind> kinds_of_many_processes() {
  return {key_kind_of<shared_kv>(), key_kind_of<shared_kv::with<Durability<Fsync>>>(),
          key_kind_of<shared_kv::with<Durability<None>>>()};
}

}  // namespace logdb::test
