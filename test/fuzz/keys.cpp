// SPDX-License-Identifier: BSL-1.0
/// @file
/// A key-value log in which the input changes fields, records, hints and files, with or without the
/// checksums made right again: opened to read and to write, by who salvages and who does not.

#include "support/damage.hpp"
#include "support/key_exercise.hpp"

namespace {

template <class Log>
void run(logdb::fuzz::input& in, std::uint8_t how) {
  static const auto closed = logdb::fuzz::make_key_store<Log>(true);
  static const auto killed = logdb::fuzz::make_key_store<Log>(false);
  logdb::fuzz::fuzz_system::reset();
  const auto& start = *((how & 1) != 0 ? killed : closed);
  const auto files = logdb::fuzz::damager{start, in}.run();
  logdb::fuzz::key_exercise<Log>{files, (how & 2) != 0}.run();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  logdb::fuzz::input in{data, bytes};
  const auto how = in.take<std::uint8_t>();
  if ((how & 4) != 0) {
    run<logdb::fuzz::key_log<logdb::Ordered>>(in, how);
  } else {
    run<logdb::fuzz::key_log<logdb::Unordered>>(in, how);
  }
  return 0;
}
