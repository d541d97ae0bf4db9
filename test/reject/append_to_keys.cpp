// SPDX-License-Identifier: BSL-1.0
// error: 'append'
#include <logdb/logdb.hpp>

int main() {
  logdb::kv_store keys{"a.kv"};
  keys.append("a record without a key");
}
