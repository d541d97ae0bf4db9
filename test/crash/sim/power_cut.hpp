// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a power cut may leave of a disk: one image for each sequence of decisions.
///
/// Of each sector that was written since its file's last sync: what was durable, or any version
/// since. Of one that never was durable also zeros, garbage, or bytes of another file. Of each
/// file's size: the durable one or any since. Of each change of names: made or not, in order for
/// one name. A sector that was durable is never torn: it is old or new.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "disk.hpp"

namespace logdb::sim {

/// Tells the files whose bytes no power cut leaves to be believed: staging, and the writer's id.
inline bool is_volatile(std::string_view name) {
  if (name.starts_with("log-")) name.remove_prefix(4);  // beside a log in one file
  return name == "control" || name == "control.tmp" || name == "lock";
}

/// Makes one image of a disk.
class power_cut {
 public:
  /// @param choices  decides about what matters
  /// @param random   decides about the bytes of files that are only memory
  power_cut(const disk_state& before, chooser& choices, random_source random)
      : before_{before}, choices_{choices}, random_{random} {}

  [[nodiscard]] disk_state run() {
    disk_state after;
    after.removed = before_.removed;
    for (const auto& [path, names] : before_.directories) {
      if (path == disk::root || is_there(after, path)) {
        after.directories[path] = cut(names);
      }
    }
    return after;
  }

 private:
  using name_map = std::map<std::string, file_ptr>;

  /// A directory whose own name was lost is lost with all that is in it.
  static bool is_there(const disk_state& after, const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const auto parent = after.directories.find(path.substr(0, slash));
    return parent != after.directories.end() && parent->second.now.contains(path.substr(slash + 1));
  }

  names_of<file_ptr> cut(const names_of<file_ptr>& from) {
    name_map left = from.durable;
    std::set<std::string> held_back;
    for (const auto& change : from.changes) {
      const auto is_held = [&](const auto& one) { return held_back.contains(one.first); };
      const bool possible = std::ranges::none_of(change.names, is_held);
      if (possible && choices_.choose(2) == 1) {
        names_of<file_ptr>::apply(left, change);
      } else {
        for (const auto& one : change.names) held_back.insert(one.first);
      }
    }
    for (auto& [name, file] : left) file = cut(file, is_volatile(name));
    return {left, left, {}};
  }

  file_ptr cut(const file_ptr& file, bool only_memory) {
    auto& made = made_[file.get()];
    if (made == nullptr) made = only_memory ? cut_memory(*file) : cut_file(file);
    return made;
  }

  static file_ptr settled(frozen bytes) {
    return std::make_shared<const file_state>(file_state{bytes, bytes, {}, {}, false});
  }

  /// The pages of a mapped file reach the disk when the kernel likes, each by itself.
  file_ptr cut_memory(const file_state& file) {
    if (random_.one_in(4)) return settled(file.durable);
    std::vector<std::byte> bytes(file.cache->size());
    if (!random_.one_in(4)) std::ranges::copy(file.cache->all(), bytes.begin());
    if (!file.past.empty() && random_.one_in(2)) {
      std::ranges::copy(file.past[random_.below(file.past.size())]->all(), bytes.begin());
    }
    if (random_.one_in(4)) {
      for (std::size_t i = 0; i < sectors_of(bytes.size()); i += 1 + random_.below(8)) {
        put_pattern(bytes, i, std::byte{0x5a});
      }
    }
    return settled(freeze(std::move(bytes)));
  }

  file_ptr cut_file(const file_ptr& file) {
    if (file->versions.empty() && file->sizes.empty()) return settled(file->durable);
    std::vector<std::byte> bytes = copy_of(file->durable->all());
    bytes.resize(static_cast<std::size_t>(choose_size(*file)));
    fill_behind(bytes, sectors_of(file->durable->size()));
    std::map<std::size_t, std::vector<const sector_content*>> written;
    for (const auto& version : file->versions) {
      written[version.sector].push_back(version.content.get());
    }
    for (const auto& [sector, contents] : written) {
      if (sector < sectors_of(bytes.size())) choose_version(bytes, sector, contents);
    }
    return settled(freeze(std::move(bytes)));
  }

