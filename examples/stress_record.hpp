// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What `stress` writes and `dump` verifies: records that say who wrote them, and the how manieth
/// of that writer they are.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stress {

/// Names one thread of one process; the same again when the process was begun again.
struct writer {
  std::uint32_t process = 0;
  std::uint32_t thread = 0;

  friend auto operator<=>(const writer&, const writer&) = default;
};

/// Is the begin of each record. The rest is filled with bytes that only this record has.
struct stamp {
  writer who{};
  std::uint64_t number = 0;  // 0, 1, ... of this writer
};
static_assert(sizeof(stamp) == 16);

/// Is no writer's number: of records that are rolled back, so that nobody ever may see it.
inline constexpr std::uint64_t never = ~std::uint64_t{0};

inline std::string make_record(const stamp& what, std::size_t bytes) {
  std::string text(bytes, '\0');
  std::memcpy(text.data(), &what, sizeof what);
  for (std::size_t i = sizeof what; i < bytes; ++i) {
    text[i] = static_cast<char>(what.number * 31 + what.who.process * 7 + what.who.thread + i);
  }
  return text;
}

/// Returns what a record says, or nothing when it is not as it was made.
inline std::optional<stamp> read_record(std::string_view text) {
  stamp what;
  if (text.size() < sizeof what) return std::nullopt;
  std::memcpy(&what, text.data(), sizeof what);
  return make_record(what, text.size()) == text ? std::optional{what} : std::nullopt;
}

/// Counts the records of each writer.
class tally {
 public:
  /// Returns whether this is the next record of its writer.
  [[nodiscard]] bool see(const stamp& what) { return counts_[what.who]++ == what.number; }
  /// Returns how many records of a writer there were, which is the number of its next.
  [[nodiscard]] std::uint64_t next_of(const writer& who) const {
    const auto found = counts_.find(who);
    return found == counts_.end() ? 0 : found->second;
  }
  [[nodiscard]] const std::map<writer, std::uint64_t>& counts() const { return counts_; }

 private:
  std::map<writer, std::uint64_t> counts_;
};

}  // namespace stress
