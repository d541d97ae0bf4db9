// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `locking_policy`: the contract of the Locking axis, which other processes may join. Table:
/// docs/policies/locking.md.

#include <concepts>
#include <string_view>
#include <type_traits>

#include <logdb/error.hpp>
#include <logdb/policy/storage.hpp>

namespace logdb {

namespace detail {

/// Stands for any storage where only the name of a type is asked for.
struct any_storage;

}  // namespace detail

/// Is satisfied by a rule about who else may open a log. Threads are not its business: every log
/// is thread-safe.
///
/// | expression | returns | means |
/// |---|---|---|
/// | `L::options` | type | what can be set at run time; may be empty |
/// | `L::name` | string_view | as in `Locking<Flock>` |
/// | `L::shared_writers` | bool | whether several processes may write at once |
/// | `L::lease<Storage>` | type | the right to write, see locking_lease |
///
/// The least model is a struct with those four whose lease does nothing: detail::no_locking.
template <class L>
concept locking_policy =
    // First, so that a type without them gets one error line and not two.
    requires {
  typename L::options;
}
&&std::default_initializable<typename L::options>&& requires {
  { L::name } -> std::convertible_to<std::string_view>;
  { L::shared_writers } -> std::convertible_to<bool>;
  typename std::type_identity<typename L::template lease<detail::any_storage>>;
};

/// Is satisfied by a policy that can guard this storage.
///
/// | expression | throws | means |
/// |---|---|---|
/// | `L::lease<S>{storage, options}` | locked | takes the right to write, or throws; never waits |
/// | destructor | | gives it back; a child of a fork never gives back what its parent holds |
template <class L, class Storage>
concept locking_policy_for =
    locking_policy<L> && std::movable<typename L::template lease<Storage>> &&
    std::constructible_from<typename L::template lease<Storage>, Storage&,
                            const typename L::options&>;

}  // namespace logdb
