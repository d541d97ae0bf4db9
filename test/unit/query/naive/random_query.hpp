// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Random queries of random events, as text and as what they mean, from a small vocabulary.

#include <cstddef>
#include <functional>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "unit/query/naive/meaning.hpp"
#include "unit/query/naive/random_event.hpp"
#include "unit/query/naive/tree.hpp"

namespace logdb::test::naive {

/// A query as text, and as a function.
struct asked {
  std::string text;
  std::function<bool(const std::optional<value>&, const site&)> holds;
};

/// Makes events and queries; the same ones of the same seed.
class generator : public event_generator {
 public:
  using event_generator::event_generator;

  asked query(int depth = 3) {
    switch (depth == 0 ? 0 : below(8)) {
      case 0:
      case 1:
      case 2: return term();
      case 3: return negation(query(depth - 1));
      case 4: return group();
      case 5: return joined(query(depth - 1), query(depth - 1), true, pick({" OR ", " or "}));
      default: return joined(query(depth - 1), query(depth - 1), false, pick({" AND ", " ", "\n"}));
    }
  }

 protected:
  struct path {
    std::string text;
    std::vector<part> parts;
  };

  path any_path() {
    const std::vector<path> paths{{"a", {"a"}},
                                  {"a", {"a"}},
                                  {"b", {"b"}},
                                  {"\"b\"", {"b"}},
                                  {"c", {"c"}},
                                  {"a.b", {"a", "b"}},
                                  {"a.b.c", {"a", "b", "c"}},
                                  {"\"a.b\"", {"a.b"}},
                                  {"\"a.b\".c", {"a.b", "c"}},
                                  {"a.\"b.c\"", {"a", "b.c"}},
                                  {"*", {std::nullopt}},
                                  {"a.*", {"a", std::nullopt}},
                                  {"*.b", {std::nullopt, "b"}},
                                  {"*.*", {std::nullopt, std::nullopt}},
                                  {"a.\"\"", {"a", ""}},
                                  {"\"_lsn\"", {"_lsn"}},
                                  {"ts", {"ts"}}};
    return paths[below(paths.size())];
  }

 private:
  static asked joined(const asked& a, const asked& b, bool any, const std::string& sign) {
    return {"(" + a.text + sign + b.text + ")",
            [a, b, any](const std::optional<value>& event, const site& told) {
              return any ? a.holds(event, told) || b.holds(event, told)
                         : a.holds(event, told) && b.holds(event, told);
            }};
  }

  asked negation(const asked& of) {
    return {pick({"NOT ", "-", "! ", "not "}) + "(" + of.text + ")",
            [of](const std::optional<value>& event, const site& told) {
              return !of.holds(event, told);
            }};
  }

  static asked at(const path& where, const std::string& behind, const predicate& holds) {
    return {where.text + behind, [where, holds](const std::optional<value>& event, const site&) {
              return event && any_at(*event, where.parts, 0, holds);
            }};
  }

  /// A test of values, as it is written behind `path:`.
  struct match {
    std::string text;
    predicate holds;
  };

  asked term() {
    switch (below(8)) {
      case 0: return free_text();
      case 1: return special();
      case 2: return compared();
      case 3: {
        const std::string re = pick({"x", "^x", "y$", "x.y", "[xy] ?[xy]", "retry [0-9]+ of 5",
                                     "(x|é)", "x+y*", "a\\\\b", "^$", "\\bx\\b", "(?:x ){1,2}y"});
        std::string escaped;
        for (const char byte : re) escaped += byte == '\\' ? "\\\\" : std::string{byte};
        const std::regex made{re};
        return at(any_path(), "=~\"" + escaped + "\"", [made](const value& of) {
          return of.is == value::kind::string && std::regex_search(of.text, made);
        });
      }
      default: {
        const match made = any_match();
        return at(any_path(), ":" + made.text, made.holds);
      }
    }
  }

  asked group() {
    const path where = any_path();
    const match first = any_match();
    const match second = any_match();
    const bool any = below(2) == 0;
    const bool inverse = below(2) == 0;
    asked both = joined(
        at(where, ":", first.holds),
        inverse ? negation(at(where, ":", second.holds)) : at(where, ":", second.holds), any, " ");
    both.text = where.text + ":(" + first.text + (any ? " OR " : " ") + (inverse ? "-" : "") +
                second.text + ")";
    return both;
  }

