// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The tree of a query over numbered terms, and whether what is known of them decides it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <logdb/query/language/tree.hpp>

namespace logdb::query::detail {

/// What is known so far: of a term, or of a whole query.
enum class verdict : std::uint8_t { open, holds, fails };

/// What is known of each term of a query over one event. Up to 64 terms need no allocation.
class term_states {
 public:
  explicit term_states(std::size_t terms) {
    if (terms > few_.size()) {
      many_.resize(terms);
      states_ = many_;
    } else {
      states_ = std::span{few_}.first(terms);
    }
  }
  term_states(const term_states&) = delete;
  term_states& operator=(const term_states&) = delete;

  verdict& operator[](std::size_t term) { return states_[term]; }
  verdict operator[](std::size_t term) const { return states_[term]; }

 private:
  std::array<verdict, 64> few_{};
  std::vector<verdict> many_{};
  std::span<verdict> states_{};
};

/// The tree of a query, whose terms are numbers.
class program {
 public:
  /// @param terms  where the terms are put, each at its number
  program(const expression& of, std::vector<term>& terms) : is_{of.is()} {
    if (is_ == expression::kind::every) return;
    if (is_ == expression::kind::term) {
      term_ = terms.size();
      terms.push_back(of.condition());
      return;
    }
    parts_.reserve(of.parts().size());
    for (const expression& part : of.parts()) parts_.emplace_back(part, terms);
  }

  /// Returns what the states decide; open terms may still become either.
  [[nodiscard]] verdict of(const term_states& states) const {
    switch (is_) {
      case expression::kind::every: return verdict::holds;
      case expression::kind::term: return states[term_];
      case expression::kind::not_: return opposite(parts_.front().of(states));
      case expression::kind::all_of: return joined(states, verdict::fails);
      case expression::kind::any_of: break;
    }
    return joined(states, verdict::holds);
  }

  /// Returns the answer once nothing more is to come: terms that are open do not hold.
  [[nodiscard]] bool finally(const term_states& states) const {
    switch (is_) {
      case expression::kind::every: return true;
      case expression::kind::term: return states[term_] == verdict::holds;
      case expression::kind::not_: return !parts_.front().finally(states);
      default: break;
    }
    const bool any = is_ == expression::kind::any_of;
    for (const program& part : parts_) {
      if (part.finally(states) == any) return any;
    }
    return !any;
  }

 private:
  static verdict opposite(verdict of) {
    if (of == verdict::open) return of;
    return of == verdict::holds ? verdict::fails : verdict::holds;
  }

  /// Joins the parts, of which one with this verdict decides.
  [[nodiscard]] verdict joined(const term_states& states, verdict deciding) const {
    bool open = false;
    for (const program& part : parts_) {
      const verdict own = part.of(states);
      if (own == deciding) return deciding;
      open = open || own == verdict::open;
    }
    return open ? verdict::open : opposite(deciding);
  }

  expression::kind is_;
  std::size_t term_ = 0;
  std::vector<program> parts_{};
};

}  // namespace logdb::query::detail
