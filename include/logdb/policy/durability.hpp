// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The contract of the Durability axis: when an append may return. Table:
/// docs/policies/durability.md

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <logdb/policy/policy_traits.hpp>

namespace logdb {

/// Names the three watermarks of a log, which only grow: appended >= written >= durable.
enum class watermark : std::uint8_t {
  appended,  ///< accepted: in staging, survives the process
  written,   ///< given to the kernel
  durable,   ///< on stable storage: survives a power cut
};

/// Bounds what a power cut may cost. Exceeding `bytes_max` or `records_max` makes appends wait.
struct loss_bounds {
  std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t records_max = std::numeric_limits<std::uint64_t>::max();
  std::chrono::nanoseconds
      delay_max{};  ///< a group is begun at most this long after its oldest record
};

namespace detail {

struct durability_hook_names {
  static constexpr std::array names{"compatible_with", "fault"};
};

}  // namespace detail

/// Names the optional members that a durability policy has, which are those of every axis:
/// detail::policy_traits.
using durability_hooks = detail::hook_set<detail::durability_hook_names>;

namespace detail {

// A delay up to here can be added to a clock, ten times over.
inline constexpr std::chrono::hours delay_longest{24 * 365};
// What may be at risk holds a frame of every kind that is never put apart: the longest is a cursor.
inline constexpr std::uint64_t bytes_max_least = 4096;

/// Returns what is wrong with the bounds that options ask for; empty: nothing.
inline std::string fault_of(const loss_bounds& asked) {
  if (asked.delay_max.count() < 0 || asked.delay_max > delay_longest) {
    return "durability.delay_max must be 0 .. 365 days, not " +
           std::to_string(asked.delay_max.count()) + " ns";
  }
  if (asked.bytes_max < bytes_max_least) {
    return "durability.bytes_max must be at least 4096, not " + std::to_string(asked.bytes_max);
  }
  if (asked.records_max == 0) return "durability.records_max must be at least 1, not 0";
  return {};
}

/// The narrow view that a durability policy sees of a log, in its least form.
struct commit_view_archetype {
  void wait_durable(std::uint64_t end);
};

/// Satisfied by what has the members of a durability policy, but for hooks.
template <class P>
concept durability_form =
    // First, so that a type without them gets one error line and not two.
    requires {
  typename P::options;
}
&&std::default_initializable<typename P::options>&& requires(detail::commit_view_archetype& view,
                                                             const typename P::options& options) {
  { P::name } -> std::convertible_to<std::string_view>;
  { P::keeps_until } -> std::convertible_to<watermark>;
  { P::readable } -> std::convertible_to<watermark>;
  { P::background } -> std::convertible_to<bool>;
  { P::prewrites } -> std::convertible_to<bool>;
  { options.staging_bytes } -> std::convertible_to<std::uint64_t>;
  { P::bounds(options) } -> std::same_as<loss_bounds>;
  { P::acknowledge(view, std::uint64_t{}) } -> std::same_as<void>;
};

/// Asserts in words that a type is a durability policy.
template <class P>
consteval void explain_durability() {
  static_assert(durability_form<P>,
                "logdb: Durability<P>: P is not a durability_policy; see "
                "logdb/policy/durability.hpp");
  if constexpr (durability_form<P>) {
    static_assert(has_hooks<P, durability_hooks>,
                  "logdb: Durability<P>: P needs `static constexpr logdb::durability_hooks "
                  "hooks{...}`, to name the optional members");
    static_assert(!has_hooks<P, durability_hooks> || names_hooks<P, durability_hooks>,
                  "logdb: Durability<P>: P::hooks names what is no hook of durability; they are "
                  "compatible_with and fault");
  }
}

}  // namespace detail

/// Satisfied by a policy of the Durability axis. The least model is `detail::no_durability`.
///
/// `name`         how it is called in messages
/// `keeps_until`  staging keeps a record until this watermark covers it: `durable` for every policy
///                that syncs, so that a failed sync can be healed from it; `written` for one that
///                never does
/// `readable`     a reader sees the records that this watermark covers
/// `background`   whether a thread commits on its own, within `bounds(options)`
/// `prewrites`    whether segments made ready are written with zeros, not only allocated: a sync of
///                such a segment changes no inode, which makes small syncs 1.6 to 2.4 times faster
/// `options`      its run-time options, with `staging_bytes`
/// `bounds(o)`    the loss bounds that the options ask for
/// `acknowledge(view, end)`  called after each append, outside every lock; the append returns when
///                           it does
/// `hooks`        which optional members it has, a durability_hooks
template <class P>
concept durability_policy = detail::durability_form<P> && detail::names_hooks<P, durability_hooks>;

namespace detail {

/// Tells whether a policy ever syncs by itself; only storage that persists can carry it.
template <class P>
inline constexpr bool promises_durability = P::keeps_until == watermark::durable;

}  // namespace detail

/// The hooks of a durability policy.
template <class P>
struct durability_traits : detail::policy_traits<P> {};

}  // namespace logdb
