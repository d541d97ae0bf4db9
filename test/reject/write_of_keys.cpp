// SPDX-License-Identifier: BSL-1.0
// error: private
#include <logdb/kv_store.hpp>

int main() {
  logdb::kv_store keys{"a.kv"};
  keys.write(logdb::detail::key_write_key{}, {}, {}, {}, {});
}
