// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The hooks that a policy of any axis may have, and what the engine takes where one is missing.
///
/// A policy names in `hooks` which optional members it has. The engine asks the traits of an axis
/// only, and they hold both ways: a hook that is named must be there in its form, and one that is
/// there must be named. So a misspelt hook does not compile, wherever it is misspelt.

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace logdb::detail {

template <class...>
inline constexpr bool never = false;

/// The hooks that a policy names; they are checked where the policy is used, so that a mistake is
/// one error in words.
/// @tparam Known  lists in `Known::names` all that there are
template <class Known>
class hook_set {
 public:
  /// Takes names as text. What is none is remembered.
  template <class... Names>
  explicit constexpr hook_set(const Names&... named) {
    (add(named), ...);
  }

  [[nodiscard]] constexpr bool all_known() const { return all_known_; }
  /// Tells whether a hook is named; the name must be a known one.
  [[nodiscard]] consteval bool has(std::string_view name) const {
    if (bit_of(name) == 0) throw "no such hook";
    return (named_ & bit_of(name)) != 0;
  }

 private:
  template <class Name>
  constexpr void add(const Name& name) {
    if constexpr (std::convertible_to<const Name&, std::string_view>) {
      named_ |= bit_of(name);
      all_known_ = all_known_ && bit_of(name) != 0;
    } else {
      all_known_ = false;
    }
  }
  [[nodiscard]] static constexpr std::uint32_t bit_of(std::string_view name) {
    std::uint32_t bit = 1;
    for (const std::string_view known : Known::names) {
      if (known == name) return bit;
      bit <<= 1;
    }
    return 0;
  }

  std::uint32_t named_ = 0;  // a bit for each of Known::names
  bool all_known_ = true;
};

/// Satisfied by what has hooks of an axis: `static constexpr Hooks hooks{...}`.
template <class Owner, class Hooks>
concept has_hooks = requires {
  { Owner::hooks } -> std::same_as<const Hooks&>;
  typename std::bool_constant<Owner::hooks.all_known()>;
};
/// Satisfied if those that it names are hooks.
template <class Owner, class Hooks>
concept names_hooks = has_hooks<Owner, Hooks> && Owner::hooks.all_known();

/// Tells whether a policy names `compatible_with` exactly if it has it.
template <class Policy, class Policies>
concept says_whether_it_fits = Policy::hooks.has("compatible_with") == requires {
  Policy::template compatible_with<Policies>;
};

/// The hooks that every axis has.
///
/// `compatible_with`  `P::compatible_with<Policies>`, a bool, and `P::explain<Policies>()`, which
///                    asserts it in words; default: fits all others
/// `fault`            `P::options::fault()`, what is wrong with the options, or null; default:
///                    nothing is
template <class Policy>
struct policy_traits {
  /// Tells whether a policy fits the others of a log.
  template <class Policies>
  static consteval bool fits() {
    if constexpr (Policy::hooks.has("compatible_with")) {
      return Policy::template compatible_with<Policies>;
    } else {
      return true;
    }
  }

  /// Asserts in words that a policy fits the others of a log.
  template <class Policies>
  static consteval void explain() {
    if constexpr (requires { Policy::template explain<Policies>(); }) {
      Policy::template explain<Policies>();
    } else {
      static_assert(never<Policies>,
                    "logdb: these policies do not fit, and the one with compatible_with<Policies> "
                    "has no explain<Policies>() to say why");
    }
  }

  /// Returns what is wrong with the options; null: nothing.
  template <class Options>
  static constexpr const char* fault_of(const Options& chosen) {
    constexpr bool has = requires { chosen.fault(); };
    static_assert(Policy::hooks.has("fault") == has,
                  "logdb: a policy names fault in its hooks exactly if its options have fault()");
    if constexpr (has) {
      return chosen.fault();
    } else {
      return nullptr;
    }
  }
};

}  // namespace logdb::detail
