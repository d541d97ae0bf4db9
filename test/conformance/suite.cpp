// SPDX-License-Identifier: BSL-1.0
/// @file
/// The main program of a conformance suite: LOG/GROUP/CASE for each log and each case.

#include "conformance/suite.hpp"

#include <set>
#include <stdexcept>

#include <boost/test/unit_test.hpp>

namespace logdb::test {
namespace {

using boost::unit_test::test_suite;

/// Returns the suite of that name in another, made if it is not there yet.
test_suite& suite_in(test_suite& outer, const std::string& name) {
  const auto id = outer.get(name);
  if (id != boost::unit_test::INV_TEST_UNIT_ID) {
    return boost::unit_test::framework::get<test_suite>(id);
  }
  auto* const made = BOOST_TEST_SUITE(name);
  outer.add(made);
  return *made;
}

void add_cases(const tested_kind& kind) {
  auto& of_log = suite_in(boost::unit_test::framework::master_test_suite(), kind.name);
  const auto add_to = [&](const char* group, const char* name, const char* file, std::size_t line,
                          auto run) {
    suite_in(of_log, group).add(boost::unit_test::make_test_case(run, name, file, line));
  };
  std::set<std::string> left_out{kind.left_out.begin(), kind.left_out.end()};
  for (const auto& each : each_log_cases()) {
    if (each.group->needs != nullptr && !(kind.*each.group->needs)) continue;
    if (left_out.erase(each.name) != 0) continue;
    add_to(each.group->name, each.name, each.file, each.line, [each, kind] { each.run(kind); });
  }
  if (!left_out.empty()) throw std::logic_error{"no case to leave out: " + *left_out.begin()};
  for (const auto& each : kind.typed) add_to("typed", each.name, each.file, each.line, each.run);
}

}  // namespace

std::vector<each_log_case>& each_log_cases() {
  static std::vector<each_log_case> all;
  return all;
}

}  // namespace logdb::test

int main(int argc, char* argv[]) {
  const auto add_all = [] {
    for (const auto& kind : logdb::test::tested_kinds()) logdb::test::add_cases(kind);
    return true;
  };
  return boost::unit_test::unit_test_main(add_all, argc, argv);
}
