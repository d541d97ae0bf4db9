// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The names of a store's files.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <logdb/types.hpp>

namespace logdb::format {

// Do not change: on disk.
inline constexpr std::string_view manifest_name = "manifest";
inline constexpr std::string_view manifest_draft_name = "manifest.tmp";  ///< renamed over the other
inline constexpr std::string_view control_name = "control";              ///< staging
inline constexpr std::string_view lock_name = "lock";
inline constexpr std::string_view segment_suffix = ".seg";
inline constexpr std::string_view summary_suffix = ".sum";  ///< derived from the segment so named
inline constexpr std::string_view summary_draft_name = "summary.tmp";  ///< renamed to one
inline constexpr std::size_t segment_digits = 16;
/// No writer counts so far, and no file is believed that names more.
inline constexpr std::uint64_t segment_number_max = std::uint64_t{1} << 62;

namespace detail {

inline std::string numbered_name(segment_number number, std::string_view suffix) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string name(segment_digits, '0');
  std::uint64_t rest = to_integer(number);
  for (std::size_t n = segment_digits; n > 0; rest >>= 4) name[--n] = digits[rest & 0xf];
  return name.append(suffix);
}

}  // namespace detail

/// Gives the file name of a segment: 16 lower-case hexadecimal digits and ".seg".
inline std::string segment_name(segment_number number) {
  return detail::numbered_name(number, segment_suffix);
}
/// Gives the name of the summary beside it: ".sum".
inline std::string summary_name(segment_number number) {
  return detail::numbered_name(number, summary_suffix);
}

/// Reads back what segment_name gives and nothing else: other files in a store are not segments.
inline std::optional<segment_number> parse_segment_name(std::string_view name) {
  if (name.size() != segment_digits + segment_suffix.size()) return std::nullopt;
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + segment_digits, number, 16);
  if (parsed.ec != std::errc{} || number == 0) return std::nullopt;
  const segment_number found{number};
  return segment_name(found) == name ? std::optional{found} : std::nullopt;
}

/// Reads back what summary_name gives and nothing else.
inline std::optional<segment_number> parse_summary_name(std::string_view name) {
  if (!name.ends_with(summary_suffix)) return std::nullopt;
  name.remove_suffix(summary_suffix.size());
  return parse_segment_name(std::string{name}.append(segment_suffix));
}

}  // namespace logdb::format
