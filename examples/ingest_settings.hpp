// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the words after `ingest` mean.

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace ingest {

inline constexpr std::string_view usage = R"(usage: ingest [options] [FILE]

Stores every line of FILE (default: -, standard input) in a durable log, closes it, opens it again,
replays it, and compares every byte. Exits 0 if all came back as it was, 1 if not, 2 for this text.

  --batch N     lines appended together, 1 .. 1000000 (default 128). A batch is on disk before its
                thread goes on: `--batch 1` waits for the disk at every line.
  --threads N   appending threads, 1 .. 256 (default 1). Threads that wait at the same time share a
                sync. With one, the log has the order of FILE; with more, each takes the next batch,
                and the log has the order in which they got there. Either is checked.
  --dir PATH    the log's directory, made or continued, and kept
  --keep        keeps the directory that is made when --dir is not given: FILE's name and `.wal`,
                here

FILE is held in memory, to be compared with at the end. A record is a line without its newline; it
may be empty, hold any bytes, and be as long as 1 GiB.
)";

/// Is what the user asked for.
struct settings {
  std::string input = "-";
  std::filesystem::path dir{};  // empty: a fresh one
  bool keep = false;
  std::size_t batch = 128;
  std::size_t threads = 1;
};

struct usage_error : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Takes the words one after the other.
class parser {
 public:
  explicit parser(std::span<char* const> words) : words_{words} {}

  /// Returns what they say; nothing when they ask for help.
  /// @throws  usage_error
  std::optional<settings> run() {
    while (!words_.empty()) {
      const std::string_view word = take();
      if (word == "--help" || word == "-h") return std::nullopt;
      accept(word);
    }
    return chosen_;
  }

 private:
  std::string_view take() {
    const std::string_view word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }

  void accept(std::string_view word) {
    if (word == "--keep") {
      chosen_.keep = true;
    } else if (word == "--batch") {
      chosen_.batch = number(word, 1'000'000);
    } else if (word == "--threads") {
      chosen_.threads = number(word, 256);
    } else if (word == "--dir") {
      chosen_.dir = value(word);
    } else if (word.starts_with("-") && word != "-") {
      throw usage_error{"there is no option " + std::string{word}};
    } else if (std::exchange(named_, true)) {
      throw usage_error{"one FILE, not two: " + std::string{word}};
    } else {
      chosen_.input = word;
    }
  }

  std::string_view value(std::string_view option) {
    if (!words_.empty() && *words_.front() != '\0') return take();
    throw usage_error{std::string{option} + " needs a value"};
  }

  std::size_t number(std::string_view option, std::size_t most) {
    const std::string_view text = value(option);
    std::size_t number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = fault == std::errc{} && end == text.data() + text.size();
    if (whole && number >= 1 && number <= most) return number;
    throw usage_error{std::string{option} + " takes a number from 1 to " + std::to_string(most)};
  }

  std::span<char* const> words_;
  settings chosen_;
  bool named_ = false;  // FILE was given
};

/// Returns what the words say; prints the usage and returns nothing when they ask for help.
inline std::optional<settings> parse(std::span<char* const> words) {
  auto chosen = parser{words}.run();
  if (!chosen) std::cout << usage;
  return chosen;
}

}  // namespace ingest
