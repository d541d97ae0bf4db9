// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The regular expressions of a query: std::regex, ECMAScript, within limits that keep a search
/// linear; and the bytes that each match must have.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/query/language/tree.hpp>

namespace logdb::query {

/// The longest value that a regular expression is tried on.
inline constexpr std::size_t regex_value_bytes_max = 64u << 10;

namespace detail {

/// How large a regular expression is once its repetitions are written out; about its states.
inline constexpr std::uint64_t regex_size_max = 2000;
inline constexpr std::size_t regex_groups_max = 50;  // one within the other

/// A regular expression, read one item after the other as far as its limits and literals need it.
class regex_items {
 public:
  enum class kind : std::uint8_t {
    literal,  ///< a byte that stands for itself
    any,      ///< what matches one character of some set, or an assertion
    opening,  ///< of a group or a lookahead
    closing,
    choice,     ///< `|`
    reference,  ///< back to what a group found
    opaque,     ///< an escape that this reader does not understand
  };

  explicit regex_items(std::string_view text) : text_{text} {}

  /// Reads the next item; returns whether there was one.
  bool next() {
    if (at_ >= text_.size()) return false;
    byte = text_[at_++];
    is = kind::literal;
    least = most = 1;
    repeated = twice = ahead = false;
    switch (byte) {
      case '\\': read_escape(); break;
      case '[': skip_class(); break;
      case '(':
        is = kind::opening;
        ahead = text_.substr(at_).starts_with("?=") || text_.substr(at_).starts_with("?!");
        return true;
      case ')': is = kind::closing; break;
      case '|': is = kind::choice; return true;
      case '.':
      case '^':
      case '$': is = kind::any; break;
      default: break;
    }
    read_repetition();
    return true;
  }

  kind is = kind::literal;
  char byte = 0;            ///< of a literal
  std::uint64_t least = 1;  ///< how often it stands at least
  std::uint64_t most = 1;   ///< and at most, as far as it is written out: `*` and `+` are a loop
  bool repeated = false;    ///< whether a repetition follows
  bool twice = false;       ///< whether another one follows that, which ECMAScript does not know
  bool ahead = false;       ///< of an opening: whether it is of a lookahead

 private:
  void read_escape() {
    is = kind::opaque;
    if (at_ == text_.size()) return;
    byte = text_[at_++];
    if (byte == 'c') ++at_;  // and the letter of a control character
    const auto value = static_cast<unsigned char>(byte);
    if (byte >= '1' && byte <= '9') {
      is = kind::reference;
    } else if (std::string_view{"dDwWsSbB"}.find(byte) != std::string_view::npos) {
      is = kind::any;
    } else if (value < 0x80 && std::ispunct(value) != 0) {
      is = kind::literal;
    }
  }

  /// Goes behind a class. One that has `[` in it, or begins with `]`, may end elsewhere: opaque.
  void skip_class() {
    const std::size_t first = at_ + (at_ < text_.size() && text_[at_] == '^' ? 1 : 0);
    is = first < text_.size() && text_[first] == ']' ? kind::opaque : kind::any;
    for (; at_ < text_.size() && text_[at_] != ']'; ++at_) {
      if (text_[at_] == '\\') {
        at_ += text_.substr(at_ + 1).starts_with('c') ? 2 : 1;
      } else if (text_[at_] == '[') {
        is = kind::opaque;
        skip_named_class();
      }
    }
    ++at_;
  }

  /// Goes from the `[` of `[:alpha:]`, `[.a.]` or `[=a=]` to its `]`.
  void skip_named_class() {
    const std::string_view rest = text_.substr(at_ + 1);
    if (rest.empty() || std::string_view{".:="}.find(rest.front()) == rest.npos) return;
    const std::size_t end = rest.find(rest.front(), 1);
    at_ = end == rest.npos ? text_.size() : at_ + end + 2;
  }

  void read_repetition() {
    repeated = is_at_repetition();
    if (!repeated) return;
    const char sign = text_[at_++];
    if (sign == '{') {
      read_counts();
    } else if (sign != '+') {
      least = 0;
    }
    if (at_ < text_.size() && text_[at_] == '?') ++at_;
    twice = is_at_repetition();
  }

  [[nodiscard]] bool is_at_repetition() const {
    return at_ < text_.size() && std::string_view{"*?+{"}.find(text_[at_]) != text_.npos;
  }

  void read_counts() {
    least = read_count();
    most = std::max<std::uint64_t>(least, 1);
    if (at_ < text_.size() && text_[at_] == ',') {
      ++at_;
      most = std::max(most, read_count());
    }
    while (at_ < text_.size() && text_[at_] != '}') ++at_;
    ++at_;
  }

