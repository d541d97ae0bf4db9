// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE query_json
#include <cmath>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/query/json.hpp>

namespace {

using namespace logdb::query;
using namespace std::string_literals;
using namespace std::string_view_literals;

/// The leaves of a text, one a line: names, kind as a letter, what it says.
std::string leaves(std::string_view text) {
  std::string out;
  const auto result = walk(text, [&](json_path path, json_kind kind, const json_text& value) {
    for (const json_text& name : path) {
      name.append_to(out += out.empty() || out.back() == '\n' ? "" : ".");
    }
    out += std::string{"="} + "snTFZOA"[static_cast<int>(kind)];
    value.append_to(out);
    out += '\n';
  });
  return result ? out : out + "fault at " + std::to_string(result.byte);
}

bool accepts(std::string_view text) {
  return static_cast<bool>(walk(text, [](json_path, json_kind, const json_text&) {}));
}

std::string nested(std::size_t depth, std::string_view open, std::string_view close) {
  std::string text;
  for (std::size_t n = 0; n < depth; ++n) text += open;
  text += "1";
  for (std::size_t n = 0; n < depth; ++n) text += close;
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_leaf_is_told_with_its_path_in_the_order_of_the_text) {
  BOOST_TEST(leaves(R"({"a":"x","b":{"c":-1.5e3,"d":[true,{"e":false},[null]]},"f":{},"g":[]})") ==
             "a=sx\nb.c=n-1.5e3\nb.d=Ttrue\nb.d.e=Ffalse\nb.d=Znull\nf=O\ng=A\n");
  BOOST_TEST(leaves(R"({"a":1,"a":2,"a.b":{"c":""}})") == "a=n1\na=n2\na.b.c=s\n");
  BOOST_TEST(leaves("{}") == "=O\n");
  BOOST_TEST(leaves(" 7 ") == "=n7\n");
  BOOST_TEST(leaves(R"([[],{"a":[{"b":1}]},2])") == "=A\na.b=n1\n=n2\n");
}

BOOST_AUTO_TEST_CASE(what_is_before_a_fault_is_told) {
  BOOST_TEST(leaves(R"({"a":1,"b":tru})") == "a=n1\nfault at 14");
}

BOOST_AUTO_TEST_CASE(an_event_is_an_object) {
  BOOST_TEST(bool(check_event(" \n{\"a\":[1]} ")));
  for (const auto text : {""sv, " "sv, "[]"sv, "22"sv, "null"sv, "\"{}\""sv, "\xEF\xBB\xBF{}"sv}) {
    const auto result = check_event(text);
    BOOST_TEST(!result, text);
    BOOST_TEST(result.expected == "an object, '{'"sv);
  }
  BOOST_TEST(check_event(" []").byte == 1u);
  BOOST_TEST(check_event("  ").byte == 2u);
}

BOOST_AUTO_TEST_CASE(leaves_are_told_at_any_depth_with_all_their_names) {
  const auto count = [](const std::string& text) {
    std::size_t told = 0, names = 0;
    const auto result = walk(text, [&](json_path path, json_kind, const json_text&) {
      ++told;
      names = path.size();
    });
    BOOST_TEST(bool(result));
    return std::pair{told, names};
  };
  for (const std::size_t depth : {1u, 63u, 64u, 65u, 127u, 128u, 129u, 1000u}) {
    const auto whole = std::pair<std::size_t, std::size_t>{1, depth};
    BOOST_TEST((count(nested(depth, "{\"a\":", "}")) == whole));
    BOOST_TEST((count("[" + nested(depth, "[{\"a\":", "}]") + "]") == whole));
  }
  BOOST_TEST(count(nested(65, "[", "]")).first == 1u);
  BOOST_TEST((count("{\"a\":" + nested(64, "[", "]") + ",\"b\":{}}").first == 2u));
  for (const std::size_t depth : {63u, 64u, 65u, 127u, 128u, 129u, 100'000u}) {
    BOOST_TEST(accepts(nested(depth, "[", "]")));
    BOOST_TEST(accepts(nested(depth, "[{\"a\":", "}]")));
    BOOST_TEST(!accepts(nested(depth, "[{\"a\":", "]}")));
    std::string wrong = nested(depth, "[", "]");
    wrong.back() = '}';
    BOOST_TEST(!accepts(wrong));
    wrong.pop_back();
    BOOST_TEST(!accepts(wrong));
  }
}

BOOST_AUTO_TEST_CASE(names_of_a_deep_place_stay_in_their_order) {
  std::string text, last;
  for (int i = 0; i < 200; ++i) text += (i == 0 ? "{\"" : "[{\"") + std::to_string(i) + "\":";
  text += "7";
  for (int i = 0; i < 200; ++i) text += i == 199 ? ",\"x\":8}" : "}]";
  std::vector<std::size_t> depths;
  const auto told = walk(text, [&](json_path path, json_kind, const json_text&) {
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
      BOOST_TEST(path[i].bytes == std::to_string(i));
    }
    depths.push_back(path.size());
    last = path.back().bytes;
  });
  BOOST_TEST(bool(told));
  BOOST_TEST(depths == (std::vector<std::size_t>{200, 1}), boost::test_tools::per_element());
  BOOST_TEST(last == "x");
}

BOOST_AUTO_TEST_CASE(text_says_what_its_escapes_say) {
  const std::pair<std::string_view, std::string> cases[] = {
      {R"(le\u0076el)", "level"},
      {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
      {R"(\u0000)", "\0"s},
      {R"(\u00e9\u20AC)", "\xC3\xA9\xE2\x82\xAC"},
      {R"(\uD83D\uDE00!)", "\xF0\x9F\x98\x80!"},
      {R"(\uD83D)", "\xED\xA0\xBD"},
      {R"(\uDE00\uD83D)", "\xED\xB8\x80\xED\xA0\xBD"},
      {R"(\uD83D\u0041)", "\xED\xA0\xBD\x41"},
      {R"(\uD83D\\uDE00)", "\xED\xA0\xBD\\uDE00"},
      {"\xFF\\n\xC3\xA9", "\xFF\n\xC3\xA9"},
  };
  std::string room;
  for (const auto& [written, says] : cases) {
    const json_text text{written, true};
    BOOST_TEST(text.decoded(room) == says);
    BOOST_TEST(text.equals(says));
    BOOST_TEST(!text.equals(says + "x"));
    BOOST_TEST(!text.equals(says.substr(1)));
    BOOST_TEST(!text.equals(says.substr(0, says.size() - 1)));
  }
  const json_text plain{"plain"};
  BOOST_TEST(plain.decoded(room).data() == plain.bytes.data());
  BOOST_TEST((plain.equals("plain") && !plain.equals("Plain") && !plain.equals("plai")));
  BOOST_TEST((json_text{"", false}.equals("")));
}

BOOST_AUTO_TEST_CASE(a_number_is_exact_where_64_bits_hold_it) {
  using form = json_number::form;
  const auto integer = [](std::string_view text) {
    const auto number = parse_number(text);
    BOOST_TEST((number.kind == form::integer), text);
    return number.integer;
  };
  BOOST_TEST(integer("9223372036854775807") == INT64_MAX);
  BOOST_TEST(integer("-9223372036854775808") == INT64_MIN);
  BOOST_TEST(integer("250.0") == 250);
  BOOST_TEST(integer("-0.00") == 0);
  BOOST_TEST((parse_number("9223372036854775808").kind == form::natural));
  BOOST_TEST(parse_number("18446744073709551615").natural == UINT64_MAX);
  for (const auto text : {"18446744073709551616"sv, "-9223372036854775809"sv, "0.5"sv, "1e2"sv}) {
    BOOST_TEST((parse_number(text).kind == form::real), text);
  }
  BOOST_TEST(parse_number("2.5e2").real == 250.0);
  BOOST_TEST(parse_number("0.1").real == 0.1);
}

BOOST_AUTO_TEST_CASE(what_no_double_holds_is_infinite_or_zero_and_says_so) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::string zeros(400, '0');
  for (const auto& text : {"1e400"s, "1e9223372036854775807"s, "1e99999999999999999999"s,
                           "1" + zeros, "0." + zeros + "1e999", "9e308"s}) {
    BOOST_TEST(parse_number(text).beyond);
    BOOST_TEST(parse_number(text).real == infinity);
    BOOST_TEST(parse_number("-" + text).real == -infinity);
  }
  for (const auto& text : {"1e-400"s, "1e-9223372036854775808"s, "1e-99999999999999999999"s,
                           "0." + zeros + "1", "1" + zeros + "e-999"s}) {
    BOOST_TEST(parse_number(text).beyond);
    BOOST_TEST(parse_number(text).real == 0.0);
  }
  for (const auto text : {"0e999"sv, "0.0e-999"sv, "1e308"sv, "5e-324"sv}) {
    BOOST_TEST(!parse_number(text).beyond, text);
  }
}

BOOST_AUTO_TEST_CASE(a_number_is_canonical_if_it_is_written_the_one_way_without_an_exponent) {
  for (const auto text : {"0"sv, "250"sv, "-1"sv, "0.5"sv, "-0.25"sv, "18446744073709551616"sv}) {
    BOOST_TEST(parse_number(text).canonical, text);
  }
  for (const auto text : {"-0"sv, "250.0"sv, "0.50"sv, "0.0"sv, "1e2"sv, "2.5E1"sv}) {
    BOOST_TEST(!parse_number(text).canonical, text);
  }
}

BOOST_AUTO_TEST_CASE(numbers_compare_by_value_and_no_integer_is_rounded) {
  // in order; those on one line are equal
  const std::vector<std::vector<std::string_view>> ordered = {
      {"-1e400"},
      {"-1e19"},
      {"-9223372036854775808", "-9223372036854775808.0", "-9.223372036854775808e18"},
      {"-9223372036854775807"},
      {"-2.5"},
      {"-2", "-2.0", "-0.2e1"},
      {"-0.5"},
      {"0", "-0", "0.0", "-0e5"},
      {"0.5"},
      {"250", "250.0", "2.5e2"},
      {"9007199254740992", "9007199254740992e0"},
      {"9007199254740993"},
      {"9007199254740994", "9007199254740994e0"},
      {"9223372036854775807"},
      {"9223372036854775808", "9223372036854775808e0"},
      {"18446744073709551615"},
      {"18446744073709551616", "18446744073709551616e0"},
      {"1e400"},
  };
  for (std::size_t a = 0; a < ordered.size(); ++a) {
    for (std::size_t b = 0; b < ordered.size(); ++b) {
      for (const auto left : ordered[a]) {
        for (const auto right : ordered[b]) {
          BOOST_TEST((compare(parse_number(left), parse_number(right)) == (a <=> b)),
                     left << " and " << right);
        }
      }
    }
  }
}
