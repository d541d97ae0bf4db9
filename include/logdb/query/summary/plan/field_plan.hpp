// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// In which blocks a value at a path may hold in a test.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <logdb/format/hash.hpp>
#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/evaluate/tests.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/query/summary/bytes/block_set.hpp>
#include <logdb/query/summary/bytes/packed.hpp>
#include <logdb/query/summary/bytes/pairs.hpp>
#include <logdb/query/summary/bytes/reader.hpp>
#include <logdb/query/summary/plan/coded_values.hpp>
#include <logdb/query/summary/plan/wanted.hpp>
#include <logdb/types.hpp>

namespace logdb::query {

/// What planning has read.
struct plan_counts {
  std::uint64_t filter_rows = 0;  ///< rows of filters
  std::uint64_t columns = 0;      ///< columns of paths
};

namespace detail {

/// The paths of a query among those of a segment, which are decoded names joined by dots: whether
/// its values, or some below it, may be under one. Never misses one.
class key_match {
 public:
  explicit key_match(const field_path& path) {
    for (const path_part& part : path.parts) {
      if (&part != path.parts.data()) joined_.text += '.';
      if (part.any) joined_.wild.push_back(static_cast<std::uint32_t>(joined_.text.size()));
      joined_.text += part.any ? "*" : part.name;
    }
  }

  [[nodiscard]] bool is_plain() const { return joined_.wild.empty(); }

  [[nodiscard]] bool at(std::string_view key) const {
    return is_plain() ? key == joined_.text : glob{joined_}.fits(key);
  }
  [[nodiscard]] bool above(std::string_view key) const {
    if (is_plain()) {
      return key.size() > joined_.text.size() && key.starts_with(joined_.text) &&
             key[joined_.text.size()] == '.';
    }
    pattern below = joined_;
    below.wild.push_back(static_cast<std::uint32_t>(below.text.size() + 1));
    below.text += ".*";
    return glob{below}.fits(key);
  }

 private:
  pattern joined_{};
};

/// Plans the terms of a query that ask for values.
class field_planner {
 public:
  field_planner(const summary_view& of, timestamp now, plan_counts& counts)
      : view_{of}, seed_{logdb::detail::make_hash_seed(of.store())}, now_{now}, counts_{counts} {}

  [[nodiscard]] bool damaged() const { return damaged_; }

  block_set of(const term& what) {
    if (!read_fields()) return all();
    const bool anywhere = what.path.where == place::anywhere;
    const bool present = std::holds_alternative<exists>(what.what);
    const key_match key{what.path};
    block_set found = flagged(block_flag::open);
    bool listed = false;
    for (const summary_field& field : *fields_) {
      const bool at = anywhere || key.at(field.path);
      listed = listed || at;
      if (at) found |= present ? of_present(field) : of_field(field, what.what, anywhere);
      if (present && !anywhere && key.above(field.path)) found |= with_kinds(field, 0xff);
    }
    // What is listed is listed whole.
    if (anywhere || present || !listed || !key.is_plain()) found |= flagged(block_flag::other);
    return found;
  }

 private:
  [[nodiscard]] block_set all() const { return {view_.blocks(), true}; }
  [[nodiscard]] block_set none() const { return {view_.blocks(), false}; }

  /// Notes that something cannot be read, and reads everything instead.
  block_set give_up() {
    damaged_ = true;
    return all();
  }

  bool read_fields() {
    if (!fields_ && !damaged_) fields_ = view_.fields();
    damaged_ = damaged_ || !fields_;
    return !damaged_;
  }

  [[nodiscard]] block_set flagged(std::uint32_t flags) const {
    block_set found = none();
    for (std::size_t i = 0; i < view_.blocks(); ++i) {
      if ((view_.block(i).flags & flags) != 0) found.add(i);
    }
    return found;
  }

  std::optional<bytes_view> read_column(const column_ref& of) {
    ++counts_.columns;
    return view_.column(of);
  }

  /// Returns the blocks that have values of some kinds at a path.
  block_set with_kinds(const summary_field& field, std::uint8_t kinds) {
    const auto bytes = read_column(field.kinds);
    const auto column = bytes ? packed_view::open(*bytes, view_.blocks()) : std::nullopt;
    if (!column) return give_up();
    std::vector<std::uint64_t> there(view_.blocks());
    column->read(0, there);
    block_set found = none();
    for (std::size_t i = 0; i < there.size(); ++i) {
      if ((there[i] & kinds) != 0) found.add(i);
    }
    return found;
  }

  block_set of_present(const summary_field& field) {
    constexpr unsigned absent = kind_bit(json_kind::null) | kind_bit(json_kind::empty_array);
    return with_kinds(field, static_cast<std::uint8_t>(0xff & ~absent));
  }

