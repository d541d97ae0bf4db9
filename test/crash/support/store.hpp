// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A store on disk as tests see it: its files as bytes, to copy, damage, compare and put back; and
/// its frames, to know where to damage it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/format/files/names.hpp>
#include <logdb/format/files/segment_header.hpp>
#include <logdb/format/frames/frame.hpp>

namespace logdb::test {

/// Is the regular files of a directory, by name.
using store_image = std::map<std::string, std::string>;

inline std::string read_file(const std::filesystem::path& path) {
  const std::ifstream in{path, std::ios::binary};
  std::ostringstream bytes;
  bytes << in.rdbuf();  // as much at a time as there is: a byte at a time is slow without optimiser
  return std::move(bytes).str();
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Reads every file of a directory.
inline store_image read_store(const std::filesystem::path& path) {
  store_image image;
  for (const auto& file : std::filesystem::directory_iterator{path}) {
    image[file.path().filename().string()] = read_file(file.path());
  }
  return image;
}

/// Reads every file of a directory in which a log is open, as at one moment: the manifest before
/// and after is the same, so every file that it names is there.
inline store_image read_live_store(const std::filesystem::path& path) {
  for (;;) {
    try {
      const std::string before = read_file(path / format::manifest_name);
      store_image image = read_store(path);
      if (before == read_file(path / format::manifest_name)) return image;
    } catch (const std::filesystem::filesystem_error&) {
      continue;  // a file went while the directory was read
    }
  }
}

/// Makes a directory hold exactly these files.
inline void write_store(const std::filesystem::path& path, const store_image& image) {
  std::filesystem::remove_all(path);
  std::filesystem::create_directory(path);
  for (const auto& [name, bytes] : image) write_file(path / name, bytes);
}

/// Is a frame where it stands in a segment.
struct found_frame {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  format::frame_header header{};

  [[nodiscard]] std::uint64_t end() const { return offset + bytes; }
};

/// Returns the frames of a segment's file, from its first to the first bytes that are none.
inline std::vector<found_frame> frames_of(std::string_view file) {
  std::vector<found_frame> frames;
  format::segment_header header;
  const bytes_view bytes = as_bytes(file);
  if (format::decode(bytes, header) != format::format_fault::none) return frames;
  const auto seed = format::make_seed(header.salt);
  format::frame_view frame;
  for (std::uint64_t at = format::segment_header_bytes;
       format::read_frame(bytes, at, seed, frame) == format::frame_fault::none; at += frame.bytes) {
    frames.push_back({at, frame.bytes, frame.header});
  }
  return frames;
}

/// Returns the name of the n-th segment that there ever was, from 1.
inline std::string segment_file(std::uint64_t number) {
  return format::segment_name(segment_number{number});
}

/// Returns the name of the last segment that has frames.
inline std::string last_segment(const store_image& image) {
  std::string last;
  for (const auto& [name, bytes] : image) {
    if (format::parse_segment_name(name) && !frames_of(bytes).empty()) last = name;
  }
  return last;
}

/// Gives a log the smallest segments and staging there are.
template <class Log>
typename Log::options smallest() {
  typename Log::options options;
  options.segment_bytes = 16u << 10;
  options.durability.staging_bytes = 32u << 10;
  return options;
}

/// Does so, and leaves what is accepted in staging while there is room.
template <class Log>
typename Log::options lazy() {
  auto chosen = smallest<Log>();
  if constexpr (requires { chosen.durability.delay_max; }) {
    chosen.durability.delay_max = std::chrono::seconds{100};
  }
  return chosen;
}

/// Overwrites a stretch of a file, which stays the same file.
template <class Field>
void overwrite(const std::filesystem::path& file, std::size_t offset, const Field& value) {
  std::fstream out{file, std::ios::binary | std::ios::in | std::ios::out};
  out.seekp(static_cast<std::streamoff>(offset));
  out.write(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Returns the texts of all records.
template <class Log>
std::vector<std::string> texts_of(const Log& log) {
  std::vector<std::string> texts;
  for (const auto& record : log.records()) texts.emplace_back(record.text());
  return texts;
}

}  // namespace logdb::test
