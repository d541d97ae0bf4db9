// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How a log is put together: picks one policy an axis, checks them, and names one canonical type.
/// Includes no policy: name one by its own header, or include logdb.hpp.
///
/// Every mistake ends in one `static_assert` in our words. What makes that work on GCC and Clang:
/// the assertions stand in a `consteval` function, they stop at the first kind of mistake, they
/// assert the concept itself, and after a mistake the default log is used so that later lines stay
/// quiet.

#include <concepts>
#include <type_traits>

#include <logdb/fwd.hpp>
#include <logdb/policy/durability.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/policy/locking.hpp>
#include <logdb/policy/storage.hpp>

namespace logdb {

namespace axis {
struct storage;
struct durability;
struct index;
struct locking;
}  // namespace axis

/// Chooses where segments live: Directory (default), SingleFile, Memory. docs/policies/storage.md
template <class Policy>
struct Storage {
  using policy_axis = axis::storage;
  using policy = Policy;
};

/// Chooses when an append may return: Fsync (default), Async, None (default in memory).
/// docs/policies/durability.md
template <class Policy>
struct Durability {
  using policy_axis = axis::durability;
  using policy = Policy;
};
template <>
struct Durability<None> {
  using policy_axis = axis::durability;
  using policy = detail::no_durability;
};

/// Chooses how records are found, and so the log's verbs: Sparse (default), None.
/// docs/policies/index.md
template <class Policy>
struct Index {
  using policy_axis = axis::index;
  using policy = Policy;
};
template <>
struct Index<None> {
  using policy_axis = axis::index;
  using policy = detail::no_index;
};

/// Chooses which other processes may join: Flock (default), Fcntl, None (default in memory).
/// docs/policies/locking.md
template <class Policy>
struct Locking {
  using policy_axis = axis::locking;
  using policy = Policy;
};
template <>
struct Locking<None> {
  using policy_axis = axis::locking;
  using policy = detail::no_locking;
};

namespace detail {

template <class Argument, class Axis>
concept on_axis = requires {
  requires std::same_as<typename Argument::policy_axis, Axis>;
};

template <class Argument>
concept axis_argument = on_axis<Argument, axis::storage> || on_axis<Argument, axis::durability> ||
    on_axis<Argument, axis::index> || on_axis<Argument, axis::locking>;

/// Names the policy given for an axis, or the fallback.
template <class Axis, class Fallback, class... Arguments>
struct pick : std::type_identity<Fallback> {};
template <class Axis, class Fallback, class First, class... Rest>
struct pick<Axis, Fallback, First, Rest...> : pick<Axis, Fallback, Rest...> {};
template <class Axis, class Fallback, on_axis<Axis> First, class... Rest>
struct pick<Axis, Fallback, First, Rest...> : std::type_identity<typename First::policy> {};

/// `Base` with the arguments' policies put in.
template <class Base, class... Arguments>
using replace =
    policy_set<typename pick<axis::storage, typename Base::storage, Arguments...>::type,
               typename pick<axis::durability, typename Base::durability, Arguments...>::type,
               typename pick<axis::index, typename Base::index, Arguments...>::type,
               typename pick<axis::locking, typename Base::locking, Arguments...>::type>;

using default_policies = policy_set<Directory, Fsync, Sparse, Flock>;

/// The policies of a log that names a storage only. Where nothing outlives the log, nothing can be
/// durable and no other process can come.
template <class Storage>
struct defaults_on : std::type_identity<policy_set<Storage, Fsync, Sparse, Flock>> {};
template <class Storage>
requires(!Storage::persistent) struct defaults_on<Storage>
    : std::type_identity<policy_set<Storage, no_durability, Sparse, no_locking>> {
};

template <class... Arguments>
using defaults_t =
    typename defaults_on<typename pick<axis::storage, Directory, Arguments...>::type>::type;

template <class Axis, class... Arguments>
concept at_most_one = (0 + ... + static_cast<int>(on_axis<Arguments, Axis>)) <= 1;

template <class... Arguments>
concept one_per_axis =
    at_most_one<axis::storage, Arguments...> && at_most_one<axis::durability, Arguments...> &&
    at_most_one<axis::index, Arguments...> && at_most_one<axis::locking, Arguments...>;

template <class Policies>
concept well_formed = storage_policy<typename Policies::storage> &&
    durability_policy<typename Policies::durability> && index_policy<typename Policies::index> &&
    locking_policy<typename Policies::locking>;

/// Tells whether each policy names in its hooks whether it asks for the others.
template <class Policies>
concept says_what_fits = says_whether_it_fits<typename Policies::storage, Policies> &&
    says_whether_it_fits<typename Policies::durability, Policies> &&
    says_whether_it_fits<typename Policies::index, Policies> &&
    says_whether_it_fits<typename Policies::locking, Policies>;

template <class Policy, class Policies>
concept compatible = policy_traits<Policy>::template fits<Policies>();

template <class Policies>
concept coherent = well_formed<Policies> && compatible<typename Policies::storage, Policies> &&
    compatible<typename Policies::durability, Policies> &&
    compatible<typename Policies::index, Policies> &&
    compatible<typename Policies::locking, Policies>;

template <class Policies>
concept can_be_leased =
    shares_if_it_says_so<typename Policies::locking, typename Policies::storage>;

template <class... Arguments>
consteval void explain_arguments() {
  static_assert(
      (axis_argument<Arguments> && ...),
      "logdb: every argument of basic_log is Storage<>, Durability<>, Index<> or Locking<>; "
      "wrap the policy in its axis, as in Durability<Fsync>");
}

template <class... Arguments>
consteval void explain_repetition() {
  static_assert(at_most_one<axis::storage, Arguments...>,
                "logdb: basic_log takes one Storage<>, several were given; keep one");
  static_assert(at_most_one<axis::durability, Arguments...>,
                "logdb: basic_log takes one Durability<>, several were given; keep one");
  static_assert(at_most_one<axis::index, Arguments...>,
                "logdb: basic_log takes one Index<>, several were given; keep one");
  static_assert(at_most_one<axis::locking, Arguments...>,
                "logdb: basic_log takes one Locking<>, several were given; keep one");
}

template <class Policies>
consteval void explain_forms() {
  explain_storage<typename Policies::storage>();
  explain_durability<typename Policies::durability>();
  explain_index<typename Policies::index>();
  explain_locking<typename Policies::locking>();
}

template <class Policies>
consteval void explain_what_fits() {
  static_assert(says_what_fits<Policies>,
                "logdb: a policy names compatible_with in its hooks exactly if it has "
                "compatible_with<Policies>");
}

template <class Policy, class Policies>
consteval bool explain_pair() {
  if constexpr (!compatible<Policy, Policies>) policy_traits<Policy>::template explain<Policies>();
  return compatible<Policy, Policies>;
}

/// Asserts coherence, a policy at a time: the first that objects speaks, the others stay quiet.
template <class Policies>
consteval void explain_coherence() {
  if constexpr (!compatible<typename Policies::durability, Policies>) {
    explain_pair<typename Policies::durability, Policies>();
  } else if constexpr (!compatible<typename Policies::locking, Policies>) {
    explain_pair<typename Policies::locking, Policies>();
  } else if constexpr (!compatible<typename Policies::index, Policies>) {
    explain_pair<typename Policies::index, Policies>();
  } else {
    explain_pair<typename Policies::storage, Policies>();
  }
}

/// Tells whether the arguments make a log over `Base`; a mistake is a compile error here.
template <class Base, class... Arguments>
consteval bool check() {
  if constexpr (!(axis_argument<Arguments> && ...)) {
    explain_arguments<Arguments...>();
    return false;
  } else if constexpr (!one_per_axis<Arguments...>) {
    explain_repetition<Arguments...>();
    return false;
  } else if constexpr (!well_formed<replace<Base, Arguments...>>) {
    explain_forms<replace<Base, Arguments...>>();
    return false;
  } else if constexpr (!says_what_fits<replace<Base, Arguments...>>) {
    explain_what_fits<replace<Base, Arguments...>>();
    return false;
  } else if constexpr (!coherent<replace<Base, Arguments...>>) {
    explain_coherence<replace<Base, Arguments...>>();
    return false;
  } else if constexpr (!can_be_leased<replace<Base, Arguments...>>) {
    using policies = replace<Base, Arguments...>;
    explain_lease<typename policies::locking, typename policies::storage>();
    return false;
  } else {
    return true;
  }
}

template <bool Sound, class Base, class... Arguments>
struct resolve : std::type_identity<log_engine<replace<Base, Arguments...>>> {};
template <class Base, class... Arguments>
struct resolve<false, Base, Arguments...> : std::type_identity<log_engine<default_policies>> {};

template <class Base, class... Arguments>
using resolve_t = typename resolve<check<Base, Arguments...>(), Base, Arguments...>::type;

}  // namespace detail

/// The log with these policies; the order does not matter, an axis left out has its default, which
/// on Storage<Memory> is Durability<None> and Locking<None>.
template <class... Arguments>
using basic_log = detail::resolve_t<detail::defaults_t<Arguments...>, Arguments...>;

}  // namespace logdb
