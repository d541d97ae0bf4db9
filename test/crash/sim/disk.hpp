// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The simulated disk: what the processes see, and apart from it what would be left after a power
/// cut. A sector, a file's size and each change of a name become durable on their own.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "choices.hpp"
#include "pages.hpp"

namespace logdb::sim {

using sector_content = std::array<std::byte, sector_bytes>;

/// Is what a sector was made to hold after the file's last sync; null: zeros.
struct sector_version {
  std::size_t sector = 0;
  std::shared_ptr<const sector_content> content;
};

/// Is a file as it stood at one moment.
struct file_state {
  frozen cache;    // what processes see
  frozen durable;  // what a power cut leaves for sure; sectors behind its end never were durable
  std::vector<sector_version> versions{};  // since the last sync, in order
  std::vector<std::uint64_t> sizes{};      // likewise
  bool memory = false;                     // written through a mapping, and so never synced
  std::vector<frozen> past{};              // of such a file: its first page at earlier moments
};

using file_ptr = std::shared_ptr<const file_state>;

/// Is what one call changed in a directory: names and what they stand for then; null: nothing.
template <class File>
struct name_change {
  std::vector<std::pair<std::string, File>> names;
};

/// Is a directory: its names now, those that are durable, and the changes between.
template <class File>
struct names_of {
  std::map<std::string, File> now{};
  std::map<std::string, File> durable{};
  std::vector<name_change<File>> changes{};

