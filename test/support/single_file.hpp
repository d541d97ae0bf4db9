// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the tests of a store in one file work with.

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include <logdb/storage/single_file.hpp>

#include "support/faulty_system.hpp"
#include "support/temp_dir.hpp"

namespace logdb::test {

template <class File>
std::string text_of(const File& file) {
  std::string out(file.size(), '?');
  file.read(0, std::as_writable_bytes(std::span{out}));
  return out;
}

template <class Storage>
std::string text_of(const Storage& storage, std::string_view name) {
  return text_of(storage.open(name, open_mode::read_only));
}

template <class Storage>
void put(Storage& storage, std::string_view name, std::string_view text) {
  storage.create(name).write(0, as_bytes(text));
}

/// Is a directory for one file, which is still to be made.
struct one_file : fresh_faults {
  temp_dir place;
  std::filesystem::path path = place / "log";

  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> found;
    for (const auto& file : std::filesystem::directory_iterator{place.path()}) {
      found.insert(file.path().filename().string());
    }
    return found;
  }
  [[nodiscard]] SingleFile open(open_mode mode = open_mode::read_write) const {
    return SingleFile{path, mode};
  }
};

}  // namespace logdb::test
