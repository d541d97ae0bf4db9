// SPDX-License-Identifier: BSL-1.0
// error: private
#include <logdb/logdb.hpp>

int main() { return sizeof logdb::log_key{}; }
