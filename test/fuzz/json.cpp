// SPDX-License-Identifier: BSL-1.0
/// @file
/// Hostile bytes as an event: the check, its leaves, their text and their numbers.

#include <string>
#include <string_view>

#include <logdb/query/json_utf8.hpp>

#include "support/require.hpp"

namespace {

using logdb::fuzz::require;
using namespace logdb::query;

std::size_t leaves_of(std::string_view text) {
  std::size_t leaves = 0;
  (void)walk(text, [&leaves](json_path, json_kind, const json_text&) { ++leaves; });
  return leaves;
}

void check_text(std::string_view event, const json_text& text) {
  require(
      text.bytes.empty() || (text.bytes.data() >= event.data() &&
                             text.bytes.data() + text.bytes.size() <= event.data() + event.size()),
      "a text lies in its event");
  require(text.escaped == (text.bytes.find('\\') != std::string_view::npos), "escapes are told");
  std::string room;
  const std::string says{text.decoded(room)};
  require(says.size() <= text.bytes.size(), "decoding makes nothing longer");
  require(text.equals(says) && !text.equals(says + "x"), "a text equals what it says, no more");
  require(says.empty() || !text.equals(std::string_view{says}.substr(1)), "and no less");
}

void check_number(std::string_view text) {
  const json_number number = parse_number(text);
  require(compare(number, number) == 0, "a number equals itself");
  const json_number negative =
      parse_number(text.front() == '-' ? std::string{text.substr(1)} : "-" + std::string{text});
  const json_number zero = parse_number("0");
  require(compare(number, zero) == compare(zero, negative), "a sign turns a number round");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text{reinterpret_cast<const char*>(data), bytes};
  std::size_t leaves = 0;
  const auto found = walk(text, [&](json_path path, json_kind kind, const json_text& value) {
    ++leaves;
    require(4 * path.size() <= bytes, "a path has a name for each object around the leaf");
    for (const json_text& name : path) check_text(text, name);
    if (kind == json_kind::string) check_text(text, value);
    if (kind == json_kind::number) check_number(value.bytes);
  });
  const auto unicode = check_utf8(found ? text : "0");
  require(unicode.byte <= bytes, "a fault lies in the text");
  if (!found) {
    require(found.byte <= bytes, "a fault lies in the text");
    const auto before =
        walk(text.substr(0, found.byte), [](json_path, json_kind, const json_text&) {});
    require(before || before.byte == found.byte, "what stands before a fault has none");
    return 0;
  }
  const std::string event = "{\"a\":" + std::string{text} + "}";
  require(bool(check_event(event)), "a value is a value within an event");
  require(leaves_of(event) <= leaves, "and tells no other leaves");
  require(!check_event(event.substr(0, event.size() - 1)), "an event has its end");
  return 0;
}
