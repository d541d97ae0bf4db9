// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Records that say who wrote them and what belongs together, and the check that a log holds
/// exactly what its writers were told.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/record.hpp>

namespace logdb::test {

/// Names one record: the `sequence`th of a writer in a round, `index` of `count` that are atomic.
struct stamp {
  std::uint32_t round = 0;
  std::uint32_t writer = 0;
  std::uint32_t sequence = 0;
  std::uint32_t index = 0;
  std::uint32_t count = 1;

  friend bool operator==(const stamp&, const stamp&) = default;
};

/// Mixes a number into another that looks random (splitmix64).
inline std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

/// Makes a record: the stamp, then 0 .. 299 bytes that only this stamp has. Some are all zeros.
inline std::string make_payload(const stamp& who) {
  const std::uint64_t seed = mix(mix(who.round) ^ (std::uint64_t{who.writer} << 32 | who.sequence));
  std::string text(sizeof who + seed % 300, '\0');
  std::memcpy(text.data(), &who, sizeof who);
  if (seed % 7 == 0) return text;
  for (std::size_t i = sizeof who; i < text.size(); ++i) {
    text[i] = static_cast<char>(mix(seed + i) & 0xff);
  }
  return text;
}

/// Reads the stamp and checks every byte.
inline std::optional<stamp> read_payload(std::string_view text) {
  stamp who;
  if (text.size() < sizeof who) return std::nullopt;
  std::memcpy(&who, text.data(), sizeof who);
  return text == make_payload(who) ? std::optional{who} : std::nullopt;
}

/// Is what a writer was told: this record has this lsn, for good.
struct acknowledgement {
  std::uint64_t at = 0;
  stamp who{};
};

/// Looks at the records of a log in order and throws std::runtime_error at the first that is wrong.
class history {
 public:
  void see(std::uint64_t at, std::string_view text) {
    if (at != records_.size() + 1) fail("a hole or a repetition", at);
    const auto who = read_payload(text);
    if (!who) fail("bytes that nobody wrote", at);
    auto& expected = next_[{who->round, who->writer}];
    if (who->sequence != expected++) fail("a writer's records out of order", at);
    see_group(*who, at);
    records_.push_back(*who);
  }

  /// Checks that nothing atomic is cut at the end.
  void finish() const {
    if (!records_.empty() && records_.back().index + 1 != records_.back().count) {
      fail("half a transaction at the end", records_.size());
    }
  }

  /// Checks that a record is where its writer was told.
  void require(const acknowledgement& told) const {
    if (told.at == 0 || told.at > records_.size()) fail("an acknowledged record is lost", told.at);
    if (!(records_[told.at - 1] == told.who)) fail("another record has that lsn", told.at);
  }

  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] const std::vector<stamp>& records() const { return records_; }

 private:
  void see_group(const stamp& who, std::uint64_t at) const {
    const bool open = !records_.empty() && records_.back().index + 1 < records_.back().count;
    if (open != (who.index != 0)) fail("half a transaction", at);
    if (!open) return;
    const stamp& before = records_.back();
    if (before.writer != who.writer || before.index + 1 != who.index || before.count != who.count) {
      fail("a transaction with a stranger in it", at);
    }
  }

  [[noreturn]] static void fail(const std::string& what, std::uint64_t at) {
    throw std::runtime_error{what + " at lsn " + std::to_string(at)};
  }

  std::vector<stamp> records_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> next_;
};

/// Reads a whole log into a history.
template <class Log>
history read_history(const Log& log) {
  history found;
  for (const auto& record : log.records()) found.see(record.lsn().value(), record.text());
  found.finish();
  return found;
}

}  // namespace logdb::test
