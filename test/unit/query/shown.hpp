// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The answer of an aggregate as text.

#include <string>

#include <logdb/query/aggregate.hpp>

namespace logdb::test {

inline std::string shown(const query::answer_value& value) {
  using enum query::answer_value::kind;
  return value.is == absent ? "absent" : value.is == text ? '"' + value.text + '"' : value.text;
}

/// Returns the answer as text: `values: count figures; …`, or `begin buckets value: counts; …`.
inline std::string shown(const query::answer& of) {
  std::string out;
  for (const query::answer_row& row : of.rows) {
    for (const query::answer_value& value : row.values) out += shown(value) + ' ';
    out += std::to_string(row.count);
    for (const query::answer_value& figure : row.figures) out += ' ' + shown(figure);
    out += "; ";
  }
  if (of.buckets != 0) out += query::print_time(of.begin) + ' ';
  for (const query::answer_series& series : of.series) {
    out += shown(series.value) + ':';
    for (const auto count : series.counts) out += ' ' + std::to_string(count);
    out += "; ";
  }
  return out;
}

}  // namespace logdb::test
