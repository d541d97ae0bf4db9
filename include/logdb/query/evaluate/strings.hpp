// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How decoded strings are compared: words and their bounds, the case of ASCII, phrases, patterns.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <logdb/query/language/tree.hpp>

namespace logdb::query::detail {

/// Returns whether a byte is of a word: a letter, a digit, `_` or from 0x80 on.
constexpr bool is_of_word(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return value >= 0x80 || value == '_' || (value >= '0' && value <= '9') ||
         ((value | 0x20) >= 'a' && (value | 0x20) <= 'z');
}

constexpr char to_lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

inline std::string lowered(std::string_view text) {
  std::string lower{text};
  for (char& byte : lower) byte = to_lower(byte);
  return lower;
}

/// Returns whether `text` is `wanted`, which is in lower case if it is to `fold`.
inline bool equal_text(std::string_view text, std::string_view wanted, bool fold) {
  if (!fold) return text == wanted;
  return std::equal(text.begin(), text.end(), wanted.begin(), wanted.end(),
                    [](char a, char b) { return to_lower(a) == b; });
}

#if defined(__SSE2__)
/// Returns where `wanted` stands between two places, by its first byte and its last at 16 places at
/// once; null: nowhere. There is room for it at 16 places or more.
inline const char* find_by_16(const char* at, const char* end, std::string_view wanted) {
  const std::size_t last = wanted.size() - 1;
  const __m128i first_byte = _mm_set1_epi8(wanted.front());
  const __m128i last_byte = _mm_set1_epi8(wanted.back());
  const auto load = [](const char* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  };
  const char* const stop = end - (16 + last);
  for (;; at = stop - at < 16 ? stop : at + 16) {  // the last 16 places may be looked at again
    auto places = static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(
        _mm_cmpeq_epi8(load(at), first_byte), _mm_cmpeq_epi8(load(at + last), last_byte))));
    for (; places != 0; places &= places - 1) {
      const char* const place = at + std::countr_zero(places);
      if (std::memcmp(place, wanted.data(), wanted.size()) == 0) return place;
    }
    if (at == stop) return nullptr;
  }
}
#endif

/// Returns where `wanted`, which is not empty, stands in `text` from a byte on, or npos.
/// @cost  O(bytes of the text); of a short one 16 bytes a step
inline std::size_t find_bytes(std::string_view text, std::string_view wanted,
                              std::size_t from = 0) {
  if (from >= text.size()) return std::string_view::npos;
  const std::size_t left = text.size() - from;
  const char* const begin = text.data() + from;
  const void* found = nullptr;
#if defined(__SSE2__)
  constexpr std::size_t short_max = 32;  // what begins alike again and again stays cheap
  if (wanted.size() <= short_max && left >= 15 + wanted.size()) {
    found = find_by_16(begin, begin + left, wanted);
  } else
#endif
  {
    found = ::memmem(begin, left, wanted.data(), wanted.size());
  }
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

/// Returns where `wanted` stands in `text` from a byte on, or npos.
inline std::size_t find_text(std::string_view text, std::string_view wanted, bool fold,
                             std::size_t from) {
  if (!fold) return find_bytes(text, wanted, from);
  const auto found =
      std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), wanted.begin(),
                  wanted.end(), [](char a, char b) { return to_lower(a) == b; });
  return found == text.end() ? std::string_view::npos
                             : static_cast<std::size_t>(found - text.begin());
}

/// Returns whether a phrase stands in a text with no word character on either outer side.
inline bool has_phrase(std::string_view text, std::string_view wanted, bool fold) {
  if (wanted.empty()) return text.empty();
  for (std::size_t at = 0; (at = find_text(text, wanted, fold, at)) != std::string_view::npos;
       ++at) {
    const std::size_t end = at + wanted.size();
    const bool begins = at == 0 || !is_of_word(text[at - 1]);
    if (begins && (end == text.size() || !is_of_word(text[end]))) return true;
  }
  return false;
}

/// Returns how many bytes the character at the front of a text has; what is not UTF-8 is one each.
inline std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = lead >= 0xF0 && lead < 0xF8   ? 4
                            : lead >= 0xE0 && lead < 0xF0 ? 3
                            : lead >= 0xC0 && lead < 0xE0 ? 2
                                                          : 1;
  if (bytes > text.size()) return 1;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 1;
  }
  return bytes;
}

/// A pattern that is ready to be compared with strings.
class glob {
 public:
  explicit glob(const pattern& of) : fold_{of.fold} {
    auto wild = of.wild.begin();
    for (std::uint32_t i = 0; i < of.text.size(); ++i) {
      const bool is_wild = wild != of.wild.end() && *wild == i;
      if (is_wild) ++wild;
      const std::uint16_t sign =
          !is_wild ? static_cast<unsigned char>(fold_ ? to_lower(of.text[i]) : of.text[i])
          : of.text[i] == '*' ? any_run
                              : any_one;
      if (sign != any_run || signs_.empty() || signs_.back() != any_run) signs_.push_back(sign);
    }
  }

  /// Returns whether the whole of a text fits.
  /// @cost  O(bytes of the text × bytes of the pattern) at worst
  [[nodiscard]] bool fits(std::string_view text) const {
    std::size_t sign = 0;
    std::size_t at = 0;
    std::size_t run = signs_.size();  // the last `*` that was passed
    std::size_t run_at = 0;           // and up to where its run went
    while (at < text.size()) {
      const std::uint16_t next = sign < signs_.size() ? signs_[sign] : std::uint16_t{none};
      if (next == any_run) {
        run = sign++;
        run_at = at;
      } else if (next == any_one) {
        at += character_bytes(text.substr(at));
        ++sign;
      } else if (next == static_cast<unsigned char>(fold_ ? to_lower(text[at]) : text[at])) {
        ++at;
        ++sign;
      } else if (run < signs_.size()) {
        sign = run + 1;
        at = run_at += character_bytes(text.substr(run_at));
      } else {
        return false;
      }
    }
    while (sign < signs_.size() && signs_[sign] == any_run) ++sign;
    return sign == signs_.size();
  }

  /// Returns whether a word of a text fits.
  [[nodiscard]] bool fits_a_word(std::string_view text) const {
    for (std::size_t begin = 0; begin < text.size();) {
      std::size_t end = begin;
      while (end < text.size() && is_of_word(text[end])) ++end;
      if (end > begin && fits(text.substr(begin, end - begin))) return true;
      begin = end + 1;
    }
    return false;
  }

 private:
  static constexpr std::uint16_t any_run = 256;
  static constexpr std::uint16_t any_one = 257;
  static constexpr std::uint16_t none = 258;

  std::vector<std::uint16_t> signs_{};  // bytes, and what is wild
  bool fold_ = false;
};

}  // namespace logdb::query::detail
