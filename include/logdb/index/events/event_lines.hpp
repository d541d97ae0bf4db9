// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Newline-delimited JSON: its lines, and the report of what was appended of them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/types.hpp>

namespace logdb {

/// A line that is no event.
struct refused_line {
  std::uint64_t line = 0;  ///< its number in the text, from 1
  std::uint64_t byte = 0;  ///< where in the line, from 0
  std::string reason{};    ///< what was expected there
};

/// What `append_lines` did.
struct appended_lines {
  static constexpr std::size_t kept_max = 64;

  lsn first{};                          ///< of the events that were appended; 0: none was
  lsn last{};                           ///< the same; others may have appended between the two
  std::uint64_t appended = 0;           ///< how many there are
  std::vector<refused_line> refused{};  ///< the first `kept_max` lines that were refused
  std::uint64_t refused_total = 0;
  std::uint64_t done_bytes = 0;  ///< of the text: what is behind has not been appended
};

namespace detail {

/// The lines of a text that are to be events: without their ends, without a byte order mark before
/// the first, and without those that are empty or white space.
class event_lines {
 public:
  explicit event_lines(std::string_view text) : rest_{text}, size_{text.size()} {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
  }

  /// Goes to the next line; false: that was all.
  bool next() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      line_ = rest_.substr(0, end);
      has_end_ = end < rest_.size();
      rest_.remove_prefix(end + (has_end_ ? 1 : 0));
      ++number_;
      if (line_.ends_with('\r')) line_.remove_suffix(1);
      if (line_.find_first_not_of(" \t\r") != std::string_view::npos) return true;
    }
    return false;
  }

  [[nodiscard]] std::string_view line() const { return line_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// Returns how many bytes of the text are read, the end of the line included.
  [[nodiscard]] std::size_t read_bytes() const { return size_ - rest_.size(); }
  /// Tells whether the line ended before its end came: the text was cut there.
  [[nodiscard]] bool is_cut(std::size_t fault) const { return !has_end_ && fault == line_.size(); }

 private:
  std::string_view rest_;
  std::size_t size_;
  std::string_view line_{};
  std::uint64_t number_ = 0;
  bool has_end_ = false;
};

}  // namespace detail
}  // namespace logdb
