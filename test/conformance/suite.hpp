// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The conformance suite: cases that are compiled once and run on each log of a program. A file
/// under cases/ has a `group` and its cases; a program lists its logs in tested_kinds().

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/framework.hpp>
#include <boost/test/test_tools.hpp>

#include "conformance/tested_log.hpp"
#include "conformance/texts.hpp"
#include "support/temp_dir.hpp"

namespace logdb::test {

/// A log of the kind under test, new at the beginning of each case.
struct fresh_log {
  explicit fresh_log(const tested_kind& of, tested_options chosen = {})
      : kind{of}, options{std::move(chosen)} {}

  void reopen() {
    log.close();
    log = kind.open(path, options);
  }
  /// The same, except for a log whose records would be gone.
  void reopen_if_it_lasts() {
    if (kind.persistent) reopen();
  }

  const tested_kind& kind;
  temp_dir place{};
  std::filesystem::path path = place / "log";
  tested_options options;
  tested_log log = kind.open(path, options);
};

/// The cases of one file, and what a log must have for them.
struct case_group {
  const char* name;
  bool tested_kind::*needs = nullptr;  // null: any log
};

/// One case, told to every program that links it.
struct each_log_case {
  const case_group* group;
  const char* name;
  const char* file;
  std::size_t line;
  void (*run)(const tested_kind& kind);
};

/// Returns the cases linked, to be added to before main().
std::vector<each_log_case>& each_log_cases();

inline bool add(const each_log_case& one) {
  each_log_cases().push_back(one);
  return true;
}

/// Returns the logs that this program runs the cases on.
std::vector<tested_kind> tested_kinds();

}  // namespace logdb::test

/// Defines a case of this file's `group`, which is given the `kind` of log to run on.
#define LOGDB_EACH_LOG(name)                                                   \
  void name(const tested_kind& kind);                                          \
  const bool name##_is_added = add({&group, #name, __FILE__, __LINE__, name}); \
  void name([[maybe_unused]] const tested_kind& kind)
