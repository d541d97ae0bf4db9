// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which blocks of a summarised segment a query has to read. A summary only excludes: in a block
/// that it leaves out no event matches, in the others each event is asked.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/evaluate/tests.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/query/summary/bytes/block_set.hpp>
#include <logdb/query/summary/bytes/reader.hpp>
#include <logdb/query/summary/plan/field_plan.hpp>
#include <logdb/query/summary/plan/wanted.hpp>
#include <logdb/types.hpp>

namespace logdb::query {
namespace detail {

/// Plans one query over one segment.
class block_planner {
 public:
  block_planner(const summary_view& of, timestamp now, plan_counts& counts)
      : view_{of}, now_{now}, fields_{of, now, counts} {}

  [[nodiscard]] block_set of(const expression& what) {
    switch (what.is()) {
      case expression::kind::term: return of_term(what.condition());
      case expression::kind::all_of: return of_all(what);
      case expression::kind::any_of: return of_any(what);
      // What may match says nothing of what may not.
      case expression::kind::every:
      case expression::kind::not_: break;
    }
    return all();
  }

  /// Tells that the summary cannot be used: then every block is to be read.
  [[nodiscard]] bool damaged() const { return fields_.damaged(); }

 private:
  [[nodiscard]] block_set all() const { return {view_.blocks(), true}; }

  block_set of_all(const expression& what) {
    block_set found = all();
    for (const expression& part : what.parts()) {
      if (found.empty()) break;
      found &= of(part);
    }
    return found;
  }

  block_set of_any(const expression& what) {
    block_set found{view_.blocks(), false};
    for (const expression& part : what.parts()) found |= of(part);
    return found;
  }

  block_set of_term(const term& what) {
    switch (what.path.where) {
      case place::time:
      case place::append: return of_time(what);
      case place::lsn: return of_lsn(what.what);
      case place::malformed: return of_malformed(what.what);
      default: return fields_.of(what);
    }
  }

  template <class Keep>
  [[nodiscard]] block_set blocks_that(Keep&& keep) const {
    block_set found{view_.blocks(), false};
    for (std::size_t i = 0; i < view_.blocks(); ++i) {
      if (keep(view_.block(i))) found.add(i);
    }
    return found;
  }

  [[nodiscard]] block_set of_time(const term& what) const {
    const auto* within = std::get_if<range>(&what.what);
    if (within == nullptr || kind_of(*within) != bound::kind::time) return all();
    const bool own = what.path.where == place::time;
    // Each end is asked by itself, of the side of the block that is nearest to it.
    const range_test from{range{within->lower, {}}};
    const range_test to{range{{}, within->upper}};
    const test_site site{.now = now_};
    return blocks_that([&](const summary_block& block) {
      const bool late =
          within->lower.is_open() || from.holds(own ? block.time_max : block.append_max, site);
      return late &&
             (within->upper.is_open() || to.holds(own ? block.time_min : block.append_min, site));
    });
  }

  [[nodiscard]] block_set of_lsn(const test& what) const {
    const auto* same = std::get_if<equals>(&what);
    const auto* within = std::get_if<range>(&what);
    const auto wanted = same != nullptr ? wanted_number(*same) : std::nullopt;
    const bool ordered = within != nullptr && kind_of(*within) == bound::kind::number;
    if (!wanted && !ordered) return all();
    return blocks_that([&](const summary_block& block) {
      json_number first;
      json_number last;
      first.kind = last.kind = json_number::form::natural;
      first.natural = block.first.value();
      last.natural = block.first.value() + block.records;
      number_bounds lsns = number_bounds::of(first);
      lsns.include(number_bounds::of(last));
      return ordered ? may_lie(*within, lsns) : may_be(*wanted, lsns);
    });
  }

  [[nodiscard]] block_set of_malformed(const test& what) const {
    const auto* same = std::get_if<equals>(&what);
    if (same == nullptr || same->quoted || lowered(same->text) != "true") return all();
    return blocks_that(
        [](const summary_block& block) { return (block.flags & block_flag::malformed) != 0; });
  }

  const summary_view& view_;
  timestamp now_;
  field_planner fields_;
};

}  // namespace detail

/// Returns the blocks in which an event may match; none where the summary is damaged, so that the
/// whole segment has to be read. Reads no filter for what stands under a NOT, nor for a range.
/// @param now     as query::event_site::now
/// @param counts  where given, what it read is added
/// @cost  the columns and rows of the filter that the query names
inline std::optional<block_set> plan_blocks(const summary_view& summary, const expression& where,
                                            timestamp now, plan_counts* counts = nullptr) {
  plan_counts own;
  detail::block_planner planner{summary, now, counts != nullptr ? *counts : own};
  block_set found = planner.of(where);
  if (planner.damaged()) return std::nullopt;
  return found;
}

}  // namespace logdb::query
