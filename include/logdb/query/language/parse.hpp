// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads a query: docs/events.md has the grammar and the meaning.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/query/language/pipes.hpp>
#include <logdb/query/language/regex.hpp>
#include <logdb/query/language/scanner.hpp>
#include <logdb/query/language/terms.hpp>
#include <logdb/query/language/tree.hpp>

namespace logdb::query {
namespace detail {

/// A query as it is read, from the front, one function a rule of the grammar.
class parser {
 public:
  explicit parser(std::string_view text) : in_{text} {}

  parsed_query run() {
    parsed_query read;
    in_.skip_space();
    if (!in_.done() && in_.peek() != '|') read.where = any_of();
    in_.skip_space();
    if (!in_.done() && in_.peek() != '|') in_.fail("AND, OR, NOT, a term, \"|\" or the end");
    read.pipes = pipe_reader{in_}.run();
    return read;
  }

 private:
  /// A level of parentheses or of NOT, while it is read.
  class level {
   public:
    explicit level(parser& in) : in_{in} {
      if (++in_.depth_ > query_depth_max) in_.in_.fail("at most 256 levels");
    }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() { --in_.depth_; }

   private:
    parser& in_;
  };

  expression any_of() {
    std::vector<expression> parts;
    do {
      parts.push_back(all_of());
    } while (take_keyword("or"));
    return joined(expression::any_of(std::move(parts)));
  }

  expression all_of() {
    std::vector<expression> parts{not_()};
    for (;;) {
      const bool named = take_keyword("and");
      if (!named && !continues()) return joined(expression::all_of(std::move(parts)));
      parts.push_back(not_());
    }
  }

  /// Returns whether what is next begins a condition beside the one before.
  bool continues() {
    in_.skip_space();
    return !in_.done() && in_.peek() != ')' && in_.peek() != '|' && !in_.at_keyword("or");
  }

  expression not_() {
    in_.skip_space();
    if (!take_keyword("not") && !in_.take("-") && !in_.take("!")) return primary();
    const level deeper{*this};
    return joined(expression::not_(not_()));
  }

  expression primary() {
    if (in_.take("(")) return parentheses();
    if (group_ != nullptr) return match(*group_);
    if (in_.take_call("i")) return folded({place::anywhere, {}});
    const std::vector<lexeme> pieces =
        read_pieces(in_, "a term, such as level:ERROR, a word or \"text\"", true);
    in_.skip_space();
    if (at_comparison()) return comparison(path_maker{in_}.make(pieces));
    if (pieces.size() > 1) in_.fail("\":\" or a comparison behind a path");
    return make_value(in_, {place::anywhere, {}}, pieces.front(), false);
  }

  expression parentheses() {
    const level deeper{*this};
    expression within = any_of();
    in_.require(")", "AND, OR, NOT, a term or \")\"");
    return within;
  }

  [[nodiscard]] bool at_comparison() const {
    switch (in_.peek()) {
      case ':':
      case '=':
      case '<':
      case '>': return true;
      case '!': return in_.is_next("!=") || in_.is_next("!~");
      default: return false;
    }
  }

  expression comparison(const field_path& path) {
    if (in_.take("=~")) return regex(path);
    if (in_.take("!~")) return joined(expression::not_(regex(path)));
    if (in_.take("!=")) return joined(expression::not_(equal(path)));
    if (in_.take("=")) return equal(path);
    if (!in_.take(":")) return ordered(path);
    in_.skip_space();
    if (in_.take("(")) return group(path);
    return match(path);
  }

  /// Reads conditions of which every one is of a path.
  expression group(const field_path& path) {
    group_ = &path;
    expression within = parentheses();
    group_ = nullptr;
    return within;
  }

