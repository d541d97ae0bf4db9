// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The names of a file that holds many, as this process knows them.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/storage/single_file/single_file_heads.hpp>

namespace logdb::detail {

/// Gives a region another name; false: there is none of the old one.
inline bool rename_region(single_file_regions& all, std::string_view from, std::string_view to) {
  const auto found = all.find(from);
  if (found == all.end()) return false;
  auto moved = found->second;
  all.erase(found);
  all.insert_or_assign(std::string{to}, std::move(moved));
  return true;
}
/// Takes a name away; false: it was not there.
inline bool erase_region(single_file_regions& all, std::string_view name) {
  const auto found = all.find(name);
  if (found == all.end()) return false;
  all.erase(found);
  return true;
}
/// Returns the bytes of the file that the regions take.
inline std::uint64_t capacity_of(const single_file_regions& all) {
  std::uint64_t bytes = 0;
  for (const auto& [name, own] : all) bytes += own->capacity.load(std::memory_order_relaxed);
  return bytes;
}

/// The names that were last shown: what is looked up without waiting for the disk.
/// @threads  any; show() and merge() by one at a time
template <class System>
class shown_names {
 public:
  using region = single_file_region;
  using region_ptr = std::shared_ptr<region>;
  using regions_ptr = std::shared_ptr<const single_file_regions>;

  [[nodiscard]] regions_ptr all() const {
    const guard lock{mutex_};
    return names_;
  }
  /// Returns a region; null when there is none of that name.
  [[nodiscard]] region_ptr find(std::string_view name) const {
    const auto all_names = all();
    const auto found = all_names->find(name);
    return found == all_names->end() ? nullptr : found->second;
  }

  /// Returns the generation of the table that they are of.
  [[nodiscard]] std::uint64_t generation() const {
    return generation_.load(std::memory_order_acquire);
  }

  void show(single_file_regions all, std::uint64_t generation) {
    auto next = std::make_shared<const single_file_regions>(std::move(all));
    {
      const guard lock{mutex_};
      names_ = std::move(next);
    }
    note_written(generation);  // behind the names
  }
  /// Says which table has them now. Release: pairs with generation().
  void note_written(std::uint64_t generation) {
    generation_.store(generation, std::memory_order_release);
  }

  /// Returns what was found in the file, where a region that is known stays the same object.
  /// @param known_since  the failed syncs of the others
  [[nodiscard]] single_file_regions merge(single_file_regions found,
                                          std::uint64_t known_since) const {
    const auto known = all();
    for (auto& [name, own] : found) {
      const auto same = known->find(name);
      if (same != known->end() && is_same(*same->second, *own)) {
        update(*same->second, *own);
        own = same->second;
      } else {
        own->known_since = known_since;
      }
    }
    return found;
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;

  /// Regions are never reused, so one that stands at the same place is the same.
  static bool is_same(const region& known, const region& found) {
    return known.capacity.load(std::memory_order_relaxed) == 0 ||
           known.offset.load(std::memory_order_relaxed) ==
               found.offset.load(std::memory_order_relaxed);
  }
  static void update(region& known, const region& found) {
    known.offset.store(found.offset.load(std::memory_order_relaxed), std::memory_order_relaxed);
    known.capacity.store(found.capacity.load(std::memory_order_relaxed), std::memory_order_relaxed);
    // Release: pairs with the acquires of those who then load the offset.
    known.size.store(found.size.load(std::memory_order_relaxed), std::memory_order_release);
  }

  platform::atomic<std::uint64_t> generation_ = 0;
  mutable mutex mutex_;  // never held over the disk
  regions_ptr names_ = std::make_shared<const single_file_regions>();
};

}  // namespace logdb::detail
