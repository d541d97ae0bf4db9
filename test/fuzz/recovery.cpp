// SPDX-License-Identifier: BSL-1.0
/// @file
/// A whole directory of hostile files: opened to read and to write, read, appended to, reopened.

#include "support/container.hpp"
#include "support/exercise.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  logdb::fuzz::input in{data, bytes};
  const auto how = in.take<std::uint8_t>();
  logdb::fuzz::exercise_any(logdb::fuzz::unpack(in), how);
  return 0;
}
