// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What tests of all logs of keys share: cases that are compiled once and run on each log.

#include <filesystem>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "conformance/texts.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"
#include "unit/index/keys/contents.hpp"
#include "unit/index/keys/tested_keys.hpp"

namespace logdb::test {

/// Returns the options of a log that is compacted only by hand: versions of keys stay.
inline key_options compacted_by_hand() {
  key_options options;
  options.dead_ratio_max = 2;
  return options;
}

/// A log of keys, new at the beginning of each case.
struct fresh_keys {
  explicit fresh_keys(const key_kind& of, const key_options& chosen = compacted_by_hand())
      : kind{of}, options{chosen} {}

  void reopen_if_it_lasts() {
    if (!kind.persistent) return;
    log.close();
    log = kind.open(path, options);
  }

  const key_kind& kind;
  temp_dir place{};
  std::filesystem::path path = place / "log";
  key_options options;
  tested_keys log = kind.open(path, options);
};

/// Adds the suite NAME with a case for each log, named as that is.
inline bool add_to_each_key_log(const char* name, const char* file, std::size_t line,
                                void (*run)(const key_kind&)) {
  auto* const suite = new boost::unit_test::test_suite{name, file, line};  // the framework's
  for (const auto& kind : key_kinds()) {
    const auto on_it = [run, &kind] { run(kind); };
    suite->add(boost::unit_test::make_test_case(on_it, kind.name, file, line));
  }
  boost::unit_test::framework::current_auto_test_suite().add(suite);
  return true;
}

}  // namespace logdb::test

/// Defines a case that is given the `kind` of log to run on.
#define LOGDB_EACH_KEY_LOG(name)                                                     \
  void name(const key_kind& kind);                                                   \
  const bool name##_is_added = add_to_each_key_log(#name, __FILE__, __LINE__, name); \
  void name(const key_kind& kind)
