// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `damaged_store`: the files of a closed store, harmed at one place after the other, each put back
/// before the next.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "crash/support/store.hpp"

namespace logdb::test {

/// Tells whether a test should harm every bit, not only a share of them: LOGDB_CRASH_FLIPS=all.
inline bool harms_every_bit() { return std::getenv("LOGDB_CRASH_FLIPS") != nullptr; }

/// Is a store whose files can be harmed.
class damaged_store {
 public:
  explicit damaged_store(std::filesystem::path path)
      : path_{std::move(path)}, image_{read_store(path_)} {
    image_.erase("lock");
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const store_image& image() const { return image_; }
  void restore() const { write_store(path_, image_); }

  /// Flips a bit of a file and calls, which must leave the files as they are; puts it back.
  template <class Call>
  void with_flip(const std::string& name, std::size_t at, int bit, Call call) const {
    const char whole = image_.at(name)[at];
    poke(name, at, static_cast<char>(whole ^ (1 << bit)));
    call();
    poke(name, at, whole);
  }
  /// Does so and lets the call change what it likes.
  template <class Call>
  void with_flip_to_write(const std::string& name, std::size_t at, int bit, Call call) const {
    restore();
    poke(name, at, static_cast<char>(image_.at(name)[at] ^ (1 << bit)));
    call();
  }
  /// Cuts a file off and calls; puts it back.
  template <class Call>
  void with_cut(const std::string& name, std::size_t bytes, Call call) const {
    std::filesystem::resize_file(path_ / name, bytes);
    call();
    write_file(path_ / name, image_.at(name));
  }

  /// Calls `visit(name, at, bit)` for a bit of every byte that is worth it, or for all of its bits:
  /// around what is not zero, and here and there of the rest.
  /// @param share  one of so many such bytes
  template <class Visit>
  void for_each_bit(std::size_t share, Visit visit) const {
    const bool all = harms_every_bit();
    std::size_t number = 0;
    for (const auto& [name, bytes] : image_) {
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        const bool dense = bytes[at] != 0 || (at > 0 && bytes[at - 1] != 0);
        if (!dense && at % 211 != 0) continue;
        if (!all && ++number % share != 0) continue;
        const int first = all ? 0 : static_cast<int>((at + number / share) % 8);
        for (int bit = first; bit < (all ? 8 : first + 1); ++bit) visit(name, at, bit);
      }
    }
  }

 private:
  void poke(const std::string& name, std::size_t at, char byte) const {
    std::fstream file{path_ / name, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }

  std::filesystem::path path_;
  store_image image_;
};

}  // namespace logdb::test
