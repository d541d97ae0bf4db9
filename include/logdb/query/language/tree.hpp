// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a query is once it was read: paths, tests, the tree of AND, OR and NOT, and pipes.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <logdb/types.hpp>

namespace logdb::query {

/// Bounds of a query; what is over one is errc::bad_query.
inline constexpr std::size_t query_bytes_max = 64u << 10;
inline constexpr std::size_t query_depth_max = 256;  ///< of parentheses, of NOT, and of the tree
inline constexpr std::size_t path_parts_max = 64;
inline constexpr std::size_t regex_bytes_max = 1u << 10;

/// A name on the way to a value, or `*`: any name.
struct path_part {
  std::string name{};
  bool any = false;

  friend bool operator==(const path_part&, const path_part&) = default;
};

/// Where a value is looked for.
enum class place : std::uint8_t {
  field,      ///< at a path within the event
  anywhere,   ///< in any string of the event
  time,       ///< `_time`: the event's time
  append,     ///< `_append`: when it was appended
  lsn,        ///< `_lsn`
  malformed,  ///< `_malformed`: whether the record is no JSON object
};

/// Returns the name of a place that has one of its own, or nothing.
inline std::string_view name_of(place where) {
  constexpr std::string_view names[] = {"", "", "_time", "_append", "_lsn", "_malformed"};
  return names[static_cast<std::size_t>(where)];
}

/// A path: the parts of one of a field, or what has a name of its own.
struct field_path {
  place where = place::field;
  std::vector<path_part> parts{};  ///< of a field only, from 1 to path_parts_max

  [[nodiscard]] bool is_time() const { return where == place::time || where == place::append; }

  friend bool operator==(const field_path&, const field_path&) = default;
};

/// Holds where there is a value that is not null.
struct exists {
  friend bool operator==(const exists&, const exists&) = default;
};

/// Holds for the literal null.
struct is_null {
  friend bool operator==(const is_null&, const is_null&) = default;
};

/// Holds for a string that says exactly this; unquoted also for a number of the same value, and for
/// the literals true and false.
struct equals {
  std::string text{};
  bool quoted = false;
  bool fold = false;  ///< upper and lower case of ASCII are the same

  friend bool operator==(const equals&, const equals&) = default;
};

/// Holds for a string that has these bytes with no word character on either outer side; with no
/// bytes, for the empty string.
struct phrase {
  std::string text{};
  bool fold = false;

  friend bool operator==(const phrase&, const phrase&) = default;
};

/// Holds for a whole string that fits; anywhere, for a word of one.
struct pattern {
  std::string text{};
  std::vector<std::uint32_t> wild{};  ///< which bytes of `text` are wild: `*`, `?`; ascending
  bool fold = false;

  friend bool operator==(const pattern&, const pattern&) = default;
};

/// An end of a range.
struct bound {
  enum class kind : std::uint8_t { open, number, text, time, now };

  kind is = kind::open;
  bool inclusive = false;            ///< false where it is open
  std::string text{};                ///< of a number, as written, or of a text
  std::chrono::nanoseconds time{0};  ///< since 1970; of `now`, from it

  [[nodiscard]] bool is_open() const { return is == kind::open; }
  [[nodiscard]] bool is_time() const { return is == kind::time || is == kind::now; }

  friend bool operator==(const bound&, const bound&) = default;
};

/// Holds for numbers, times or strings within bounds of their kind, not both of them open.
struct range {
  bound lower{};
  bound upper{};

  friend bool operator==(const range&, const range&) = default;
};

/// Holds for a string in which an ECMAScript regular expression finds something.
struct matching {
  std::string regex{};

  friend bool operator==(const matching&, const matching&) = default;
};

using test = std::variant<exists, is_null, equals, phrase, pattern, range, matching>;

/// A test of the values at a path; holds if it holds for one of them.
struct term {
  field_path path{};
  test what{};

