// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One open file that holds many: its names, its regions, and what a failed sync means for them.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/interprocess/sync/scoped_lock.hpp>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/storage/single_file_heads.hpp>

namespace logdb::detail {

/// Is a store in one file.
///
/// Regions are taken at the end and never given to another: what was mapped keeps its bytes. A
/// file that outgrows its region goes on in place if it is the last, or is moved to a larger one.
///
/// A sync covers the whole file. When one fails nobody knows which of the bytes that were written
/// before it are lost, so each region remembers how many syncs had failed when the oldest of its
/// bytes that are not synced was written: if one failed since, its own sync fails too, and what
/// must not be lost is written anew, to another region.
///
/// @threads  any; each region is changed by one at a time
/// @source   the kernel does the same for each open file: Layton, "Improved error reporting", 2017
template <class System>
class single_file_host {
 public:
  using file = directory_file<System>;
  using region = single_file_region;
  using region_ptr = std::shared_ptr<region>;
  using regions_ptr = std::shared_ptr<const single_file_regions>;

  explicit single_file_host(file opened) : file_{std::move(opened)} {}
  single_file_host(const single_file_host&) = delete;
  single_file_host& operator=(const single_file_host&) = delete;

  /// Reads what is in the file. @errors errc::not_a_log, errc::corrupt, errc::format_mismatch
  void load() {
    const guard lock{io_mutex_};
    show(heads_.load(file_));
  }
  /// The same if somebody else has changed it.
  void refresh() {
    const guard lock{io_mutex_};
    if (!heads_.is_current(file_)) show(heads_.load(file_));
  }
  /// Makes a new file one that holds none, on stable storage.
  void begin() {
    const guard lock{io_mutex_};
    heads_.publish(file_, *names(), failures_.load());
    sync_all();
  }

  [[nodiscard]] const file& bytes() const { return file_; }
  [[nodiscard]] regions_ptr names() const {
    const guard lock{names_mutex_};
    return names_;
  }
  /// Returns a region; null when there is none of that name.
  [[nodiscard]] region_ptr find(std::string_view name) const {
    const auto all = names();
    const auto found = all->find(name);
    return found == all->end() ? nullptr : found->second;
  }

  /// Returns a new, empty region; null when the name is taken.
  [[nodiscard]] region_ptr create(std::string_view name) {
    auto made = std::make_shared<region>();
    const bool is_new = change(
        [&](single_file_regions& all) { return all.try_emplace(std::string{name}, made).second; });
    return is_new ? made : nullptr;
  }
  /// Returns false when there is nothing of that name.
  bool rename(std::string_view from, std::string_view to) {
    return change([&](single_file_regions& all) {
      const auto found = all.find(from);
      if (found == all.end()) return false;
      auto moved = found->second;
      all.erase(found);
      all.insert_or_assign(std::string{to}, std::move(moved));
      return true;
    });
  }
  void remove(std::string_view name) {
    change([&](single_file_regions& all) {
      const auto found = all.find(name);
      if (found == all.end()) return false;
      all.erase(found);
      return true;
    });
  }

  /// Names what was written to regions that have no names yet.
  void fill(single_file_regions all) {
    change([&](single_file_regions& names) {
      names = std::move(all);
      return true;
    });
  }

  /// Makes the names durable.
  void sync() {
    const guard lock{io_mutex_};
    sync_all();
  }

  /// Writes the table once more, so that damage to one of the two loses nothing.
  void repeat() {
    const guard lock{io_mutex_};
    publish(*names());
    sync_all();
  }

  /// Refuses every change of names and places from now on.
  void close() {
    const guard lock{io_mutex_};
    closed_ = true;
  }

  /// Returns which part of the file nothing stands in any more, 0 .. 1.
  [[nodiscard]] double dead_ratio() const {
    const guard lock{io_mutex_};
    const std::uint64_t all = heads_.end() - format::single_file_data_begin;
    std::uint64_t live = heads_.table_bytes();
    for (const auto& [name, own] : *names()) live += own->capacity.load();
    return all == 0 ? 0 : 1 - static_cast<double>(live) / static_cast<double>(all);
  }

  /// Makes room in a region for a file of so many bytes, and for some more; sets no size.
  /// @errors  errc::no_space, errc::io, errc::closed; then it is as before
  void reserve(region& own, std::uint64_t bytes, std::uint64_t wanted) {
    if (bytes <= own.capacity.load(std::memory_order_relaxed)) return;
    require_possible(std::max(bytes, wanted));
    const std::uint64_t room = format::round_to_region(std::max(bytes, wanted));
    if (!extend(own, room)) move(own, room);
  }

  /// Says how large a region's file is now.
  void set_size(region& own, std::uint64_t bytes) {
    const guard lock{io_mutex_};
    // Release: pairs with the acquires of those who then load the offset.
    const std::uint64_t before = own.size.exchange(bytes, std::memory_order_release);
    try {
      publish(*names());
    } catch (...) {
      own.size.store(before, std::memory_order_release);
      throw;
    }
  }