  expression match(const field_path& path) {
    in_.skip_space();
    if (in_.take("=")) return equal(path);
    if (in_.peek() == '<' || in_.peek() == '>') return ordered(path);
    if (in_.peek() == '[' || in_.peek() == '{') return between(path);
    if (in_.take_call("i")) return folded(path);
    if (in_.take_call("in")) return one_of(path);
    const lexeme value = in_.read(true, "a value");
    if (value.is("null")) return make_term(path, is_null{});
    return make_value(in_, path, value, false);
  }

  expression equal(const field_path& path) {
    return make_equals(in_, path, in_.read(true, "a value"));
  }

  expression ordered(const field_path& path) {
    const bool lower = in_.take(">");
    if (!lower) in_.require("<", "a comparison");
    const bool inclusive = in_.take("=");
    bound end =
        make_bound(in_, path, in_.read(true, "a number, a time, or text in quotes"), inclusive);
    return make_term(path, lower ? range{std::move(end), {}} : range{{}, std::move(end)});
  }

  expression between(const field_path& path) {
    range ends;
    const bool closed = in_.take("[");
    if (!closed) in_.require("{", "a range");
    ends.lower = end_of_range(path, closed);
    if (!take_keyword("to")) in_.fail("TO");
    in_.skip_space();
    const std::size_t upper_at = in_.at();
    ends.upper = end_of_range(path, false);
    in_.skip_space();
    const bool with_end = in_.take("]");
    if (!with_end) in_.require("}", "\"]\" or \"}\"");
    ends.upper.inclusive = with_end && !ends.upper.is_open();
    if (ends.lower.is_open() && ends.upper.is_open()) return make_term(path, exists{});
    check_order(in_, ends, upper_at);
    return make_term(path, std::move(ends));
  }

  bound end_of_range(const field_path& path, bool inclusive) {
    const lexeme end = in_.read(true, "a bound: a number, a time, text in quotes, or *");
    if (end.text == "*" && !end.wild.empty()) return {};
    return make_bound(in_, path, end, inclusive);
  }

  expression regex(const field_path& path) {
    in_.skip_space();
    if (path.is_time()) in_.fail("a time and one of : = != < <= > >=");
    if (!in_.at_string()) in_.fail("a regular expression in quotes");
    lexeme text = in_.read(true, "a regular expression in quotes");
    if (const std::string fault = regex_fault(text.text); !fault.empty()) {
      in_.fail(text.begin, fault);
    }
    return make_term(path, matching{std::move(text.text)});
  }

  /// Reads the rest of `i(value)`, whose case does not matter.
  expression folded(const field_path& path) {
    const lexeme value = in_.read(true, "a value");
    in_.require(")", "\")\"");
    return make_value(in_, path, value, true);
  }

  /// Reads the rest of `in(value, value)`: equal to one of them.
  expression one_of(const field_path& path) {
    std::vector<expression> choices;
    do {
      choices.push_back(make_equals(in_, path, in_.read(true, "a value")));
      in_.skip_space();
    } while (in_.take(","));
    in_.require(")", "\",\" or \")\"");
    return joined(expression::any_of(std::move(choices)));
  }

  bool take_keyword(std::string_view lower) {
    in_.skip_space();
    if (!in_.at_keyword(lower)) return false;
    in_.go_to(in_.at() + lower.size());
    return true;
  }

  [[nodiscard]] expression joined(expression made) const {
    if (made.depth() > query_depth_max) in_.fail("at most 256 levels");
    return made;
  }

  scanner in_;
  std::size_t depth_ = 0;
  const field_path* group_ = nullptr;
};

}  // namespace detail

/// Returns what a query's text says.
/// @errors  errc::bad_query: `what()` shows the text, a caret and what was expected there, and
///          `offset()` is its byte; also for a text over query_bytes_max
/// @cost    O(bytes); a recursion of at most query_depth_max levels
inline parsed_query parse(std::string_view text) {
  if (text.size() > query_bytes_max) {
    detail::refuse(text, query_bytes_max, "the end: a query has at most 65536 bytes");
  }
  return detail::parser{text}.run();
}

}  // namespace logdb::query
