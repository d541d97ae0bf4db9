// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Where the lines come from.

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/error.hpp>

namespace ingest {

/// Is a text and its lines, without their newlines. Not to be moved: the lines point into the text.
struct source {
  explicit source(std::string bytes) : text{std::move(bytes)} {
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      lines.push_back(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  source(const source&) = delete;
  source& operator=(const source&) = delete;
  ~source() = default;

  /// Returns the bytes that go into records.
  [[nodiscard]] std::size_t line_bytes() const {
    std::size_t bytes = 0;
    for (const auto line : lines) bytes += line.size();
    return bytes;
  }

  std::string text;
  std::vector<std::string_view> lines;
};

/// Reads to the end.
/// @throws  logdb::error with the path and what the system said
inline std::string read_all(std::FILE* from, const std::string& name) {
  std::string text;
  std::array<char, 1 << 16> piece;
  while (const std::size_t bytes = std::fread(piece.data(), 1, piece.size(), from)) {
    text.append(piece.data(), bytes);
  }
  if (std::ferror(from) != 0) logdb::throw_errno(errno, "cannot read the source", name);
  return text;
}

/// Reads a file, or standard input for `-`.
inline source read_source(const std::string& name) {
  if (name == "-") return source{read_all(stdin, "standard input")};
  if (std::filesystem::is_directory(name)) {
    throw logdb::error{
        logdb::errc::invalid_argument, "the source is a directory, not a file", {.path = name}};
  }
  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, closer> file{std::fopen(name.c_str(), "rb")};
  if (!file) logdb::throw_errno(errno, "cannot open the source", name);
  return source{read_all(file.get(), name)};
}

/// Returns a name in the current folder that is not taken: `dpkg.log.wal`, `dpkg.log.2.wal`, …
inline std::filesystem::path free_name(const std::string& input) {
  const auto stem = input == "-" ? "stdin" : std::filesystem::path{input}.filename().string();
  std::filesystem::path name = stem + ".wal";
  for (int i = 2; std::filesystem::exists(name); ++i) {
    name = stem + "." + std::to_string(i) + ".wal";
  }
  return name;
}

}  // namespace ingest