  void write(region& own, std::uint64_t offset, bytes_view first, bytes_view second = {}) {
    note_unsynced(own);
    file_.write(own.offset.load(std::memory_order_relaxed) + offset, first, second);
    note_unsynced(own);  // a sync of another thread may have come between
  }
  void zero_fill(region& own, std::uint64_t offset, std::uint64_t bytes) {
    note_unsynced(own);
    file_.zero_fill(own.offset.load(std::memory_order_relaxed) + offset, bytes);
    note_unsynced(own);
  }
  void allocate(region& own, std::uint64_t offset, std::uint64_t bytes) {
    note_unsynced(own);
    file_.allocate(own.offset.load(std::memory_order_relaxed) + offset, bytes);
  }
  /// Makes the file itself so large that a region of so many bytes lies inside of it.
  void stretch(region& own, std::uint64_t bytes) {
    const guard lock{io_mutex_};
    const std::uint64_t end = own.offset.load(std::memory_order_relaxed) + bytes;
    if (file_.size() < end) file_.resize(end);
  }

  /// Makes a region durable, and all names with it.
  /// @errors  errc::io; never again afterwards: neither of this region, nor of any other that had
  ///          bytes in doubt
  void sync(region& own) {
    const guard lock{io_mutex_};
    require_kept(own);
    const std::uint64_t since = own.unsynced.load();
    own.unsynced.store(region::clean);
    try {
      sync_all();
    } catch (...) {
      // Also if something else was in the way: it is in doubt, and stays it.
      own.unsynced.store(since);
      throw;
    }
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = boost::interprocess::scoped_lock<mutex>;

  static constexpr std::size_t copied_bytes = std::size_t{1} << 20;

  void require_possible(std::uint64_t bytes) const {
    if (bytes <= format::single_file_bytes_max) return;
    throw error{
        errc::no_space, "a file cannot be so large", {.path = file_.path(), .os_error = EFBIG}};
  }

  /// Throws if a failed sync may have dropped bytes of a region.
  void require_kept(const region& own) const {
    if constexpr (!has_step<durability_point::region_in_doubt>) return;
    const std::uint64_t since = own.unsynced.load();
    if (since == region::clean || since == failures_.load()) return;
    throw error{errc::io,
                "a sync of the file failed since this was written",
                {.path = file_.path(), .offset = own.offset.load()}};
  }

  void note_unsynced(region& own) {
    std::uint64_t expected = region::clean;
    own.unsynced.compare_exchange_strong(expected, failures_.load());
  }

  void show(single_file_regions all) {
    auto next = std::make_shared<const single_file_regions>(std::move(all));
    const guard lock{names_mutex_};
    names_ = std::move(next);
  }

  /// Exchanges the names for a changed copy, once that is in the file; false: it changed nothing.
  template <class Change>
  bool change(Change&& make_change) {
    const guard lock{io_mutex_};
    auto next = *names();
    if (!make_change(next)) return false;
    publish(next);
    show(std::move(next));
    return true;
  }

  /// Requires io_mutex_.
  void publish(const single_file_regions& all) {
    if (closed_) throw error{errc::closed, "the log was closed", {.path = file_.path()}};
    settle();
    heads_.publish(file_, all, failures_.load());
  }

  /// Brings what was found to stable storage before anything is written beside it.
  void settle() {
    if (heads_.has_durable() || closed_) return;
    if constexpr (has_step<durability_point::table_settled>) {
      heads_.repeat(file_, failures_.load());
      sync_file();
    }
    heads_.note_synced();
  }

  void sync_all() {
    settle();
    // What a failed sync may have dropped is written anew.
    constexpr bool anew = has_step<durability_point::table_in_doubt>;
    if (anew && heads_.is_in_doubt(failures_.load()) && !closed_) publish(*names());
    sync_file();
    if (!anew || !heads_.is_in_doubt(failures_.load())) heads_.note_synced();
  }

  void sync_file() {
    try {
      file_.sync();
    } catch (...) {
      failures_.fetch_add(1);
      throw;
    }
  }

  /// Gives a region more room where it is, or a place if it has nothing yet; false: it must move.
  [[nodiscard]] bool extend(region& own, std::uint64_t room) {
    const guard lock{io_mutex_};
    if (closed_) throw error{errc::closed, "the log was closed", {.path = file_.path()}};
    const std::uint64_t at = own.offset.load();
    if (!heads_.extend(at, own.capacity.load(), room)) {
      if (own.size.load() != 0) return false;
      own.offset.store(heads_.take(room));
      own.zero_behind = true;
    }
    own.capacity.store(room);
    return true;
  }

  /// Copies a region to a larger one. No table names it before it is durable there.
  void move(region& own, std::uint64_t room) {
    std::uint64_t to = 0;
    {
      const guard lock{io_mutex_};
      to = heads_.take(room);
    }
    copy(own.offset.load(), to, own.size.load());
    const guard lock{io_mutex_};
    require_kept(own);  // else what was copied need not be what was written
    if constexpr (has_step<durability_point::region_move_sync>) sync_file();
    own.offset.store(to);
    own.capacity.store(room);
    own.zero_behind = true;
    own.unsynced.store(region::clean);
  }

  void copy(std::uint64_t from, std::uint64_t to, std::uint64_t bytes) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(bytes, copied_bytes));
    while (bytes != 0) {
      const std::span piece{buffer.data(), std::min<std::uint64_t>(bytes, buffer.size())};
      file_.read(from, piece);
      file_.write(to, piece);
      from += piece.size();
      to += piece.size();
      bytes -= piece.size();
    }
  }

  file file_;
  mutable mutex io_mutex_;  // of heads_ and closed_; held over syncs, so that none is missed
  single_file_heads<System> heads_;
  bool closed_ = false;
  std::atomic<std::uint64_t> failures_ = 0;  // syncs of the file; grows under io_mutex_
  mutable mutex names_mutex_;                // never held over the disk
  regions_ptr names_ = std::make_shared<const single_file_regions>();
};

}  // namespace logdb::detail
