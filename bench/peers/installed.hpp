// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Every peer that is installed; each says so by a LOGDB_BENCH_ word.

#include "store.hpp"

#if defined(LOGDB_BENCH_BERKELEY)
#include "berkeley.hpp"
#endif
#if defined(LOGDB_BENCH_LEVELDB) || defined(LOGDB_BENCH_ROCKSDB)
#include "lsm.hpp"
#endif
#if defined(LOGDB_BENCH_LMDB)
#include "lmdb.hpp"
#endif
#if defined(LOGDB_BENCH_SQLITE)
#include "sqlite.hpp"
#endif
#if defined(LOGDB_BENCH_TKRZW)
#include "tkrzw.hpp"
#endif
