// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE query_json_cases
#include <cstddef>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include <logdb/query/json_utf8.hpp>

// What RFC 8259 allows, what it forbids, and what it leaves to whoever reads.

namespace {

using namespace logdb::query;
using namespace std::string_literals;

json_result walked(std::string_view text) {
  return walk(text, [](json_path, json_kind, const json_text&) {});
}

const std::string allowed[] = {
    // structure
    "{}",
    "[]",
    " {} ",
    "\t[\n]\r",
    "null",
    "true",
    "false",
    "\"\"",
    "7",
    "-0.5",
    "[[],[[]],{}]",
    R"({"a":{"b":[{"c":null}]}})",
    "[ 1 , 2 ]",
    "{ \"a\" : 1 , \"b\" : 2 }",
    "[\"x\"]\n",
    R"({"a":1,"a":1,"a":2})",
    R"({"":{"":[]}})",
    "[null,true,false,0,\"\",{},[]]",
    // numbers
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890",
    "0.0",
    "-0.000",
    "1.5",
    "10.01",
    "0e0",
    "0E1",
    "1e2",
    "1E-2",
    "1e+2",
    "12.34e56",
    "1e00007",
    "[0]",
    "[-0 ]",
    "{\"a\":0}",
    // strings
    "\" \"",
    "\"/\"",
    R"("\"\\\/\b\f\n\r\t")",
    R"("\u0000\u001F\uFFFF\uabcd\uABCD")",
    R"("\ud83d\udE00")",
    R"("\\u0000")",
    R"("\\\"")",
    "\"\x7F\"",
    "\"\xC2\x80\xE2\x80\xA8\"",
    "\"\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\"",
    "\"a/*b*/c//d\"",
    R"({"\u0061\"":"'"})",
    "\"1234567\\n12345678\\n\"",
    "\"\xEF\xBB\xBF\"",
};

struct refused {
  std::string text;
  std::size_t byte;
  std::string_view expected;
};

constexpr std::string_view value = "a value", member = "',' or '}'", element = "',' or ']'",
                           name = "a name in quotes", colon = "':'", digit = "a digit",
                           end = "the end of the text", quote = "the end of the string, '\"'",
                           control = "a control character as an escape",
                           word = "true, false or null",
                           escape = "an escape: one of \" \\ / b f n r t u",
                           digits = "four hexadecimal digits";

const refused structures[] = {
    {"", 0, value},
    {" ", 1, value},
    {"[", 1, value},
    {"{", 1, name},
    {"]", 0, value},
    {"}", 0, value},
    {"[1", 2, element},
    {"[1,", 3, value},
    {"[1,]", 3, value},
    {"[,1]", 1, value},
    {"[,", 1, value},
    {"[1,,2]", 3, value},
    {"[1 2]", 3, element},
    {"[1:2]", 2, element},
    {"[1;2]", 2, element},
    {"[\"a\": 1]", 4, element},
    {"[3[4]]", 2, element},
    {"[{}", 3, element},
    {"[}", 1, value},
    {"[1}", 2, element},
    {"{]", 1, name},
    {"{\"a\":1]", 6, member},
    {"[]]", 2, end},
    {"{}}", 2, end},
    {"[][]", 2, end},
    {"{} 1", 3, end},
    {"\"\"x", 2, end},
    {"1]", 1, end},
    {"2@", 1, end},
    {"[1],", 3, end},
    {"{,", 1, name},
    {"{,}", 1, name},
    {"{\"a\"", 4, colon},
    {"{\"a\":", 5, value},
    {"{\"a\"}", 4, colon},
    {"{\"a\" \"b\"}", 5, colon},
    {"{\"a\",1}", 4, colon},
    {"{\"a\"::1}", 5, value},
    {"{\"a\":}", 5, value},
    {"{:1}", 1, name},
    {"{1:1}", 1, name},
    {"{a:1}", 1, name},
    {"{'a':1}", 1, name},
    {"{null:1}", 1, name},
    {"{[]:1}", 1, name},
    {"{\"a\":1,}", 7, name},
    {"{\"a\":1,,}", 7, name},
    {"{\"a\":1 2}", 7, member},
    {"{\"a\":1,\"b\"}", 10, colon},
    {"{\"a\":1,2}", 7, name},
    {"{\"a\":[1,{\"b\":", 13, value},
    {"{\"a\":1", 6, member},
    {"{}//", 2, end},
    {"{}/**/", 2, end},
    {"{\"a\":/**/1}", 5, value},
    {"[1/**/]", 2, element},
    {"{}#", 2, end},
    {"*", 0, value},
    {"<null>", 0, value},
    {"'a'", 0, value},
    {"a", 0, value},
    {"[a", 1, value},
    {"\xC3\xA9", 0, value},
    {"[\xFF]", 1, value},
    {"[1\xE5]", 2, element},
    {"\xEF\xBB\xBF", 0, value},
    {"\xEF\xBB\xBF{}", 0, value},
    {"[\f]", 1, value},
    {"[\v]", 1, value},
    {"[\xC2\xA0]", 1, value},
    {"[\xE2\x81\xA0]", 1, value},
    {"[\0]"s, 1, value},
    {"1\0"s, 1, end},
    {"\xFF\xFE{\0}\0"s, 0, value},
};