  friend bool operator==(const term&, const term&) = default;
};

/// A condition on events. Copies are cheap and share what they are made of.
class expression {
 public:
  enum class kind : std::uint8_t { every, all_of, any_of, not_, term };

  /// Makes the condition that every event meets.
  expression() = default;

  explicit expression(term condition) : node_{std::make_shared<const node>(std::move(condition))} {}

  static expression all_of(std::vector<expression> parts) {
    return join(kind::all_of, std::move(parts));
  }
  static expression any_of(std::vector<expression> parts) {
    return join(kind::any_of, std::move(parts));
  }
  static expression not_(expression what) { return expression{kind::not_, {std::move(what)}}; }

  [[nodiscard]] kind is() const { return node_ == nullptr ? kind::every : node_->is; }
  [[nodiscard]] const std::vector<expression>& parts() const { return node_->parts; }
  [[nodiscard]] const term& condition() const { return node_->condition; }
  /// How many levels it has; a term has one.
  [[nodiscard]] std::size_t depth() const { return node_ == nullptr ? 1 : node_->depth; }

  /// Returns whether two are the same tree.
  friend bool same(const expression& a, const expression& b) {
    if (a.node_ == b.node_) return true;
    if (a.is() != b.is() || a.is() == kind::every) return a.is() == b.is();
    if (a.is() == kind::term) return a.condition() == b.condition();
    return std::equal(a.parts().begin(), a.parts().end(), b.parts().begin(), b.parts().end(),
                      [](const expression& x, const expression& y) { return same(x, y); });
  }

 private:
  struct node {
    explicit node(term of) : condition{std::move(of)} {}
    node(kind joined, std::vector<expression> of) : is{joined}, parts{std::move(of)} {
      for (const expression& part : parts) depth = std::max(depth, part.depth() + 1);
    }

    kind is = kind::term;
    std::size_t depth = 1;
    std::vector<expression> parts{};
    term condition{};
  };

  expression(kind joined, std::vector<expression> parts)
      : node_{std::make_shared<const node>(joined, std::move(parts))} {}

  /// Joins parts; those that are joined in the same way give theirs, and one alone is itself.
  static expression join(kind how, std::vector<expression> parts) {
    std::vector<expression> flat;
    for (expression& part : parts) {
      if (part.is() == how) {
        flat.insert(flat.end(), part.parts().begin(), part.parts().end());
      } else {
        flat.push_back(std::move(part));
      }
    }
    return flat.size() == 1 ? flat.front() : expression{how, std::move(flat)};
  }

  std::shared_ptr<const node> node_{};  // null: every event
};

/// A figure that `stats` gives.
struct figure {
  enum class kind : std::uint8_t { count, distinct, sum, avg, min, max, percentile };

  kind is = kind::count;
  unsigned percent = 0;  ///< of a percentile: 0 to 100; 50 is the median
  field_path of{};       ///< not of count

  friend bool operator==(const figure&, const figure&) = default;
};

/// What becomes of the events that match.
struct pipe {
  enum class kind : std::uint8_t { count, top, histogram, stats, newest, oldest, fields };

  kind is = kind::count;
  std::uint64_t most = 0;             ///< of top, newest and oldest
  std::chrono::nanoseconds width{0};  ///< of histogram
  std::vector<figure> figures{};      ///< of stats
  std::vector<field_path> paths{};    ///< what it is by; of fields, those shown

  [[nodiscard]] bool aggregates() const {
    return is == kind::count || is == kind::top || is == kind::histogram || is == kind::stats;
  }

  friend bool operator==(const pipe&, const pipe&) = default;
};

/// A query as it was read.
struct parsed_query {
  expression where{};
  std::vector<pipe> pipes{};

  friend bool operator==(const parsed_query& a, const parsed_query& b) {
    return same(a.where, b.where) && a.pipes == b.pipes;
  }
};

}  // namespace logdb::query
