// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The targets of the library, and which of them a run met. `bench/run` gathers the lines.

#include <cstdio>
#include <string>
#include <vector>

#include "support.hpp"

namespace bench {

/// Collects verdicts and prints them at the end, a line each that begins with `met` or `missed`.
class targets {
 public:
  /// Writes a figure with its unit.
  using writer = std::string (*)(double);

  targets() = default;
  targets(const targets&) = delete;
  targets& operator=(const targets&) = delete;
  ~targets() {
    for (const auto& line : lines_) std::printf("%s\n", line.c_str());
    std::printf("\n");
  }

  void at_least(const std::string& what, double seen, double wanted, writer write) {
    judge(seen >= wanted, what, write(seen), "at least " + write(wanted));
  }
  void at_most(const std::string& what, double seen, double wanted, writer write) {
    judge(seen <= wanted, what, write(seen), "at most " + write(wanted));
  }

 private:
  void judge(bool met, const std::string& what, const std::string& seen,
             const std::string& wanted) {
    lines_.push_back((met ? "met     " : "missed  ") + what + ": " + seen + ", wanted " + wanted);
  }

  std::vector<std::string> lines_;
};

inline std::string as_ratio(double value) { return fixed(value, 2); }
inline std::string as_rate(double value) { return rate_text(value) + "/s"; }
inline std::string as_ns(double value) { return fixed(value, 0) + " ns"; }
inline std::string as_ms(double value) { return fixed(value, 2) + " ms"; }
inline std::string as_bytes(double value) { return fixed(value, 2) + " bytes"; }

}  // namespace bench
