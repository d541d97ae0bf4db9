// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads what stands behind the condition of a query: `| count by service`, `| newest 100`.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <logdb/query/language/scanner.hpp>
#include <logdb/query/language/terms.hpp>
#include <logdb/query/language/time.hpp>
#include <logdb/query/language/tree.hpp>

namespace logdb::query::detail {

/// The pipes of a query, read to its end.
class pipe_reader {
 public:
  explicit pipe_reader(scanner& in) : in_{in} {}

  std::vector<pipe> run() {
    std::vector<pipe> pipes;
    for (in_.skip_space(); !in_.done(); in_.skip_space()) {
      if (!in_.take("|")) in_.fail("\"|\" or the end");
      in_.skip_space();
      const std::size_t begin = in_.at();
      pipe next = read();
      check_order(pipes, next, begin);
      pipes.push_back(std::move(next));
    }
    return pipes;
  }

 private:
  static constexpr std::string_view names =
      "a pipe: count, top, histogram, stats, newest, oldest or fields";

  /// Refuses what cannot follow: events are chosen once, then shown or counted.
  void check_order(const std::vector<pipe>& before, const pipe& next, std::size_t begin) const {
    if (before.empty()) return;
    if (before.back().aggregates()) in_.fail(begin, "the end: nothing follows an aggregate");
    if (before.back().is == pipe::kind::fields) in_.fail(begin, "the end: fields come last");
    if (next.is == pipe::kind::newest || next.is == pipe::kind::oldest) {
      in_.fail(begin, "an aggregate or fields: newest or oldest stands once");
    }
  }

  pipe read() {
    const lexeme name = in_.read(false, names);
    if (name.is("count")) return {.is = pipe::kind::count, .paths = by()};
    if (name.is("newest")) return {.is = pipe::kind::newest, .most = number()};
    if (name.is("oldest")) return {.is = pipe::kind::oldest, .most = number()};
    if (name.is("fields")) return {.is = pipe::kind::fields, .paths = paths()};
    if (name.is("top")) {
      const std::uint64_t most = number();
      return {.is = pipe::kind::top, .most = most, .paths = {path()}};
    }
    if (name.is("histogram")) return histogram();
    if (name.is("stats")) return stats();
    in_.fail(name.begin, names);
  }

  pipe histogram() {
    const lexeme width = in_.read(false, "the width of a bucket, such as 1m");
    const auto read = parse_duration(width.text);
    if (!read || read->count() == 0) {
      in_.fail(width.begin, "the width of a bucket: digits and one of s m h d w");
    }
    pipe made{.is = pipe::kind::histogram, .width = *read};
    in_.skip_space();
    if (take_by()) made.paths = {path()};
    return made;
  }

  pipe stats() {
    pipe made{.is = pipe::kind::stats};
    do {
      made.figures.push_back(next_figure());
      in_.skip_space();
    } while (in_.take(","));
    made.paths = by();
    return made;
  }

  figure next_figure() {
    const lexeme name = in_.read(false, functions);
    figure made = named(name);
    if (made.is == figure::kind::count) return made;
    in_.require("(", "\"(\" and a path");
    made.of = path();
    in_.require(")", "\")\"");
    return made;
  }

  static constexpr std::string_view functions =
      "a function: count, distinct, sum, avg, min, max, median or p0 to p100";

  figure named(const lexeme& name) const {
    using enum figure::kind;
    if (name.is("count")) return {count};
    if (name.is("distinct")) return {distinct};
    if (name.is("sum")) return {sum};
    if (name.is("avg")) return {avg};
    if (name.is("min")) return {min};
    if (name.is("max")) return {max};
    if (name.is("median")) return {percentile, 50};
    unsigned percent = 101;
    const char* const end = name.text.data() + name.text.size();
    const bool p = !name.quoted && (name.text.starts_with('p') || name.text.starts_with('P'));
    const auto read = std::from_chars(name.text.data() + (p ? 1 : 0), end, percent);
    if (!p || read.ec != std::errc{} || read.ptr != end || percent > 100) {
      in_.fail(name.begin, functions);
    }
    return {percentile, percent};
  }

  std::uint64_t number() {
    const lexeme digits = in_.read(false, "a number from 1 on");
    std::uint64_t value = 0;
    const char* const end = digits.text.data() + digits.text.size();
    const auto read = std::from_chars(digits.text.data(), end, value);
    if (digits.quoted || read.ec != std::errc{} || read.ptr != end || value == 0) {
      in_.fail(digits.begin, "a number from 1 on");
    }
    return value;
  }

  bool take_by() {
    in_.skip_space();
    if (!in_.at_keyword("by")) return false;
    in_.go_to(in_.at() + 2);
    return true;
  }

  std::vector<field_path> by() { return take_by() ? paths() : std::vector<field_path>{}; }

  std::vector<field_path> paths() {
    std::vector<field_path> read;
    do {
      read.push_back(path());
      in_.skip_space();
    } while (in_.take(","));
    return read;
  }

  field_path path() { return path_maker{in_}.make(read_pieces(in_, "a path")); }

  scanner& in_;
};

}  // namespace logdb::query::detail