  void change(name_change<File> what) {
    apply(now, what);
    changes.push_back(std::move(what));
  }
  void sync() {
    durable = now;
    changes.clear();
  }
  static void apply(std::map<std::string, File>& names, const name_change<File>& what) {
    for (const auto& [name, file] : what.names) {
      if (file == nullptr) {
        names.erase(name);
      } else {
        names.insert_or_assign(name, file);
      }
    }
  }
};

/// Is a disk as it stood at one moment. Directories are files without bytes in their parents.
struct disk_state {
  std::map<std::string, names_of<file_ptr>> directories{};
  std::vector<frozen> removed{};  // bytes of files that are gone: their sectors may come back
};

/// Is one file of the simulated disk.
class inode {
 public:
  inode() = default;
  explicit inode(const file_state& from)
      : durable_{copy_of(from.durable->all())},
        versions_{from.versions},
        sizes_{from.sizes},
        memory_{from.memory} {
    const auto bytes = from.cache->all();
    if (!bytes.empty()) std::memcpy(cache_->part(0, bytes.size()), bytes.data(), bytes.size());
    size_ = bytes.size();
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::shared_ptr<pages>& cache() const { return cache_; }

  void write(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    std::memcpy(touch(offset, bytes.size()), bytes.data(), bytes.size());
    grow(offset + bytes.size());
    for (std::size_t i = offset / sector_bytes; i < sectors_of(offset + bytes.size()); ++i) {
      versions_.push_back({i, content_of(i)});
    }
  }

  /// Makes it at least so large; what is new is zero, and was never durable.
  void grow(std::uint64_t bytes) {
    if (bytes > size_) set_size(bytes);
  }

  void set_size(std::uint64_t bytes) {
    if (bytes < size_) std::memset(cache_->part(bytes, size_ - bytes), 0, size_ - bytes);
    size_ = bytes;
    sizes_.push_back(bytes);
    frozen_.reset();
  }

  /// Makes what was written since the last sync durable.
  void sync() {
    durable_.resize(size_);
    for (const auto& version : versions_) settle(version);
    forget();
  }

  /// Fails as the kernel does: the pages stay as they are and count as clean, and which of them
  /// reached the disk nobody knows.
  void fail_sync(random_source& random) {
    if (random.one_in(2)) durable_.resize(std::max<std::size_t>(durable_.size(), size_));
    for (const auto& version : versions_) {
      const bool fits = (version.sector + 1) * sector_bytes <= durable_.size();
      if (fits && random.one_in(2)) settle(version);
    }
    forget();
  }

  /// Remembers the first page as it is, if it is only memory: the kernel may write it any time.
  void age() {
    if (!memory_ || size_ < pages::page_bytes) return;
    const std::span now{cache_->data(), pages::page_bytes};
    past_.push_back(freeze(copy_of(now)));
    if (past_.size() > past_max) past_.erase(past_.begin());
  }

  /// Says that the pages are written behind the disk's back from now on.
  void map_writable() {
    memory_ = true;
    frozen_.reset();
  }

  [[nodiscard]] file_ptr freeze_state() const {
    if (frozen_ != nullptr && !memory_) return frozen_;
    const std::span now{cache_->data(), size_};
    frozen_ = std::make_shared<const file_state>(
        file_state{freeze(copy_of(now)), freeze(durable_), versions_, sizes_, memory_, past_});
    return frozen_;
  }

  static constexpr std::size_t past_max = 8;

  /// Is some bytes that a handle has locked.
  struct locked_range {
    std::uint64_t by = 0;
    bool exclusive = false;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  /// Gives a handle some bytes, in the place of what it had of them; false: another one has them.
  bool lock(const locked_range& wanted, bool none) {
    const auto meets = [&wanted](const auto& each) {
      return each.begin < wanted.end && wanted.begin < each.end;
    };
    const bool taken = std::ranges::any_of(ranges, [&](const auto& each) {
      return meets(each) && each.by != wanted.by && (each.exclusive || wanted.exclusive);
    });
    if (taken && !none) return false;
    // Here they are always given back as they were taken.
    std::erase_if(ranges, [&](const auto& each) { return each.by == wanted.by && meets(each); });
    if (!none) ranges.push_back(wanted);
    return true;
  }

  std::uint64_t locked_by = 0;          // the handle that has the flock; 0: none
  std::set<std::uint64_t> shared_by{};  // those that have it shared
  std::vector<locked_range> ranges{};   // of the open-file-description locks

 private:
  std::byte* touch(std::uint64_t offset, std::uint64_t bytes) {
    frozen_.reset();
    return cache_->part(offset, bytes);
  }

  [[nodiscard]] std::shared_ptr<const sector_content> content_of(std::size_t sector) const {
    const std::byte* const from = cache_->data() + sector * sector_bytes;
    if (std::all_of(from, from + sector_bytes, [](std::byte b) { return b == std::byte{}; })) {
      return nullptr;
    }
    auto content = std::make_shared<sector_content>();
    std::memcpy(content->data(), from, sector_bytes);
    return content;
  }

  void settle(const sector_version& version) {
    const std::size_t begin = version.sector * sector_bytes;
    if (begin >= durable_.size()) return;  // the file was cut short since
    const std::size_t bytes = std::min(sector_bytes, durable_.size() - begin);
    if (version.content == nullptr) {
      std::memset(durable_.data() + begin, 0, bytes);
    } else {
      std::memcpy(durable_.data() + begin, version.content->data(), bytes);
    }
  }

  void forget() {
    versions_.clear();
    sizes_.clear();
    frozen_.reset();
  }

  std::shared_ptr<pages> cache_ = std::make_shared<pages>();
  std::uint64_t size_ = 0;
  std::vector<std::byte> durable_;
  std::vector<sector_version> versions_;
  std::vector<std::uint64_t> sizes_;
  bool memory_ = false;
  std::vector<frozen> past_;
  mutable file_ptr frozen_;  // null: changed since
};

using inode_ptr = std::shared_ptr<inode>;

/// Is the disk that the processes of one simulated machine use. Calls return as those of posix do.
class disk {
 public:
  static constexpr const char* root = "/sim";
  static constexpr std::size_t removed_max = 6;

  disk() { directories_[root]; }
  explicit disk(const disk_state& from);

  using directory = names_of<inode_ptr>;

  /// Returns a directory, or null.
  [[nodiscard]] directory* find(const std::string& path) {
    const auto found = directories_.find(path);
    return found == directories_.end() ? nullptr : &found->second;
  }

  /// Returns the file that a directory is in its parent, or null.
  [[nodiscard]] inode* find_itself(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    directory* const parent = find(path.substr(0, slash));
    if (parent == nullptr) return nullptr;
    const auto found = parent->now.find(path.substr(slash + 1));
    return found == parent->now.end() ? nullptr : found->second.get();
  }

  int make_directory(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    directory* const parent = find(path.substr(0, slash));
    if (parent == nullptr) return -ENOENT;
    if (parent->now.contains(path.substr(slash + 1))) return -EEXIST;
    parent->change({{{path.substr(slash + 1), std::make_shared<inode>()}}});
    directories_[path];
    return 0;
  }

  /// Lets the kernel look at what processes write through mappings.
  void age() {
    for (auto& [path, names] : directories_) {
      for (auto& [name, file] : names.now) file->age();
    }
  }

  int rename(directory& where, const std::string& from, const std::string& to) {
    const auto found = where.now.find(from);
    if (found == where.now.end()) return -ENOENT;
    bury(where, to);
    where.change({{{to, found->second}, {from, nullptr}}});
    return 0;
  }

  int unlink(directory& where, const std::string& name) {
    if (!where.now.contains(name)) return -ENOENT;
    bury(where, name);
    where.change({{{name, nullptr}}});
    return 0;
  }

  [[nodiscard]] disk_state freeze_state() const;

 private:
  void bury(const directory& where, const std::string& name) {
    const auto found = where.now.find(name);
    if (found == where.now.end()) return;
    removed_.push_back(found->second->freeze_state()->cache);
    if (removed_.size() > removed_max) removed_.pop_front();
  }

  std::map<std::string, directory> directories_;
  std::deque<frozen> removed_;
};

namespace detail {

/// Turns the files of a directory into others, each once: a file may have several names.
template <class To, class From, class Convert>
names_of<To> convert_names(const names_of<From>& from, Convert convert) {
  names_of<To> to;
  for (const auto& [name, file] : from.now) to.now.emplace(name, convert(file));
  for (const auto& [name, file] : from.durable) to.durable.emplace(name, convert(file));
  for (const auto& change : from.changes) {
    auto& copy = to.changes.emplace_back();
    for (const auto& [name, file] : change.names) {
      copy.names.emplace_back(name, file == nullptr ? To{} : convert(file));
    }
  }
  return to;
}

}  // namespace detail

inline disk::disk(const disk_state& from) {
  std::map<const file_state*, inode_ptr> made;
  const auto make = [&made](const file_ptr& file) {
    auto& own = made[file.get()];
    if (own == nullptr) own = std::make_shared<inode>(*file);
    return own;
  };
  for (const auto& [path, names] : from.directories) {
    directories_.emplace(path, detail::convert_names<inode_ptr>(names, make));
  }
  removed_.assign(from.removed.begin(), from.removed.end());
}

inline disk_state disk::freeze_state() const {
  disk_state state;
  // A file that is written through a mapping is frozen anew each time: once here, not once a name.
  std::map<const inode*, file_ptr> made;
  const auto freeze_one = [&made](const inode_ptr& file) {
    auto& own = made[file.get()];
    if (own == nullptr) own = file->freeze_state();
    return own;
  };
  for (const auto& [path, names] : directories_) {
    state.directories.emplace(path, detail::convert_names<file_ptr>(names, freeze_one));
  }
  state.removed.assign(removed_.begin(), removed_.end());
  return state;
}

}  // namespace logdb::sim
