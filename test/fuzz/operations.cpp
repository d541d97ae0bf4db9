// SPDX-License-Identifier: BSL-1.0
/// @file
/// Random operations on a log and on a vector that should hold the same: appends, transactions,
/// truncation, cursors, snapshots, restarts, kills, failing syncs and writes.

#include "support/model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  logdb::fuzz::input in{data, bytes};
  switch (in.below(3)) {
    case 0: logdb::fuzz::model_run<logdb::fuzz::fsync_log>{in}.run(); break;
    case 1: logdb::fuzz::model_run<logdb::fuzz::async_log>{in}.run(); break;
    default: logdb::fuzz::model_run<logdb::fuzz::none_log>{in}.run(); break;
  }
  return 0;
}
