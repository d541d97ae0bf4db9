// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One open file that holds many: its names, its regions, and what a failed sync means for them.

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/platform/expects.hpp>
#include <logdb/storage/single_file/single_file_names.hpp>

namespace logdb::detail {

/// A store in one file.
///
/// Regions are taken at the end and never given to another: what was mapped keeps its bytes. A
/// file that outgrows its region goes on in place if it is the last, or is moved to a larger one.
///
/// A sync covers the whole file. When one fails nobody knows which of the bytes that were written
/// before it are lost, so each region remembers how many syncs had failed when the oldest of its
/// bytes that are not synced was written: if one failed since, its own sync fails too, and what
/// must not be lost is written anew, to another region. Where processes share the file all count
/// in one number, and what one of them found there it holds to be unsynced.
///
/// @threads  any; each region is changed by one at a time, of any process that shares the file
/// @source   the kernel does the same for each open file: Layton, "Improved error reporting", 2017
template <class System>
class single_file_host : public single_file_names<System> {
 public:
  using base = single_file_names<System>;
  using base::base;
  using base::is_shared;
  using base::names;
  using base::sync;
  using typename base::region;

  /// Makes room in a region for a file of so many bytes, and for some more; sets no size.
  /// @errors  errc::no_space, errc::io, errc::closed; then it is as before
  void reserve(region& own, std::uint64_t bytes, std::uint64_t wanted) {
    if (bytes <= own.capacity.load(std::memory_order_relaxed)) return;
    require_possible(std::max(bytes, wanted));
    const std::uint64_t room = format::round_to_region(std::max(bytes, wanted));
    if (!extend(own, room)) move(own, room);
  }

  /// Tells whether a region of which so many bytes are a file's has nothing but zeros behind them.
  [[nodiscard]] bool is_zero_behind(const region& own, std::uint64_t bytes) const {
    // Another process may have died while it wrote there.
    return own.zero_behind && (bytes == 0 || !is_shared());
  }

  /// Says how large a region's file is now.
  void set_size(region& own, std::uint64_t bytes) {
    const guard lock{io_mutex_};
    const turn mine{*this};
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
    tables_.bytes().write(own.offset.load(std::memory_order_relaxed) + offset, first, second);
    note_unsynced(own);  // a sync of another thread may have come between
  }
  void zero_fill(region& own, std::uint64_t offset, std::uint64_t bytes) {
    note_unsynced(own);
    tables_.bytes().zero_fill(own.offset.load(std::memory_order_relaxed) + offset, bytes);
    note_unsynced(own);
  }
  void allocate(region& own, std::uint64_t offset, std::uint64_t bytes) {
    note_unsynced(own);
    tables_.bytes().allocate(own.offset.load(std::memory_order_relaxed) + offset, bytes);
  }
  /// Makes the file itself so large that a region of so many bytes lies inside of it.
  void stretch(region& own, std::uint64_t bytes) {
    const guard lock{io_mutex_};
    const std::uint64_t end = own.offset.load(std::memory_order_relaxed) + bytes;
    // Not by setting its size: that would cut off what somebody writes behind it meanwhile.
    if (tables_.bytes().size() < end) tables_.bytes().allocate(end - 1, 1);
  }

  /// Makes a region durable, and all names with it.
  /// @errors  errc::io; never again afterwards: neither of this region, nor of any other that had
  ///          bytes in doubt
  void sync(region& own) {
    const guard lock{io_mutex_};
    require_kept(own);
    const std::uint64_t since = own.unsynced.load(std::memory_order_seq_cst);
    own.unsynced.store(region::clean, std::memory_order_seq_cst);
    try {
      sync_all();
    } catch (...) {
      // Also if something else was in the way: it is in doubt, and stays it.
      own.unsynced.store(since, std::memory_order_seq_cst);
      throw;
    }
  }

