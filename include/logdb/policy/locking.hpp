// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `locking_policy`: the contract of the Locking axis, which other processes may join. Table:
/// docs/policies/locking.md.

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <logdb/error.hpp>
#include <logdb/policy/policy_traits.hpp>
#include <logdb/policy/storage.hpp>

namespace logdb {

namespace detail {

struct locking_hook_names {
  static constexpr std::array names{"compatible_with", "fault"};
};

}  // namespace detail

/// Names the optional members that a locking policy has, which are those of every axis:
/// detail::policy_traits.
using locking_hooks = detail::hook_set<detail::locking_hook_names>;

namespace detail {

/// Stands for any storage where only the name of a type is asked for.
struct any_storage;

/// Satisfied by what has the members of a locking policy, but for hooks.
template <class L>
concept locking_form =
    // First, so that a type without them gets one error line and not two.
    requires {
  typename L::options;
}
&&std::default_initializable<typename L::options>&& requires {
  { L::name } -> std::convertible_to<std::string_view>;
  { L::shared_writers } -> std::convertible_to<bool>;
  typename std::type_identity<typename L::template lease<any_storage>>;
};

/// Asserts in words that a type is a locking policy.
template <class L>
consteval void explain_locking() {
  static_assert(locking_form<L>,
                "logdb: Locking<P>: P is not a locking_policy; see logdb/policy/locking.hpp");
  if constexpr (locking_form<L>) {
    static_assert(has_hooks<L, locking_hooks>,
                  "logdb: Locking<P>: P needs `static constexpr logdb::locking_hooks "
                  "hooks{...}`, to name the optional members");
    static_assert(!has_hooks<L, locking_hooks> || names_hooks<L, locking_hooks>,
                  "logdb: Locking<P>: P::hooks names what is no hook of locking; they are "
                  "compatible_with and fault");
  }
}

}  // namespace detail

/// A rule about which other processes may open a log. Threads are not its business: every log
/// is thread-safe.
///
/// | expression | returns | means |
/// |---|---|---|
/// | `L::options` | type | what can be set at run time; may be empty |
/// | `L::name` | string_view | as in `Locking<Flock>` |
/// | `L::shared_writers` | bool | whether several processes may write at once |
/// | `L::lease<Storage>` | type | the right to write, see locking_policy_for |
/// | `L::processes_max` | size | only with shared_writers: how many may write at once |
/// | `L::hooks` | locking_hooks | which optional members it has |
///
/// The least model is a struct with those whose lease does nothing: detail::no_locking.
template <class L>
concept locking_policy = detail::locking_form<L> && detail::names_hooks<L, locking_hooks>;

/// Satisfied by the lease of a policy that lets several processes write at once: one process's
/// part in the log. The engine asks it from one thread at a time.
///
/// | expression | returns | means |
/// |---|---|---|
/// | constructor | | waits until nobody opens or closes the log, and keeps it so |
/// | `l.is_first()` | bool | nobody else had the log open: this process recovers it |
/// | `l.place()` | size | this process's number among those that have, below processes_max |
/// | `l.admit_others()` | | this process has opened the log: the next one may open or close it |
/// | `l.if_gone(place, f)` | | calls f if who had a place is gone and nobody has it since |
/// | `l.try_close()` | bool | waits as the constructor does; whether nobody else has it open |
/// | `l.discard()` | | after try_close() was true and all is settled: leaves no lock file behind |
///
/// The destructor gives back whatever is held, after each of them.
template <class T>
concept sharing_lease = requires(T& lease, const T& known, std::size_t place, void (*clear)()) {
  { known.is_first() } -> std::same_as<bool>;
  { known.place() } -> std::same_as<std::size_t>;
  { lease.admit_others() } -> std::same_as<void>;
  { lease.if_gone(place, clear) } -> std::same_as<void>;
  { lease.try_close() } -> std::same_as<bool>;
  { lease.discard() } -> std::same_as<void>;
};

/// Satisfied by a policy that can guard this storage.
///
/// | expression | throws | means |
/// |---|---|---|
/// | `L::lease<S>{storage, options}` | locked | takes the right to write, or throws |
/// | destructor | | gives it back; a child of a fork never gives back what its parent holds |
///
/// It never waits for a holder to close. Where `L::shared_writers` is true it is a sharing_lease.
template <class L, class Storage>
concept locking_policy_for = locking_policy<L> &&
                             std::movable<typename L::template lease<Storage>> &&
                             std::constructible_from<typename L::template lease<Storage>, Storage&,
                                                     const typename L::options&> &&
                             (!L::shared_writers ||
                              sharing_lease<typename L::template lease<Storage>>);

namespace detail {

/// Satisfied if several processes can write a storage under a policy that says so.
template <class L, class Storage>
concept shares_if_it_says_so = !L::shared_writers || locking_policy_for<L, Storage>;

/// Asserts it in words.
template <class L, class Storage>
consteval void explain_lease() {
  static_assert(
      shares_if_it_says_so<L, Storage>,
      "logdb: Locking<P>: P::shared_writers is true, so P::lease<Storage> is movable, made "
      "of (storage, options), and has is_first, place, admit_others, if_gone, try_close "
      "and discard");
}

}  // namespace detail

/// The hooks of a locking policy.
template <class L>
struct locking_traits : detail::policy_traits<L> {};

}  // namespace logdb