const refused scalars[] = {
    {"tru", 3, word},
    {"[tru]", 4, word},
    {"fals", 4, word},
    {"nul", 3, word},
    {"nulL", 3, word},
    {"True", 0, value},
    {"TRUE", 0, value},
    {"truth", 3, word},
    {"trues", 4, end},
    {"NaN", 0, value},
    {"nan", 1, word},
    {"Infinity", 0, value},
    {"undefined", 0, value},
    {"-", 1, digit},
    {"[-]", 2, digit},
    {"--1", 1, digit},
    {"- 1", 1, digit},
    {"-a", 1, digit},
    {"-Infinity", 1, digit},
    {"-.5", 1, digit},
    {"+1", 0, value},
    {"++1", 0, value},
    {".5", 0, value},
    {"01", 1, end},
    {"[01]", 2, element},
    {"-01", 2, end},
    {"00", 1, end},
    {"1.", 2, digit},
    {"[1.]", 3, digit},
    {"1.e1", 2, digit},
    {"0.1.2", 3, end},
    {"1..2", 2, digit},
    {"1e", 2, digit},
    {"1e+", 3, digit},
    {"1E-", 3, digit},
    {"1.5e", 4, digit},
    {"1eE2", 2, digit},
    {"1e+-2", 3, digit},
    {"1e1.5", 3, end},
    {"1ea", 2, digit},
    {"0x1", 1, end},
    {"1_000", 1, end},
    {"1 000", 2, end},
    {"1+2", 1, end},
    {"1a", 1, end},
    {"1e1\xE5", 3, end},
    {"\xEF\xBC\x91", 0, value},
};

const refused strings[] = {
    {"\"", 1, quote},
    {"\"a", 2, quote},
    {"[\"a]", 4, quote},
    {"{\"a", 3, quote},
    {"\"\\", 2, "an escape"},
    {"\"\\\"", 3, quote},
    {"\"\\\\\\\"", 5, quote},
    {"\"\\a\"", 2, escape},
    {"\"\\x00\"", 2, escape},
    {"\"\\'\"", 2, escape},
    {"\"\\U0041\"", 2, escape},
    {"\"\\\t\"", 2, escape},
    {"\"\\\0\""s, 2, escape},
    {"\"\\\xE5\"", 2, escape},
    {"\"\\\xF0\x9F\x8C\x80\"", 2, escape},
    {"\"\\ \"", 2, escape},
    {"\"\\u", 3, digits},
    {"\"\\u\"", 3, digits},
    {"\"\\u12\"", 5, digits},
    {"\"\\u123\"", 6, digits},
    {"\"\\u123g\"", 6, digits},
    {"\"\\u\xE5\"", 3, digits},
    {"\"\\u00 1\"", 5, digits},
    {"\"\\u-123\"", 3, digits},
    {"\"\\ud800\\u1x\"", 10, digits},
    {"\"\\ud800\\", 8, "an escape"},
    {"\"\n\"", 1, control},
    {"\"\t\"", 1, control},
    {"\"\0\""s, 1, control},
    {"\"\x1F\"", 1, control},
    {"\"1234567\r\"", 8, control},
    {"\"12345678\x01\"", 9, control},
    {"\"\xC3\xA9\x80\n\"", 4, control},
    {"{\"a\nb\":1}", 3, control},
    {"[\\n]", 1, value},
    {"[\\u0020\"a\"]", 1, value},
    {"[\"a\v\"]", 3, control},
};