 private:
  using base::failures;
  using base::io_mutex_;
  using base::publish;
  using base::sync_all;
  using base::tables_;
  using base::tell;
  using typename base::guard;
  using typename base::turn;

  static constexpr std::size_t copied_bytes = std::size_t{1} << 20;

  void require_possible(std::uint64_t bytes) const {
    if (bytes <= format::single_file_bytes_max) return;
    throw error{errc::no_space,
                "a file cannot be so large",
                {.path = tables_.bytes().path(), .os_error = EFBIG}};
  }

  /// Throws if a failed sync may have dropped bytes of a region.
  void require_kept(const region& own) const {
    if constexpr (!has_step<durability_point::region_in_doubt>) return;
    const std::uint64_t since = own.unsynced.load(std::memory_order_seq_cst);
    const bool kept = since == region::clean || since == failures();
    if (kept && (!is_shared() || own.known_since == failures())) return;
    tables_.throw_in_doubt(own.offset.load(std::memory_order_relaxed));
  }

  void note_unsynced(region& own) {
    std::uint64_t expected = region::clean;
    own.unsynced.compare_exchange_strong(expected, failures(), std::memory_order_seq_cst);
  }

  /// Gives a region more room where it is, or a place if it has nothing yet; false: it must move.
  [[nodiscard]] bool extend(region& own, std::uint64_t room) {
    const guard lock{io_mutex_};
    const turn mine{*this};
    tables_.require_changeable();
    const bool is_last = tables_.heads().extend(own.offset.load(std::memory_order_relaxed),
                                                own.capacity.load(std::memory_order_relaxed), room);
    if (!is_last && own.size.load(std::memory_order_relaxed) != 0) return false;
    set_place(own,
              is_last ? own.offset.load(std::memory_order_relaxed) : tables_.heads().take(room),
              room, !is_last || own.zero_behind);
    return true;
  }

  /// Copies a region to a larger one. No table names it before it is durable there.
  void move(region& own, std::uint64_t room) {
    std::uint64_t to = 0;
    std::uint64_t failed = 0;
    {
      const guard lock{io_mutex_};
      const turn mine{*this};
      failed = failures();
      to = tables_.heads().take(room);
      tell();
    }
    copy(own.offset.load(std::memory_order_relaxed), to, own.size.load(std::memory_order_relaxed));
    const guard lock{io_mutex_};
    const turn mine{*this};
    require_kept(own);  // else what was copied need not be what was written
    // A sync that was under way may have failed, and dropped the copy.
    constexpr bool doubts = has_step<durability_point::region_in_doubt>;
    if (doubts && failures() != failed) tables_.throw_in_doubt(to);
    if constexpr (has_step<durability_point::region_move_sync>) tables_.sync();
    set_place(own, to, room, true);
    own.unsynced.store(region::clean, std::memory_order_seq_cst);
  }

  /// Says where a region stands from now on; as before if the others cannot be told. In a turn.
  void set_place(region& own, std::uint64_t offset, std::uint64_t capacity, bool zero_behind) {
    LOGDB_EXPECTS(io_mutex_.is_held());
    const std::uint64_t offset_before = own.offset.exchange(offset, std::memory_order_relaxed);
    const std::uint64_t capacity_before =
        own.capacity.exchange(capacity, std::memory_order_relaxed);
    try {
      tell();
    } catch (...) {
      own.offset.store(offset_before, std::memory_order_relaxed);
      own.capacity.store(capacity_before, std::memory_order_relaxed);
      throw;
    }
    own.zero_behind = zero_behind;
  }

  void copy(std::uint64_t from, std::uint64_t to, std::uint64_t bytes) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(bytes, copied_bytes));
    while (bytes != 0) {
      const std::span piece{buffer.data(), std::min<std::uint64_t>(bytes, buffer.size())};
      tables_.bytes().read(from, piece);
      tables_.bytes().write(to, piece);
      from += piece.size();
      to += piece.size();
      bytes -= piece.size();
    }
  }
};

}  // namespace logdb::detail
