// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Queries written in C++: `field("level") == "ERROR" && field("ms") > 10`.

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/query/language/regex.hpp>
#include <logdb/query/language/scanner.hpp>
#include <logdb/query/language/terms.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/types.hpp>

namespace logdb::query {
namespace detail {

inline expression checked(expression made) {
  if (made.depth() > query_depth_max) {
    throw error{errc::bad_query, "an expression of more than 256 levels"};
  }
  return made;
}

/// Satisfied by numbers: no flag and no character.
template <class T>
concept number_operand = std::floating_point<T> ||
    (std::integral<T> &&
     !logdb::detail::one_of<T, bool, char, wchar_t, char8_t, char16_t, char32_t>);

/// Makes a pattern of a text: `*` and `?` are wild unless they stand behind a backslash.
inline pattern make_pattern(std::string_view text, bool fold) {
  pattern made{.fold = fold};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
    } else if (text[i] == '*' || text[i] == '?') {
      made.wild.push_back(static_cast<std::uint32_t>(made.text.size()));
    }
    made.text += text[i];
  }
  return made;
}

}  // namespace detail

/// A value that a field is compared with.
class operand {
 public:
  // NOLINTBEGIN(google-explicit-constructor): that is what it is for
  operand(const char* text) : operand{std::string_view{text}} {}
  operand(const std::string& text) : operand{std::string_view{text}} {}
  operand(std::string_view text) : literal_{.quoted = true, .text = std::string{text}} {}
  operand(timestamp time)
      : literal_{.quoted = true, .text = print_time(time)},
        end_{.is = bound::kind::time, .time = time.time_since_epoch()} {}
  operand(std::nullptr_t) : literal_{.text = "null"} {}
  template <std::same_as<bool> Flag>
  operand(Flag flag) : literal_{.text = flag ? "true" : "false"} {}
  /// @errors  errc::invalid_argument: it is infinite or no number
  template <detail::number_operand Number>
  operand(Number number) {
    if constexpr (std::floating_point<Number>) {
      if (!std::isfinite(number)) {
        throw error{errc::invalid_argument, "a number of a query has to be finite"};
      }
    }
    std::array<char, 40> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    literal_.text.assign(digits.data(), written.ptr);
  }
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] const detail::lexeme& literal() const { return literal_; }

  /// Returns it as a bound for a path; throws errc::bad_query where it has no order there.
  [[nodiscard]] bound make_bound(const field_path& path, bool inclusive) const {
    if (end_.is != bound::kind::open) {
      bound made = end_;
      made.inclusive = inclusive;
      return made;
    }
    return detail::make_bound(scanner{literal_.text}, path, literal_, inclusive);
  }

 private:
  detail::lexeme literal_{};
  bound end_{};  // of a time; else open
};

/// The values at a path, to make conditions of: each is the one that the text in quotes reads as.
class field {
 public:
  /// @errors  errc::bad_query: `path` is none
  explicit field(std::string_view path) : path_{parse_path(path)} {}

  /// `level="ERROR"`, `ms=12`; of nullptr `level:null`.
  friend expression operator==(const field& of, const operand& value) {
    return detail::make_equals(scanner{value.literal().text}, of.path_, value.literal());
  }
  /// `level!="ERROR"`: events without that field, too.
  friend expression operator!=(const field& of, const operand& value) {
    return expression::not_(of == value);
  }
  friend expression operator<(const field& of, const operand& end) { return of.below(end, false); }
  friend expression operator<=(const field& of, const operand& end) { return of.below(end, true); }
  friend expression operator>(const field& of, const operand& end) { return of.above(end, false); }
  friend expression operator>=(const field& of, const operand& end) { return of.above(end, true); }

  /// `ms:[from TO to]`, both ends with it.
  [[nodiscard]] expression between(const operand& from, const operand& to) const {
    return range_of({from.make_bound(path_, true), to.make_bound(path_, true)}, to);
  }
  /// `ms:[from TO to}`: the end is not in it.
  [[nodiscard]] expression within(const operand& from, const operand& to) const {
    return range_of({from.make_bound(path_, true), to.make_bound(path_, false)}, to);
  }
  /// `service:in("api", "auth")`.
  /// @errors  errc::bad_query: no value at all
  [[nodiscard]] expression in(std::initializer_list<operand> values) const {
    if (values.size() == 0) throw error{errc::bad_query, "in() of no value"};
    std::vector<expression> choices;
    for (const operand& value : values) choices.push_back(*this == value);
    return expression::any_of(std::move(choices));
  }
  /// `id:*`.
  [[nodiscard]] expression exists() const { return detail::make_term(path_, query::exists{}); }
  /// `msg:"no space left"`.
  [[nodiscard]] expression has(std::string_view text) const {
    return detail::make_term(path_, phrase{std::string{text}, false});
  }
  /// `host:web-*`.
  [[nodiscard]] expression like(std::string_view pattern) const { return like(pattern, false); }
  /// `level:i(error)`: equal but for the case of ASCII letters.
  [[nodiscard]] expression equals_any_case(std::string_view text) const {
    if (text.empty()) return *this == text;
    return detail::make_term(path_, equals{std::string{text}, false, true});
  }
  /// `msg=~"retry [0-9]+"`.
  /// @errors  errc::bad_query: it is no regular expression, or over a limit
  [[nodiscard]] expression matches(std::string_view regex) const {
    std::string text{regex};
    if (const std::string fault = detail::regex_fault(text); !fault.empty()) {
      detail::refuse(text, 0, fault);
    }
    return detail::make_term(path_, matching{std::move(text)});
  }

 private:
  [[nodiscard]] expression like(std::string_view text, bool fold) const {
    pattern made = detail::make_pattern(text, fold);
    if (made.text == "*" && !made.wild.empty()) return exists();
    if (made.wild.empty()) return detail::make_term(path_, equals{std::move(made.text), true});
    return detail::make_term(path_, std::move(made));
  }
  [[nodiscard]] expression above(const operand& end, bool inclusive) const {
    return detail::make_term(path_, range{end.make_bound(path_, inclusive), {}});
  }
  [[nodiscard]] expression below(const operand& end, bool inclusive) const {
    return detail::make_term(path_, range{{}, end.make_bound(path_, inclusive)});
  }
  [[nodiscard]] expression range_of(range ends, const operand& upper) const {
    detail::check_order(scanner{upper.literal().text}, ends, 0);
    return detail::make_term(path_, std::move(ends));
  }

  field_path path_;
};

/// Makes the condition `"text"`: a phrase in any string of an event.
inline expression contains(std::string_view text) {
  return detail::make_term({place::anywhere, {}}, phrase{std::string{text}, false});
}

/// @errors  errc::bad_query: over query_depth_max levels; as with `||` and `!`
inline expression operator&&(expression a, expression b) {
  return detail::checked(expression::all_of({std::move(a), std::move(b)}));
}
inline expression operator||(expression a, expression b) {
  return detail::checked(expression::any_of({std::move(a), std::move(b)}));
}
inline expression operator!(expression a) {
  return detail::checked(expression::not_(std::move(a)));
}

}  // namespace logdb::query
