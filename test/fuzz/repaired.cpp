// SPDX-License-Identifier: BSL-1.0
/// @file
/// A valid store in which the input changes fields, frames and files, and whose checksums are then
/// made right again, so that what lies behind them is reached.

#include "support/damage.hpp"
#include "support/exercise.hpp"
#include "support/stores.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  static const std::vector<logdb::fuzz::file_set_ptr> stores = [] {
    std::vector<logdb::fuzz::file_set_ptr> made;
    for (std::uint8_t kind = 0; kind < logdb::fuzz::store_kinds; ++kind) {
      made.push_back(logdb::fuzz::make_store(kind));
    }
    return made;
  }();
  logdb::fuzz::input in{data, bytes};
  const auto how = in.take<std::uint8_t>();
  const auto& start = *stores[in.below(logdb::fuzz::store_kinds)];
  logdb::fuzz::exercise_any(logdb::fuzz::damager{start, in}.run(), how);
  return 0;
}
