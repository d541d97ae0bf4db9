// SPDX-License-Identifier: BSL-1.0
// error: logdb: put<T> and get<T> would store an address: T is a pointer, or a range that may be a
//   view; give what it refers to, or specialise logdb::codec<T>
#include <string_view>

#include <logdb/logdb.hpp>

int main() {
  logdb::kv_store keys{"a.kv"};
  keys.put("text", std::wstring_view{L"wide"});
}
