// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Writes a query as text that reads as the same query.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <logdb/query/json_text.hpp>
#include <logdb/query/language/scanner.hpp>
#include <logdb/query/language/terms.hpp>
#include <logdb/query/language/time.hpp>
#include <logdb/query/language/tree.hpp>

namespace logdb::query {
namespace detail {

/// The text of a query, written bit by bit.
class printer {
 public:
  std::string text{};

  void add(const expression& what, bool within = false) {
    using enum expression::kind;
    const bool enclosed = within && (what.is() == all_of || what.is() == any_of);
    if (enclosed) text += '(';
    switch (what.is()) {
      case every: text += '*'; break;
      case all_of: add_parts(what, " AND "); break;
      case any_of: add_parts(what, " OR "); break;
      case not_:
        text += "NOT ";
        add(what.parts().front(), true);
        break;
      case term: add(what.condition()); break;
    }
    if (enclosed) text += ')';
  }

  void add(const pipe& what) {
    constexpr const char* names[] = {"count",  "top",    "histogram", "stats",
                                     "newest", "oldest", "fields"};
    text += names[static_cast<std::size_t>(what.is)];
    if (what.most != 0) text += ' ' + std::to_string(what.most);
    if (what.width.count() != 0) text += ' ' + std::to_string(seconds(what.width)) + 's';
    std::string_view between = " ";
    for (const figure& one : what.figures) {
      text += between;
      add(one);
      between = ", ";
    }
    if (what.paths.empty()) return;
    text += what.is == pipe::kind::fields || what.is == pipe::kind::top ? " " : " by ";
    add(what.paths);
  }

  void add(const field_path& path) {
    text += name_of(path.where);
    for (std::size_t i = 0; i < path.parts.size(); ++i) {
      if (i > 0) text += '.';
      add(path.parts[i], path.parts.size() == 1);
    }
  }

 private:
  static std::int64_t seconds(std::chrono::nanoseconds of) { return of.count() / 1'000'000'000; }

  void add_parts(const expression& what, std::string_view between) {
    std::string_view before;
    for (const expression& part : what.parts()) {
      text += before;
      add(part, true);
      before = between;
    }
  }

  void add(const path_part& part, bool alone) {
    if (part.any) {
      text += '*';
    } else if (reads_as_a_name(part.name) && !(alone && special_place(part.name))) {
      text += part.name;
    } else {
      add_quoted(part.name);
    }
  }

  static bool reads_as_a_name(std::string_view name) {
    for (const std::string_view keyword : {"and", "or", "not", "by"}) {
      if (same_folded(name, keyword)) return false;
    }
    return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char byte) {
      return byte == '_' || byte == '@' || byte >= 0x80 || (byte >= '0' && byte <= '9') ||
             ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
    });
  }

  void add(const std::vector<field_path>& paths) {
    std::string_view before;
    for (const field_path& path : paths) {
      text += before;
      add(path);
      before = ", ";
    }
  }

  void add(const figure& of) {
    constexpr const char* names[] = {"count", "distinct", "sum", "avg", "min", "max", "p"};
    text += names[static_cast<std::size_t>(of.is)];
    if (of.is == figure::kind::count) return;
    if (of.is == figure::kind::percentile) text += std::to_string(of.percent);
    text += '(';
    add(of.of);
    text += ')';
  }

  void add(const term& condition) {
    add(condition.path);
    const bool alone = condition.path.where == place::anywhere;
    std::visit([this, alone](const auto& what) { add_test(what, alone); }, condition.what);
  }

  void add_test(const exists&, bool) { text += ":*"; }
  void add_test(const is_null&, bool) { text += ":null"; }

  void add_test(const equals& what, bool) {
    if (what.fold)
      text += ":i(";
    else
      text += '=';
    what.quoted ? add_quoted(what.text) : add_word(what.text, {}, false);
    if (what.fold) text += ')';
  }

  void add_test(const phrase& what, bool alone) {
    if (!alone) text += ':';
    if (what.fold) text += "i(";
    add_quoted(what.text);
    if (what.fold) text += ')';
  }

  void add_test(const pattern& what, bool alone) {
    if (!alone) text += ':';
    if (what.fold) text += "i(";
    add_word(what.text, what.wild, alone && !what.fold);
    if (what.fold) text += ')';
  }

  void add_test(const range& what, bool) {
    const auto& [lower, upper] = what;
    if (upper.is_open()) return add_end(lower.inclusive ? ">=" : ">", lower);
    if (lower.is_open()) return add_end(upper.inclusive ? "<=" : "<", upper);
    text += lower.inclusive ? ":[" : ":{";
    add_end({}, lower);
    text += " TO ";
    add_end({}, upper);
    text += upper.inclusive ? ']' : '}';
  }

  void add_test(const matching& what, bool) {
    text += "=~";
    add_quoted(what.regex);
  }

  void add_end(std::string_view sign, const bound& end) {
    text += sign;
    switch (end.is) {
      case bound::kind::open: text += '*'; break;
      case bound::kind::number: text += end.text; break;
      case bound::kind::text: add_quoted(end.text); break;
      case bound::kind::time: text += print_time(timestamp{end.time}); break;
      case bound::kind::now:
        text += "now";
        if (end.time.count() != 0) {
          text += end.time.count() < 0 ? '-' : '+';
          text += std::to_string(seconds(end.time < end.time.zero() ? -end.time : end.time)) + 's';
        }
        break;
    }
  }

  void add_quoted(std::string_view what) {
    text += '"';
    append_escaped(what, text);
    text += '"';
  }

  /// Writes a word; what is not wild in it is escaped where it would be read as a sign.
  void add_word(std::string_view what, std::span<const std::uint32_t> wild, bool alone) {
    for (std::uint32_t i = 0; i < what.size(); ++i) {
      const bool is_wild = std::binary_search(wild.begin(), wild.end(), i);
      const bool sign = !is_word_byte(what[i]) || what[i] == '*' || what[i] == '?' ||
                        what[i] == '\\' ||
                        (i == 0 && (what[i] == '~' || (what[i] == '-' && alone)));
      if (sign && !is_wild) text += '\\';
      text += what[i];
    }
  }
};

}  // namespace detail

/// Returns the text of a condition; `parse` of it gives the same tree, unless it is longer than
/// query_bytes_max.
inline std::string to_string(const expression& what) {
  detail::printer out;
  out.add(what);
  return std::move(out.text);
}

/// Returns the text of a path.
inline std::string to_string(const field_path& path) {
  detail::printer out;
  out.add(path);
  return std::move(out.text);
}

/// Returns the text of a query with its pipes.
inline std::string to_string(const parsed_query& what) {
  detail::printer out;
  out.add(what.where);
  for (const pipe& next : what.pipes) {
    out.text += " | ";
    out.add(next);
  }
  return std::move(out.text);
}

}  // namespace logdb::query