  block_set of_field(const summary_field& field, const test& what, bool by_word) {
    if (std::holds_alternative<is_null>(what)) return with_kinds(field, kind_bit(json_kind::null));
    if (field.codes.bytes != 0) return of_codes(field, what, by_word);
    if (const auto* within = std::get_if<range>(&what)) return of_range(field, *within);
    block_set found = of_strings(field, what, by_word);
    if (const auto* same = std::get_if<equals>(&what)) found |= of_others(field, *same);
    return found;
  }

  /// Returns the blocks where a string may hold: those that have each word that it must have.
  block_set of_strings(const summary_field& field, const test& what, bool by_word) {
    block_set found = with_kinds(field, kind_bit(json_kind::string));
    for (const std::string& text : wanted_texts(what, by_word)) {
      if (found.empty()) break;
      found &= in_filter(field, text);
    }
    return found;
  }

  block_set in_filter(const summary_field& field, std::string_view text) {
    if (!field.in_filter) return all();
    const auto filter = view_.filter();
    if (!filter) return give_up();
    auto found = filter->may_have(pair_hash{field.path, seed_}.of(text), counts_.filter_rows);
    if (!found) return give_up();
    *found |= flagged(block_flag::full);
    return *std::move(found);
  }

  /// Returns the blocks where a number or a literal may be what `equals` wants.
  block_set of_others(const summary_field& field, const equals& what) {
    block_set found = none();
    if (const auto wanted = wanted_number(what)) {
      found |= of_numbers(field, [&](const number_bounds& in) { return may_be(*wanted, in); });
      const auto integer = integer_text::of(*wanted);
      if (integer && !found.empty()) found &= in_filter(field, integer->text());
    }
    if (what.quoted) return found;
    const std::string text = lowered(what.text);
    if (text == "true") found |= with_kinds(field, kind_bit(json_kind::true_));
    if (text == "false") found |= with_kinds(field, kind_bit(json_kind::false_));
    return found;
  }

  block_set of_range(const summary_field& field, const range& within) {
    switch (kind_of(within)) {
      case bound::kind::number:
        return of_numbers(field, [&](const number_bounds& in) { return may_lie(within, in); });
      case bound::kind::text: return with_kinds(field, kind_bit(json_kind::string));
      default: return with_kinds(field, kind_bit(json_kind::string) | kind_bit(json_kind::number));
    }
  }

  /// Returns the blocks whose numbers lie within bounds that may do.
  template <class May>
  block_set of_numbers(const summary_field& field, May&& may) {
    block_set found = with_kinds(field, kind_bit(json_kind::number));
    if (found.empty() || field.bounds.bytes == 0) return found;
    const auto bytes = read_column(field.bounds);
    if (!bytes || bytes->size() != 16 * view_.blocks()) return give_up();
    block_set kept = none();
    for (std::size_t i = 0; i < view_.blocks(); ++i) {
      const number_bounds bounds = decode_bounds(bytes->subspan(16 * i, 16));
      if (bounds.empty() && found.has(i)) return give_up();
      if (found.has(i) && may(bounds)) kept.add(i);
    }
    return kept;
  }

  /// Returns the blocks where an event has a value that holds, each different one asked once.
  block_set of_codes(const summary_field& field, const test& what, bool by_word) {
    const auto values = read_column(field.values);
    const auto held = values ? ask_values(*values, what, now_, by_word) : std::nullopt;
    if (!held) return give_up();
    if (std::find(held->holds.begin(), held->holds.end(), true) == held->holds.end()) return none();
    const auto bytes = read_column(field.codes);
    const auto codes = bytes ? packed_view::open(*bytes, view_.records()) : std::nullopt;
    if (!codes) return give_up();
    block_set found = none();
    std::uint64_t from = 0;
    for (std::size_t i = 0; i < view_.blocks(); ++i) {
      const std::uint64_t end = from + view_.block(i).records;
      if (!ask_codes(*codes, from, end, *held)) return give_up();
      if (any_) found.add(i);
      from = end;
    }
    return found;
  }

  /// Sets `any_` to whether some record of a block has a code that holds; false: damage.
  bool ask_codes(const packed_view& codes, std::uint64_t from, std::uint64_t end,
                 const held_codes& held) {
    any_ = false;
    std::array<std::uint64_t, 64> some;
    while (from < end && !any_) {
      const std::size_t count = std::min<std::uint64_t>(some.size(), end - from);
      const std::span part{some.data(), count};
      codes.read(from, part);
      for (const std::uint64_t code : part) {
        if (code > held.known) return false;
        any_ = any_ || held.holds[code];
      }
      from += count;
    }
    return true;
  }

  const summary_view& view_;
  logdb::detail::hash_seed seed_;
  timestamp now_;
  plan_counts& counts_;
  std::optional<std::vector<summary_field>> fields_{};
  bool damaged_ = false;
  bool any_ = false;
};

}  // namespace detail
}  // namespace logdb::query
