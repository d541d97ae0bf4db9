// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The tests of a query, made ready once: whether a value holds.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/language/regex.hpp>
#include <logdb/query/language/terms.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/types.hpp>

namespace logdb::query::detail {

/// What a test is told beside the value.
struct test_site {
  timestamp now{};
  bool by_word = false;              ///< a pattern is compared with each word of a string
  std::uint64_t* skipped = nullptr;  ///< counts values too long for a regular expression
};

/// Returns whether two numbers have one value; one that no double is near is known by its text.
inline bool same_number(const json_number& a, std::string_view a_text, const json_number& b,
                        std::string_view b_text) {
  if (a.beyond || b.beyond) return a_text == b_text;
  return compare(a, b) == 0;
}

/// Ready form of `equals`.
class equals_test {
 public:
  explicit equals_test(const equals& of)
      : text_{of.fold ? lowered(of.text) : of.text}, fold_{of.fold}, quoted_{of.quoted} {
    if (!quoted_ && is_json_number(of.text)) number_ = parse_number(of.text);
    number_text_ = of.text;
  }

  bool holds(leaf_value& value, const test_site&) const {
    switch (value.kind()) {
      case json_kind::string:
        return fold_ ? equal_text(value.text(), text_, true) : value.written().equals(text_);
      case json_kind::number:
        return number_ &&
               same_number(value.number(), value.written().bytes, *number_, number_text_);
      case json_kind::true_: return !quoted_ && text_ == "true";
      case json_kind::false_: return !quoted_ && text_ == "false";
      default: return false;
    }
  }

 private:
  std::string text_;
  std::string number_text_{};
  std::optional<json_number> number_{};
  bool fold_;
  bool quoted_;
};

/// Ready form of `phrase`.
class phrase_test {
 public:
  explicit phrase_test(const phrase& of)
      : text_{of.fold ? lowered(of.text) : of.text}, fold_{of.fold} {}

  bool holds(leaf_value& value, const test_site&) const {
    return value.is_string() && has_phrase(value.text(), text_, fold_);
  }

 private:
  std::string text_;
  bool fold_;
};

/// Ready form of `pattern`.
class pattern_test {
 public:
  explicit pattern_test(const pattern& of) : glob_{of} {}

  bool holds(leaf_value& value, const test_site& site) const {
    if (!value.is_string()) return false;
    return site.by_word ? glob_.fits_a_word(value.text()) : glob_.fits(value.text());
  }

 private:
  glob glob_;
};

/// Ready form of `range`.
class range_test {
 public:
  explicit range_test(const range& of) : ends_{of} {
    for (const bound* end : {&ends_.lower, &ends_.upper}) {
      if (!end->is_open()) kind_ = end->is_time() ? bound::kind::time : end->is;
    }
    if (kind_ != bound::kind::number) return;
    if (!ends_.lower.is_open()) lower_ = parse_number(ends_.lower.text);
    if (!ends_.upper.is_open()) upper_ = parse_number(ends_.upper.text);
  }

  bool holds(leaf_value& value, const test_site& site) const {
    if (kind_ == bound::kind::number) {
      if (!value.is_number()) return false;
      return lies([&value](const json_number& end) { return compare(value.number(), end); }, lower_,
                  upper_);
    }
    if (kind_ == bound::kind::text) {
      if (!value.is_string()) return false;
      return lies([&value](const std::string& end) { return value.text() <=> end; },
                  ends_.lower.text, ends_.upper.text);
    }
    const auto time = value.time();
    return time && holds(*time, site);
  }

  /// Returns whether a time lies in a range of times; false in one of another kind.
  bool holds(timestamp time, const test_site& site) const {
    if (kind_ != bound::kind::time) return false;
    return lies([time](timestamp end) { return time <=> end; }, at(ends_.lower, site.now),
                at(ends_.upper, site.now));
  }

 private:
  template <class Compare, class End>
  bool lies(const Compare& compare_with, const End& lower, const End& upper) const {
    if (!ends_.lower.is_open()) {
      const auto order = compare_with(lower);
      if (order < 0 || (order == 0 && !ends_.lower.inclusive)) return false;
    }
    if (ends_.upper.is_open()) return true;
    const auto order = compare_with(upper);
    return order < 0 || (order == 0 && ends_.upper.inclusive);
  }

  /// Returns when a bound is, as near as 64 bits hold it.
  static timestamp at(const bound& end, timestamp now) {
    if (end.is != bound::kind::now) return timestamp{end.time};
    std::int64_t sum = 0;
    if (__builtin_add_overflow(now.time_since_epoch().count(), end.time.count(), &sum)) {
      return end.time.count() < 0 ? timestamp::min() : timestamp::max();
    }
    return timestamp{std::chrono::nanoseconds{sum}};
  }

  range ends_;
  bound::kind kind_ = bound::kind::open;
  json_number lower_{};
  json_number upper_{};
};

/// Ready form of `matching`.
class regex_test {
 public:
  explicit regex_test(const matching& of) : regex_{of.regex} {}

  bool holds(leaf_value& value, const test_site& site) const {
    if (!value.is_string()) return false;
    if (value.text().size() <= regex_value_bytes_max) return regex_.finds_in(value.text());
    if (site.skipped != nullptr) ++*site.skipped;
    return false;
  }

 private:
  regex_search regex_;
};

/// Ready form of `exists` and `is_null`.
struct exists_test {
  explicit exists_test(const exists&) {}
  static bool holds(leaf_value& value, const test_site&) { return value.is_present(); }
};
struct null_test {
  explicit null_test(const is_null&) {}
  static bool holds(leaf_value& value, const test_site&) { return value.is_null(); }
};

/// A test, ready to be used from any thread.
class ready_test {
 public:
  explicit ready_test(const test& of) : test_{std::visit(make{}, of)} {}

  bool holds(leaf_value& value, const test_site& site) const {
    return std::visit([&](const auto& made) { return made.holds(value, site); }, test_);
  }

  /// Returns whether a time that an event always has holds.
  [[nodiscard]] bool holds(timestamp time, const test_site& site) const {
    if (const auto* within = std::get_if<range_test>(&test_)) return within->holds(time, site);
    return wants_presence();
  }

  [[nodiscard]] bool wants_presence() const { return std::holds_alternative<exists_test>(test_); }

 private:
  using any_test = std::variant<exists_test, null_test, equals_test, phrase_test, pattern_test,
                                range_test, regex_test>;

  struct make {
    any_test operator()(const exists& of) const { return exists_test{of}; }
    any_test operator()(const is_null& of) const { return null_test{of}; }
    any_test operator()(const equals& of) const { return equals_test{of}; }
    any_test operator()(const phrase& of) const { return phrase_test{of}; }
    any_test operator()(const pattern& of) const { return pattern_test{of}; }
    any_test operator()(const range& of) const { return range_test{of}; }
    any_test operator()(const matching& of) const { return regex_test{of}; }
  };

  any_test test_;
};

}  // namespace logdb::query::detail
