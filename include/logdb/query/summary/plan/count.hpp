// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Counts the matches of a query by codes alone, where they say all that it asks.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <logdb/query/language/tree.hpp>
#include <logdb/query/summary/bytes/block_set.hpp>
#include <logdb/query/summary/bytes/layout.hpp>
#include <logdb/query/summary/bytes/packed.hpp>
#include <logdb/query/summary/bytes/reader.hpp>
#include <logdb/query/summary/plan/coded_values.hpp>
#include <logdb/types.hpp>

namespace logdb::query {
namespace detail {

/// Of so many records a bit each: whether it matches.
using record_mask = std::array<std::uint64_t, packed_frame / 64>;

/// A condition, all of whose terms ask for values that have codes.
class coded_condition {
 public:
  /// Makes one; none: a term asks for more than codes say, or the summary is damaged.
  /// @param flags  those of blocks in which codes do not say all are added
  static std::optional<coded_condition> make(const summary_view& of,
                                             const std::vector<summary_field>& fields,
                                             const expression& what, timestamp now,
                                             std::uint32_t& flags) {
    coded_condition made;
    made.is_ = what.is();
    if (made.is_ == expression::kind::term) {
      if (!made.take(of, fields, what.condition(), now, flags)) return std::nullopt;
      return made;
    }
    if (made.is_ == expression::kind::every) return made;
    for (const expression& part : what.parts()) {
      auto ready = make(of, fields, part, now, flags);
      if (!ready) return std::nullopt;
      made.parts_.push_back(*std::move(ready));
    }
    return made;
  }

  /// Asks it of the records from one on, at most packed_frame; false: damage.
  bool ask(std::uint64_t from, std::size_t count, record_mask& out) const {
    out = {};
    if (is_ == expression::kind::term) return ask_codes(from, count, out);
    const bool all = is_ == expression::kind::all_of || is_ == expression::kind::every;
    if (all) out.fill(~std::uint64_t{0});
    for (const coded_condition& part : parts_) {
      record_mask own;
      if (!part.ask(from, count, own)) return false;
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = all ? out[i] & own[i] : out[i] | own[i];
      }
    }
    if (is_ == expression::kind::not_) {
      for (std::uint64_t& word : out) word = ~word;
    }
    return true;
  }

 private:
  bool take(const summary_view& of, const std::vector<summary_field>& fields, const term& what,
            timestamp now, std::uint32_t& flags) {
    flags |= block_flag::open;
    std::string key;
    if (!is_plain(what, key)) return false;
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&key](const auto& each) { return each.path == key; });
    if (field == fields.end()) {  // no event has it but in blocks that say so
      flags |= block_flag::other;
      return true;
    }
    const auto values = of.column(field->values);
    const auto codes = of.column(field->codes);
    if (field->codes.bytes == 0 || !values || !codes) return false;
    codes_ = packed_view::open(*codes, of.records());
    const auto held = ask_values(*values, what.what, now, false);
    if (!codes_ || !held) return false;
    held_ = *held;
    return true;
  }

  /// Tells whether a term asks for the values at one path, whatever is above and below it.
  static bool is_plain(const term& what, std::string& key) {
    if (what.path.where != place::field || std::holds_alternative<exists>(what.what)) return false;
    for (const path_part& part : what.path.parts) {
      if (part.any || part.name.find('.') != std::string::npos) return false;
      if (&part != what.path.parts.data()) key += '.';
      key += part.name;
    }
    return true;
  }

  bool ask_codes(std::uint64_t from, std::size_t count, record_mask& out) const {
    if (!codes_) return true;
    std::array<std::uint64_t, packed_frame> some;
    codes_->read(from, std::span{some}.first(count));
    for (std::size_t i = 0; i < count; ++i) {
      if (some[i] > held_.known) return false;
      out[i / 64] |= std::uint64_t{held_.holds[some[i]]} << i % 64;
    }
    return true;
  }

  expression::kind is_ = expression::kind::every;
  std::vector<coded_condition> parts_{};
  std::optional<packed_view> codes_{};  // of a term; none: no record has a value
  held_codes held_{};
};

/// Counts the matches among some records; none: damage.
inline std::optional<std::uint64_t> count_records(const coded_condition& asked, std::uint64_t from,
                                                  std::uint64_t end) {
  std::uint64_t found = 0;
  while (from < end) {
    const auto some = static_cast<std::size_t>(std::min<std::uint64_t>(packed_frame, end - from));
    record_mask matches;
    if (!asked.ask(from, some, matches)) return std::nullopt;
    for (std::size_t i = 0; 64 * i < some; ++i) {
      const std::size_t bits = std::min<std::size_t>(64, some - 64 * i);
      const std::uint64_t wanted = ~std::uint64_t{0} >> (64 - bits);
      found += static_cast<std::uint64_t>(std::popcount(matches[i] & wanted));
    }
    from += some;
  }
  return found;
}

}  // namespace detail

/// Counts the matches in those blocks of a plan in which codes say all that a condition asks, and
/// takes these blocks off the plan.
/// @return  how many there are; 0, and all blocks stay: the events have to be read
inline std::uint64_t count_by_codes(const summary_view& summary, const expression& where,
                                    timestamp now, block_set& plan) {
  const auto fields = summary.fields();
  if (!fields) return 0;
  std::uint32_t flags = 0;
  const auto asked = detail::coded_condition::make(summary, *fields, where, now, flags);
  if (!asked) return 0;
  block_set left{summary.blocks(), false};
  std::uint64_t found = 0;
  std::uint64_t from = 0;
  for (std::size_t i = 0; i < summary.blocks(); ++i) {
    const summary_block block = summary.block(i);
    if (plan.has(i) && (block.flags & flags) != 0) {
      left.add(i);
    } else if (plan.has(i)) {
      const auto own = detail::count_records(*asked, from, from + block.records);
      if (!own) return 0;
      found += *own;
    }
    from += block.records;
  }
  plan = left;
  return found;
}

}  // namespace logdb::query
