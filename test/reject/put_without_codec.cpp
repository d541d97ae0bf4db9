// SPDX-License-Identifier: BSL-1.0
// error: logdb: put<T> and get<T> need a codec: specialise logdb::codec<T>
#include <vector>

#include <logdb/logdb.hpp>

int main() {
  logdb::kv_store keys{"a.kv"};
  keys.put("list", std::vector<std::vector<int>>{{1}, {2}});
}
