// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Events that are made of C++ values: `event_object`, `event_array`, `event_value`.

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/types.hpp>

namespace logdb {

struct event_member;
class event_object;
class event_array;

namespace detail {

/// Adds a string of JSON; bytes that need no escape stay as they are, also if they are not UTF-8.
inline void add_json_string(std::string& out, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') {
      (out += '\\') += byte;
    } else if (static_cast<unsigned char>(byte) >= 0x20) {
      out += byte;
    } else if (byte == '\n') {
      out += "\\n";
    } else {
      ((out += "\\u00") += digits[byte / 16]) += digits[byte % 16];
    }
  }
  out += '"';
}

/// Opens the text of an object or an array for one more.
inline void make_room_for_one(std::string& text) {
  text.pop_back();
  if (text.size() > 1) text += ',';
}

template <class T>
std::string json_number_of(T value) {
  char digits[64];
  const auto written = std::to_chars(digits, digits + sizeof digits, value);
  return {digits, written.ptr};
}

/// Satisfied by integers that are numbers, and not characters or truth values.
template <class T>
concept counting_integer = std::integral<T> &&
    !one_of<T, bool, char, signed char, unsigned char, wchar_t, char8_t, char16_t, char32_t>;

}  // namespace detail

/// A value of an event: text, a number, a truth value, `nullptr`, an object or an array. Made
/// implicitly of the like, and of `{{name, value}, …}` as an object.
class event_value {
 public:
  // NOLINTBEGIN(google-explicit-constructor): that is what it is for
  event_value(std::nullptr_t) : text_{"null"} {}
  template <std::same_as<bool> T>
  event_value(T value) : text_{value ? "true" : "false"} {}
  template <detail::counting_integer T>
  event_value(T value) : text_{detail::json_number_of(value)} {}
  /// The shortest text that reads as the same number.
  /// @errors  errc::invalid_argument: JSON has no NaN and no infinity
  template <std::floating_point T>
  event_value(T value) {
    if (!std::isfinite(value)) {
      throw error{errc::invalid_argument, "JSON has no number for an infinity or a NaN"};
    }
    text_ = detail::json_number_of(value);
  }
  template <std::convertible_to<std::string_view> T>
  event_value(const T& text) {
    detail::add_json_string(text_, std::string_view{text});
  }
  event_value(std::initializer_list<event_member> members);
  event_value(const event_object& object);
  event_value(const event_array& array);
  // NOLINTEND(google-explicit-constructor)

  /// Returns its JSON.
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string text_;
};

/// A name and its value.
struct event_member {
  std::string_view name;
  event_value value;
};

/// A JSON object under construction, which can be appended at any moment: it is text.
class event_object {
 public:
  event_object() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): for `append({{"level", "INFO"}})`
  event_object(std::initializer_list<event_member> members) {
    for (const event_member& each : members) add(each.name, each.value);
  }

  /// Adds a member; one of the same name that is there already stays.
  event_object& add(std::string_view name, const event_value& value) {
    detail::make_room_for_one(text_);
    detail::add_json_string(text_, name);
    ((text_ += ':') += value.text()) += '}';
    return *this;
  }

  [[nodiscard]] std::string_view text() const { return text_; }
  // NOLINTNEXTLINE(google-explicit-constructor): so it can be appended
  operator std::string_view() const { return text_; }

 private:
  std::string text_ = "{}";
};

/// A JSON array under construction. One array in another alone is `event_array{}.add(inner)`:
/// `event_array{inner}` is a copy for some compilers.
class event_array {
 public:
  event_array() = default;
  event_array(std::initializer_list<event_value> values) {
    for (const event_value& each : values) add(each);
  }

  event_array& add(const event_value& value) {
    detail::make_room_for_one(text_);
    (text_ += value.text()) += ']';
    return *this;
  }

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string text_ = "[]";
};

inline event_value::event_value(std::initializer_list<event_member> members)
    : text_{event_object{members}.text()} {}
inline event_value::event_value(const event_object& object) : text_{object.text()} {}
inline event_value::event_value(const event_array& array) : text_{array.text()} {}

}  // namespace logdb