template <std::size_t N>
void check_refused(const refused (&cases)[N]) {
  for (const refused& each : cases) {
    const auto found = walked(each.text);
    BOOST_TEST(!found, each.text);
    if (found) continue;
    BOOST_TEST(found.byte == each.byte, each.text << " at " << found.byte);
    BOOST_TEST(found.expected == each.expected, each.text);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_that_the_standard_allows_is_accepted) {
  for (const auto& text : allowed) {
    BOOST_TEST(bool(walked(text)), text);
    BOOST_TEST(bool(check_utf8(text)), text);
    BOOST_TEST(bool(check_event("{\"a\":" + text + "}")), text);
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_structure_is_refused_with_place_and_reason) {
  check_refused(structures);
}
BOOST_AUTO_TEST_CASE(a_wrong_number_or_word_is_refused_with_place_and_reason) {
  check_refused(scalars);
}
BOOST_AUTO_TEST_CASE(a_wrong_string_is_refused_with_place_and_reason) { check_refused(strings); }

BOOST_AUTO_TEST_CASE(numbers_of_any_size_are_accepted) {
  const std::string zeros(500, '0');
  for (const auto& text :
       {"1" + zeros, "-1" + zeros, "0." + zeros + "1", "1e" + std::string(99, '9'),
        "-1e-" + std::string(99, '9'), "0e" + zeros + "1"}) {
    BOOST_TEST(bool(walked(text)), text);
  }
}

BOOST_AUTO_TEST_CASE(strings_that_are_not_unicode_are_accepted_and_found_if_asked_for) {
  const refused cases[] = {
      {"\"\xFF\"", 1, {}},
      {"\"\x81\"", 1, {}},
      {"\"\xE9\"", 1, {}},
      {"\"a\xE6\x97\xA5\xFA\"", 5, {}},
      {"\"\xED\xA0\x80\"", 1, {}},
      {"\"\xF4\xBF\xBF\xBF\"", 1, {}},
      {"\"\xC0\xAF\"", 1, {}},
      {"\"\xE0\x80\xAF\"", 1, {}},
      {"\"\xF0\x80\x80\xAF\"", 1, {}},
      {"\"\xFC\x83\xBF\xBF\xBF\xBF\"", 1, {}},
      {"\"\xE0\xFF\"", 1, {}},
      {"\"\xE2\x82\"", 1, {}},
      {"\"\xF0\x9F\x98\"", 1, {}},
      {"\"\xF5\x80\x80\x80\"", 1, {}},
      {R"("\uDADA")", 1, {}},
      {R"("\uDFAA")", 1, {}},
      {R"("\uD888\u1234")", 1, {}},
      {R"("\uDd1e\uD834")", 1, {}},
      {R"("\uD800\uD800\n")", 1, {}},
      {R"("\uD800\n")", 1, {}},
      {R"("\uD800abc")", 1, {}},
      {R"("\ud83d\ude00\uDd1ea")", 13, {}},
      {R"({"\uDFAA":0})", 2, {}},
  };
  for (const refused& each : cases) {
    BOOST_TEST(bool(walked(each.text)), each.text);
    const auto found = check_utf8(each.text);
    BOOST_TEST(!found, each.text);
    BOOST_TEST(found.byte == each.byte, each.text << " at " << found.byte);
  }
}