  static std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char byte : text) {
      out += byte == '"' || byte == '\\' ? std::string{'\\', byte} : std::string{byte};
    }
    return out + '"';
  }

  /// Writes a text as a word.
  static std::string word(const std::string& text) {
    std::string out;
    for (const char byte : text) {
      if (std::string{" ()[]{}\"':=<>!|,*?\\"}.find(byte) != std::string::npos) out += '\\';
      out += byte == star ? '*' : byte == one ? '?' : byte;
    }
    return out;
  }

  static bool equals(const value& of, const std::string& text, bool fold) {
    switch (of.is) {
      case value::kind::string: return fold ? lower(of.text) == lower(text) : of.text == text;
      case value::kind::number: return is_number(text) && same_number(of.text, text);
      case value::kind::true_: return (fold ? lower(text) : text) == "true";
      case value::kind::false_: return (fold ? lower(text) : text) == "false";
      default: return false;
    }
  }

  std::string literal() {
    std::string text;
    do {
      text = below(3) == 0 ? pick(numbers()) : pick(words());
    } while (text.empty() || text == "null" || text[0] == '-');
    return text;
  }

  std::string some_pattern() {
    std::string text = pick({"x", "x y", "\xC3\xA9", "retry 12 of 5", "a\\b", "xx y_x"});
    const std::vector<std::string> split = characters(text);
    std::string out;
    for (const std::string& character : split) {
      const std::size_t how = below(6);
      out += how == 0 ? std::string(1, one) : how == 1 ? std::string(1, star) : character;
    }
    return below(2) == 0 ? out + star : star + out;
  }

  match any_match() {
    switch (below(9)) {
      case 0: return {"*", [](const value& of) { return of.is != value::kind::null; }};
      case 1: return {"null", [](const value& of) { return of.is == value::kind::null; }};
      case 2: {
        const std::string a = literal();
        const std::string b = literal();
        return {"in(" + word(a) + " , " + quoted(b) + ")", [a, b](const value& of) {
                  return equals(of, a, false) || (of.is == value::kind::string && of.text == b);
                }};
      }
      case 3: {
        const std::string text = literal();
        return {"i(" + word(text) + ")",
                [text](const value& of) { return equals(of, text, true); }};
      }
      case 4: {
        const std::string text = some_pattern();
        const bool fold = below(2) == 0;
        return {fold ? "i(" + word(text) + ")" : word(text), [text, fold](const value& of) {
                  return of.is == value::kind::string &&
                         (fold ? fits(lower(of.text), lower(text)) : fits(of.text, text));
                }};
      }
      case 5:
      case 6: {
        const std::string text = pick(words());
        return {quoted(text), [text](const value& of) {
                  return of.is == value::kind::string && has_phrase(of.text, text);
                }};
      }
      default: {
        const std::string text = literal();
        return {word(text), [text](const value& of) { return equals(of, text, false); }};
      }
    }
  }

  asked compared() {
    const bool above = below(2) == 0;
    const bool with = below(2) == 0;
    const std::string sign = std::string{above ? ">" : "<"} + (with ? "=" : "");
    const auto lies = [above, with](auto a, auto b) {
      return (with && a == b) || (above ? a > b : a < b);
    };
    const std::size_t how = below(3);
    if (how == 0) {
      const std::string text = pick(numbers());
      return at(any_path(), sign + text, [text, lies](const value& of) {
        return of.is == value::kind::number && lies(number(of.text), number(text));
      });
    }
    if (how == 1) {
      const std::string text = pick(words());
      return at(any_path(), sign + quoted(text), [text, lies](const value& of) {
        return of.is == value::kind::string && lies(of.text, text);
      });
    }
    return at(any_path(), sign + "2026-03-01T10:00:00Z", [lies](const value& of) {
      const auto time = time_of(of);
      return time && lies(*time, 1772359200e9L);
    });
  }

  asked free_text() {
    const std::string text = literal();
    const std::string shape = some_pattern();
    const bool fold = below(2) == 0;
    const auto asking = [](std::string written, std::function<bool(const std::string&)> holds) {
      return asked{std::move(written), [holds](const std::optional<value>& event, const site&) {
                     return event && any_string(*event, holds);
                   }};
    };
    if (below(2) == 0 && shape != std::string(1, star)) {
      return asking("i(" + word(shape) + ")",
                    [shape](const std::string& of) { return word_fits(lower(of), lower(shape)); });
    }
    return asking(fold ? "i(" + word(text) + ")" : quoted(text),
                  [text, fold](const std::string& of) {
                    return fold ? has_phrase(lower(of), lower(text)) : has_phrase(of, text);
                  });
  }

  asked special() {
    switch (below(5)) {
      case 0:
        return {"_malformed:true",
                [](const std::optional<value>& event, const site&) { return !event; }};
      case 1:
        return {"_lsn:[5 TO 8}", [](const std::optional<value>&, const site& told) {
                  return told.lsn >= 5 && told.lsn < 8;
                }};
      case 2:
        return {"_append<2026-03-01T12:00:00Z", [](const std::optional<value>&, const site& told) {
                  return told.appended < 1772366400e9L;
                }};
      case 3:
        return {"_time:2h", [](const std::optional<value>& event, const site& told) {
                  const long double time = event_time(event, told);
                  return time >= told.now - 7200e9L && time <= told.now;
                }};
      default:
        return {"_time:[2026-03-01 TO 2026-03-01T10:00]",
                [](const std::optional<value>& event, const site& told) {
                  const long double time = event_time(event, told);
                  return time >= 1772323200e9L && time <= 1772359200e9L;
                }};
    }
  }
};

}  // namespace logdb::test::naive
