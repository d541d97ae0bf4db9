// SPDX-License-Identifier: BSL-1.0
// error: logdb: Index<TimeLSM> lives in memory; write Storage<Memory>, Durability<None>,
//   Locking<None>, as memory_timelog does
#include <logdb/logdb.hpp>

logdb::basic_log<logdb::Index<logdb::TimeLSM>> timelog{"a.tl"};
