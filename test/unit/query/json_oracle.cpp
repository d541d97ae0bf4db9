// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE query_json_oracle
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/query/json_utf8.hpp>

// The same as nlohmann's parser, on random mutations of events: what is accepted, and each leaf.

namespace {

using namespace logdb::query;

/// Returns a number in words that are the same for the same number.
std::string in_words(double number) {
  char words[64];
  std::snprintf(words, sizeof words, "real %a", number + 0.0);  // no zero has a sign
  return words;
}

/// Lists the leaves as nlohmann's parser tells them, a line each.
struct listener : nlohmann::json_sax<nlohmann::json> {
  std::string out{};
  std::vector<std::string> path{};
  std::vector<bool> objects{};  // of what surrounds the place, outermost first
  bool empty = false;           // whether the innermost has nothing in it so far

  bool leaf(const std::string& what) {
    empty = false;
    for (const auto& name : path) out += name + '\x1F';
    out += '=' + what + '\n';
    return leave_value();
  }
  bool leave_value() {
    if (!objects.empty() && objects.back()) path.pop_back();
    return true;
  }
  bool open(bool object) {
    objects.push_back(object);
    empty = true;
    return true;
  }
  bool close(const char* what) {
    const bool was_empty = empty;
    objects.pop_back();
    empty = false;
    return was_empty ? leaf(what) : leave_value();
  }
  bool null() override { return leaf("null"); }
  bool boolean(bool value) override { return leaf(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) override { return leaf(std::to_string(value)); }
  bool number_unsigned(std::uint64_t value) override { return leaf(std::to_string(value)); }
  bool number_float(double value, const std::string&) override { return leaf(in_words(value)); }
  bool string(std::string& value) override { return leaf('"' + value); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool end_object() override { return close("{}"); }
  bool end_array() override { return close("[]"); }
  bool key(std::string& name) override {
    empty = false;
    path.push_back(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }
};

/// What this library makes of a number; `infinite` says that the oracle takes no such number.
std::string number_words(std::string_view text, bool& infinite) {
  const json_number number = parse_number(text);
  infinite = infinite || (number.beyond && number.real != 0);
  if (number.kind == json_number::form::real) return in_words(number.real);
  if (text.find_first_of(".eE") != std::string_view::npos) {
    return in_words(number.kind == json_number::form::integer
                        ? static_cast<double>(number.integer)
                        : static_cast<double>(number.natural));
  }
  return number.kind == json_number::form::integer ? std::to_string(number.integer)
                                                   : std::to_string(number.natural);
}

struct seen {
  bool accepted = false;
  bool infinite = false;
  std::string leaves{};
};

seen read(std::string_view text) {
  seen found;
  const auto note = [&](json_path path, json_kind kind, const json_text& value) {
    for (const json_text& name : path) {
      name.append_to(found.leaves);
      found.leaves += '\x1F';
    }
    found.leaves += '=';
    switch (kind) {
      case json_kind::number: found.leaves += number_words(value.bytes, found.infinite); break;
      case json_kind::string: value.append_to(found.leaves += '"'); break;
      case json_kind::empty_object: found.leaves += "{}"; break;
      case json_kind::empty_array: found.leaves += "[]"; break;
      default: found.leaves += value.bytes;
    }
    found.leaves += '\n';
  };
  found.accepted = walk(text, note) && check_utf8(text);
  return found;
}

const std::string_view events[] = {
    R"({"ts":"2026-03-01T10:00:12.5Z","level":"ERROR","ms":250,"http":{"status":503,"ok":false}})",
    R"([{"a":[1,-2.5e3,{"b":null,"c":[]}],"d":{}},"\ud83d\ude00\u0041\\\"",18446744073709551615])",
    R"( {"":0.1,"\n":[[[]]],"x":-9223372036854775808,"y":1e-7,"z":123456789012345678901} )",
};

std::string mutated(std::mt19937& random) {
  constexpr std::string_view bytes =
      "{}[]\",:\\u0123eE+-.tfn \n\t/\x01\x7F\x80\xC3\xA9\xED\xA0"
      "dD8";
  std::string text{events[random() % std::size(events)]};
  for (auto changes = random() % 4; changes != 0; --changes) {
    const std::size_t at = random() % text.size();
    const char byte = bytes[random() % bytes.size()];
    switch (random() % 4) {
      case 0: text[at] = byte; break;
      case 1: text.insert(at, 1, byte); break;
      case 2: text.erase(at, 1 + random() % 3); break;
      default: text.insert(at, text.substr(random() % text.size(), random() % 8));
    }
    if (text.empty()) text = "1";
  }
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_event_is_read_as_another_parser_reads_it) {
  std::mt19937 random{20'261'130};
  std::size_t accepted = 0;
  for (int n = 0; n < 60'000; ++n) {
    const std::string text = mutated(random);
    const seen here = read(text);
    if (here.infinite || text.starts_with("\xEF\xBB\xBF")) continue;  // it differs there by design
    listener there;
    const bool taken = nlohmann::json::sax_parse(text, &there);
    BOOST_REQUIRE_MESSAGE(taken == here.accepted, text);
    if (taken) BOOST_REQUIRE_MESSAGE(there.out == here.leaves, text);
    accepted += taken;
  }
  BOOST_TEST(accepted > 10'000u);
  BOOST_TEST(accepted < 50'000u);
}
