// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A value of an event as tests see it: decoded, and read as a number or a time, when it is asked.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <logdb/query/json.hpp>
#include <logdb/query/json_number.hpp>
#include <logdb/query/json_text.hpp>
#include <logdb/query/language/time.hpp>
#include <logdb/types.hpp>

namespace logdb::query::detail {

/// One leaf of an event, of which each reading is made once.
class leaf_value {
 public:
  /// @param room  where a string with escapes is decoded; it outlives the leaf
  leaf_value(json_kind kind, const json_text& written, std::string& room)
      : kind_{kind}, written_{written}, room_{room} {}

  [[nodiscard]] json_kind kind() const { return kind_; }
  [[nodiscard]] const json_text& written() const { return written_; }
  [[nodiscard]] bool is_string() const { return kind_ == json_kind::string; }
  [[nodiscard]] bool is_number() const { return kind_ == json_kind::number; }
  [[nodiscard]] bool is_null() const { return kind_ == json_kind::null; }
  [[nodiscard]] bool is_flag() const {
    return kind_ == json_kind::true_ || kind_ == json_kind::false_;
  }
  /// Returns whether it makes a path present: null does not, nor an array without elements.
  [[nodiscard]] bool is_present() const { return !is_null() && kind_ != json_kind::empty_array; }

  /// Returns what a string says.
  std::string_view text() {
    if (!decoded_) decoded_ = written_.decoded(room_);
    return *decoded_;
  }

  const json_number& number() {
    if (!number_) number_ = parse_number(written_.bytes);
    return *number_;
  }

  /// Returns the time that a string or a number reads as.
  std::optional<timestamp> time() {
    if (is_string()) return parse_time(text());
    return is_number() ? number_time(written_.bytes) : std::nullopt;
  }

 private:
  json_kind kind_;
  const json_text& written_;
  std::string& room_;
  std::optional<std::string_view> decoded_{};
  std::optional<json_number> number_{};
};

}  // namespace logdb::query::detail
