// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The run-time options of a log: numbers and thresholds, with those of each policy under its axis'
/// name.

#include <bit>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include <logdb/error.hpp>
#include <logdb/policy/durability.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/policy/locking.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb {

/// Chooses what an open does about corruption: damage in what was promised.
enum class recovery_mode : std::uint8_t {
  refuse,   ///< throws errc::corrupt and changes nothing (default)
  salvage,  ///< opens, and reads skip what is damaged; nothing is deleted
};

/// Bounds what a log keeps. Whole sealed segments go, the oldest first, when a segment is sealed or
/// the log opens; the active segment always stays. Readers that hold them are not disturbed.
struct retention_options {
  static constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t bytes_max = unlimited;    ///< on disk, headers included
  std::uint64_t records_max = unlimited;  ///< a segment goes when the rest still holds this many
  std::chrono::nanoseconds age_max =
      std::chrono::nanoseconds::max();  ///< of a segment's newest record, by a clock that is
                                        ///< believed: docs/retention.md

  /// Tells whether everything is kept.
  [[nodiscard]] bool keeps_all() const { return *this == retention_options{}; }
  friend bool operator==(const retention_options&, const retention_options&) = default;
};

namespace detail {

/// Satisfied where a log may be there before it is opened: else there is nothing to read only.
template <class Policies>
concept may_be_read_only = Policies::storage::persistent;
/// Satisfied where a log has records that go by their age.
template <class Policies>
concept may_retain =
    index_traits<typename Policies::index>::may_truncate && !without_journal<Policies>;

inline constexpr std::uint64_t segment_bytes_by_default = 64u << 20;
inline constexpr std::uint64_t record_bytes_by_default = 1u << 30;

}  // namespace detail

/// The options of a log with these policies: those that it can have, and no others.
template <class Policies>
struct basic_options {
  /// read_write creates what is missing; read_only takes no lock and writes nothing
  open_mode mode = open_mode::read_write;
  recovery_mode recovery = recovery_mode::refuse;
  /// size that segments grow to, 16 KiB .. 1 TiB; the first are smaller, so that a small log stays
  /// small
  std::uint64_t segment_bytes = detail::segment_bytes_by_default;
  /// largest record, up to 4 GiB - 64 KiB
  std::uint64_t record_bytes_max = detail::record_bytes_by_default;
  retention_options retention{};

  typename Policies::storage::options storage{};
  typename Policies::durability::options durability{};
  typename Policies::index::options index{};
  typename Policies::locking::options locking{};
};

/// Those of a log that gives up no record by its age.
template <class Policies>
requires(detail::may_be_read_only<Policies> &&
         !detail::may_retain<Policies>) struct basic_options<Policies> {
  open_mode mode = open_mode::read_write;
  recovery_mode recovery = recovery_mode::refuse;
  std::uint64_t segment_bytes = detail::segment_bytes_by_default;
  std::uint64_t record_bytes_max = detail::record_bytes_by_default;

  typename Policies::storage::options storage{};
  typename Policies::durability::options durability{};
  typename Policies::index::options index{};
  typename Policies::locking::options locking{};
};

/// Those of a log in memory, which is empty when it is made.
template <class Policies>
requires(!detail::may_be_read_only<Policies> &&
         detail::may_retain<Policies>) struct basic_options<Policies> {
  recovery_mode recovery = recovery_mode::refuse;
  std::uint64_t segment_bytes = detail::segment_bytes_by_default;
  std::uint64_t record_bytes_max = detail::record_bytes_by_default;
  retention_options retention{};

  typename Policies::storage::options storage{};
  typename Policies::durability::options durability{};
  typename Policies::index::options index{};
  typename Policies::locking::options locking{};
};

/// Those of a log in memory that gives up no record by its age.
template <class Policies>
requires(!detail::may_be_read_only<Policies> && !detail::may_retain<Policies> &&
         !detail::without_journal<Policies>) struct basic_options<Policies> {
  recovery_mode recovery = recovery_mode::refuse;
  std::uint64_t segment_bytes = detail::segment_bytes_by_default;
  std::uint64_t record_bytes_max = detail::record_bytes_by_default;

  typename Policies::storage::options storage{};
  typename Policies::durability::options durability{};
  typename Policies::index::options index{};
  typename Policies::locking::options locking{};
};

/// Those of a log without records: of its policies only.
template <class Policies>
requires detail::without_journal<Policies>
struct basic_options<Policies> {
  typename Policies::storage::options storage{};
  typename Policies::durability::options durability{};
  typename Policies::index::options index{};
  typename Policies::locking::options locking{};
};

namespace detail {

/// Returns how a log is opened.
template <class Policies>
open_mode mode_of(const basic_options<Policies>& options) {
  if constexpr (may_be_read_only<Policies>) {
    return options.mode;
  } else {
    return open_mode::read_write;
  }
}

/// Returns what a log keeps.
template <class Policies>
retention_options retention_of(const basic_options<Policies>& options) {
  if constexpr (may_retain<Policies>) {
    return options.retention;
  } else {
    return {};
  }
}

/// Throws when what is kept cannot be.
inline void require_valid(const retention_options& options) {
  if (options.age_max.count() >= 0) return;
  throw error{errc::invalid_argument, "retention.age_max must not be negative, not " +
                                          std::to_string(options.age_max.count()) + " ns"};
}

/// Throws unless the sizes of records and segments are in their ranges.
template <class Options, class Require>
void require_records_valid(const Options& options, Require require) {
  require(options.segment_bytes >= 16u << 10 && options.segment_bytes <= std::uint64_t{1} << 40,
          "segment_bytes must be 16 KiB .. 1 TiB", options.segment_bytes);
  require(options.record_bytes_max <= (std::uint64_t{1} << 32) - (1u << 16),
          "record_bytes_max must be at most 4 GiB - 64 KiB", options.record_bytes_max);
}

/// Throws unless the options are in their ranges.
template <class Policies>
void require_valid(const basic_options<Policies>& options) {
  const auto require = [](bool holds, const char* what, std::uint64_t found) {
    if (holds) return;
    throw error{errc::invalid_argument, what + (", not " + std::to_string(found))};
  };
  const std::uint64_t staging = options.durability.staging_bytes;
  require(std::has_single_bit(staging) && staging >= 32u << 10 && staging <= 1u << 30,
          "durability.staging_bytes must be a power of two, 32 KiB .. 1 GiB", staging);
  if constexpr (!without_journal<Policies>) require_records_valid(options, require);
  if constexpr (may_retain<Policies>) require_valid(options.retention);
  // Whatever policy asks for them, also one of the user's.
  const std::string bounds = fault_of(Policies::durability::bounds(options.durability));
  if (!bounds.empty()) throw error{errc::invalid_argument, bounds};
  // A policy's own options may say themselves what is wrong with them.
  const auto refuse = [](const char* fault) {
    if (fault != nullptr) throw error{errc::invalid_argument, fault};
  };
  refuse(storage_traits<typename Policies::storage>::fault_of(options.storage));
  refuse(durability_traits<typename Policies::durability>::fault_of(options.durability));
  refuse(index_traits<typename Policies::index>::fault_of(options.index));
  refuse(locking_traits<typename Policies::locking>::fault_of(options.locking));
}

}  // namespace detail

}  // namespace logdb