  std::uint64_t read_count() {
    std::uint64_t count = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      count = std::min<std::uint64_t>(10 * count + static_cast<unsigned>(text_[at_] - '0'),
                                      regex_size_max + 1);
    }
    return count;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Returns whether a lookahead repeats something or has another one in it. It is tried at each byte
/// of a value, and from there could read to the end each time.
inline bool looks_ahead_far(std::string_view text) {
  std::size_t groups = 0;
  std::size_t ahead = 0;  // how many groups are open with the lookahead; 0: outside of one
  for (regex_items item{text}; item.next();) {
    if (ahead != 0 && (item.repeated || item.ahead)) return true;
    groups += item.is == regex_items::kind::opening ? 1 : 0;
    if (item.ahead) ahead = groups;
    if (item.is != regex_items::kind::closing || groups == 0) continue;
    if (groups-- == ahead) ahead = 0;
  }
  return false;
}

/// Says which limit a regular expression is over; empty: none.
inline std::string_view regex_over_limit(std::string_view text) {
  if (text.size() > regex_bytes_max) return "a regular expression of at most 1024 bytes";
  if (looks_ahead_far(text)) return "a lookahead without a repetition or another one in it";
  std::vector<std::uint64_t> outer;
  std::uint64_t size = 0;
  for (regex_items item{text}; item.next();) {
    if (item.is == regex_items::kind::reference) {
      return "a regular expression without a back-reference";
    }
    if (item.twice) return "a group around what is repeated twice";
    std::uint64_t own = 1;
    if (item.is == regex_items::kind::opening) {
      if (outer.size() == regex_groups_max) return "at most 50 groups one within the other";
      outer.push_back(size);
      size = 1;
      continue;
    }
    if (item.is == regex_items::kind::closing && !outer.empty()) {
      own = size;
      size = outer.back();
      outer.pop_back();
    }
    size += own * item.most;
    if (size > regex_size_max) return "a regular expression with fewer repetitions";
  }
  return {};
}

/// Returns below how many bytes of a value a search that goes back and tries again is quick: it
/// takes as many steps as the value has bytes, to the power of its repetitions and one, and each
/// choice may double them.
inline std::size_t regex_quick_bytes(std::string_view text) {
  std::size_t repetitions = 0;
  std::size_t choices = 0;
  for (regex_items item{text}; item.next();) {
    if (item.is == regex_items::kind::closing && item.repeated) return 0;
    repetitions += item.repeated ? 1 : 0;
    choices += item.is == regex_items::kind::choice ? 1 : 0;
  }
  constexpr std::size_t bytes[] = {4096, 1024, 256};
  return repetitions < std::size(bytes) && choices < 8 ? bytes[repetitions] >> choices : 0;
}

/// Makes what finds a regular expression that has no fault: linear in the bytes of a value, and
/// with no recursion over them, where the library has such a search.
inline std::regex make_regex(const std::string& text) {
#ifdef __GLIBCXX__
  return std::regex{"[\\s\\S]*(?:" + text + ")",
                    std::regex::ECMAScript | std::regex_constants::__polynomial};
#else
  return std::regex{text};
#endif
}

/// Returns whether an expression of `make_regex` finds something in a text.
inline bool finds(const std::regex& regex, std::string_view text) {
  try {
#ifdef __GLIBCXX__
    constexpr auto how = std::regex_constants::match_continuous;
#else
    constexpr auto how = std::regex_constants::match_default;
#endif
    return std::regex_search(text.begin(), text.end(), regex, how);
  } catch (const std::regex_error&) {
    return false;  // over a limit of the library
  }
}

/// A regular expression that is ready to be searched for, from any thread.
class regex_search {
 public:
  /// @param text  without a fault
  explicit regex_search(const std::string& text)
      : quick_bytes_{regex_quick_bytes(text)}, quick_{text}, linear_{make_regex(text)} {}

  [[nodiscard]] bool finds_in(std::string_view value) const {
    if (value.size() >= quick_bytes_) return finds(linear_, value);
    return std::regex_search(value.begin(), value.end(), quick_);
  }

 private:
  std::size_t quick_bytes_;
  std::regex quick_;   // may go back: for short values
  std::regex linear_;  // never does, and takes longer
};

/// Says what is wrong with a regular expression; empty: nothing.
inline std::string regex_fault(const std::string& text) {
  if (const std::string_view limit = regex_over_limit(text); !limit.empty()) {
    return std::string{limit};
  }
  try {
    static_cast<void>(std::regex{text});
    static_cast<void>(make_regex(text));
    return {};
  } catch (const std::regex_error& fault) {
    return std::string{"a regular expression of ECMAScript: "} + fault.what();
  }
}

/// Returns the longest run of bytes that every match of a regular expression has in it; empty where
/// none is known. What stands in groups is not looked at.
inline std::string regex_literal(std::string_view text) {
  std::string longest;
  std::string run;
  std::size_t groups = 0;
  const auto end_run = [&] {
    if (run.size() > longest.size()) longest = run;
    run.clear();
  };
  for (regex_items item{text}; item.next();) {
    using enum regex_items::kind;
    if (item.is == opaque || item.is == reference || (item.is == choice && groups == 0)) return {};
    const bool plain = item.is == literal && groups == 0;
    groups += item.is == opening ? 1 : 0;
    groups -= item.is == closing && groups > 0 ? 1 : 0;
    if (!plain) {
      end_run();
    } else {
      if (item.least > 0) run += item.byte;
      if (item.repeated) end_run();
    }
  }
  end_run();
  return longest;
}

}  // namespace detail
}  // namespace logdb::query
