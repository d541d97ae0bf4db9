// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Random events from a small vocabulary.

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace logdb::test::naive {

/// Makes events; the same ones of the same seed.
class event_generator {
 public:
  explicit event_generator(unsigned seed) : random_{seed} {}

  /// Returns a JSON object, seldom one with a fault.
  std::string event() {
    std::string text = object(3);
    if (below(20) == 0) text.resize(below(text.size()));
    return text;
  }

 protected:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  std::string pick(const std::vector<std::string>& of) { return of[below(of.size())]; }

  static std::vector<std::string> words() {
    return {"x",
            "y",
            "x y",
            "X",
            "xx y_x",
            "x.y",
            "true",
            "null",
            "250",
            "été",
            "é",
            "say x",
            "a\\b",
            "\"x\"",
            "",
            "-x",
            "x,y",
            "1e5",
            "x*",
            "2026-03-01",
            "2026-03-01T10:00",
            "2026-03-01T11:00:00+01:00",
            "2026-03-01T10:00:00.5Z",
            "2026-02-28T23:59:60Z",
            "2026-02-29",
            "retry 12 of 5"};
  }
  static std::vector<std::string> numbers() {
    return {"0",
            "-0",
            "250",
            "250.0",
            "2.5e2",
            "251",
            "-5",
            "1.5",
            "1e5",
            "100000",
            "1e400",
            "1e401",
            "-1e400",
            "1e-400",
            "9007199254740992",
            "9007199254740993",
            "9007199254740993.0",
            "18446744073709551615",
            "18446744073709551616",
            "1.8446744073709552e19",
            "1772359200",
            "1772359200000",
            "1772359200.5",
            "7"};
  }

 private:
  std::string space() { return pick({"", "", "", " ", "\n "}); }

  /// Writes a string in one of the ways that JSON has.
  std::string written(const std::string& text) {
    std::string out = "\"";
    for (const char byte : text) {
      constexpr const char* digits = "0123456789abcdef";
      if (byte == '"' || byte == '\\') {
        out += std::string{'\\', byte};
      } else if (byte > 0 && below(40) == 0) {
        out += std::string{"\\u00"} + digits[byte >> 4] + digits[byte & 15];
      } else {
        out += byte;
      }
    }
    return out + '"';
  }

  std::string name() {
    return pick({"a", "a", "b", "b", "c", "a.b", "b.c", "a.", "", "ts", "time", "_lsn"});
  }

  std::string object(int depth) {
    std::string out = "{";
    const std::size_t members = below(5);
    for (std::size_t i = 0; i < members; ++i) {
      if (i > 0) out += ',';
      out += space() + written(name()) + space() + ':' + space() + any(depth - 1) + space();
    }
    return out + '}';
  }

  std::string array(int depth) {
    std::string out = "[";
    const std::size_t elements = below(4);
    for (std::size_t i = 0; i < elements; ++i) out += (i > 0 ? "," : "") + any(depth - 1);
    return out + ']';
  }

  std::string any(int depth) {
    switch (below(depth > 0 ? 11 : 7)) {
      case 0: return pick({"null", "true", "false"});
      case 1:
      case 2:
      case 3: return pick(numbers());
      case 7:
      case 8: return object(depth);
      case 9: return array(depth);
      default: return written(pick(words()));
    }
  }

  std::mt19937 random_;
};

}  // namespace logdb::test::naive