  std::uint64_t choose_size(const file_state& file) {
    std::vector<std::uint64_t> sizes{file.durable->size()};
    for (const std::uint64_t size : file.sizes) {
      if (std::ranges::find(sizes, size) == sizes.end() || size == file.sizes.back()) {
        sizes.push_back(size);
      }
    }
    return sizes[choices_.choose(sizes.size())];
  }

  /// Puts into sectors that never were durable what the disk happens to have there: one decision a
  /// file.
  void fill_behind(std::vector<std::byte>& bytes, std::size_t durable) {
    if (durable >= sectors_of(bytes.size())) return;
    const std::size_t kind = choices_.choose(4);
    for (std::size_t i = durable; i < sectors_of(bytes.size()); ++i) {
      const std::size_t own = kind == 3 ? (i * 7 + durable) % 3 : kind;
      if (own == 1) put_pattern(bytes, i, std::byte{0xa5});
      if (own == 2) put_stale(bytes, i);
    }
  }

  /// Leaves what is there, or puts a version; those that change nothing are no possibilities.
  void choose_version(std::vector<std::byte>& bytes, std::size_t sector,
                      const std::vector<const sector_content*>& versions) {
    std::vector<const sector_content*> different;
    for (const sector_content* const version : versions) {
      if (!holds(bytes, sector, version)) different.push_back(version);
    }
    const std::size_t chosen = choices_.choose(1 + different.size());
    if (chosen != 0) put(bytes, sector, different[chosen - 1]);
  }

  static bool holds(const std::vector<std::byte>& bytes, std::size_t sector,
                    const sector_content* content) {
    static constexpr sector_content zeros{};
    const std::size_t begin = sector * sector_bytes;
    const std::size_t count = std::min(sector_bytes, bytes.size() - begin);
    return std::memcmp(bytes.data() + begin, (content == nullptr ? zeros : *content).data(),
                       count) == 0;
  }

  static void put(std::vector<std::byte>& bytes, std::size_t sector,
                  const sector_content* content) {
    const std::size_t begin = sector * sector_bytes;
    const std::size_t count = std::min(sector_bytes, bytes.size() - begin);
    if (content == nullptr) {
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin), count, std::byte{});
    } else {
      std::copy_n(content->begin(), count, bytes.begin() + static_cast<std::ptrdiff_t>(begin));
    }
  }

  /// The garbage of a place is always the same: images differ by what matters only.
  static void put_pattern(std::vector<std::byte>& bytes, std::size_t sector, std::byte pattern) {
    sector_content content;
    content.fill(pattern);
    content[sector % sector_bytes] = static_cast<std::byte>(sector + 1);
    put(bytes, sector, &content);
  }

  /// The same sector of a file that is gone, or of another one that is there.
  void put_stale(std::vector<std::byte>& bytes, std::size_t sector) {
    const auto old = find_stale(sector);
    const std::size_t begin = sector * sector_bytes;
    const std::size_t count = std::min(old.size(), bytes.size() - begin);
    std::copy_n(old.begin(), count, bytes.begin() + static_cast<std::ptrdiff_t>(begin));
  }

  [[nodiscard]] std::span<const std::byte> find_stale(std::size_t sector) const {
    for (auto gone = before_.removed.rbegin(); gone != before_.removed.rend(); ++gone) {
      if (!(*gone)->sector(sector).empty()) return (*gone)->sector(sector);
    }
    for (const auto& [path, names] : before_.directories) {
      for (const auto& [name, file] : names.durable) {
        if (!file->durable->sector(sector).empty()) return file->durable->sector(sector);
      }
    }
    return {};
  }

  const disk_state& before_;
  chooser& choices_;
  random_source random_;
  std::map<const file_state*, file_ptr> made_;
};

/// Numbers an image by what a log may read of it after a power cut.
inline std::uint64_t hash_of(const disk_state& image, bool after_power_cut) {
  std::uint64_t all = 1;
  const auto mix = [&all](std::string_view text, std::uint64_t value) {
    all = hash_bytes(std::as_bytes(std::span{text.data(), text.size()}), all ^ value);
  };
  for (const auto& [path, names] : image.directories) {
    mix(path, names.now.size());
    for (const auto& [name, file] : names.now) {
      const bool counts = !after_power_cut || !is_volatile(name);
      mix(name, counts ? file->cache->hash() : 0);
    }
  }
  return all;
}

}  // namespace logdb::sim
