// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a query reads of a log: all but the blocks that summaries exclude.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <logdb/index/events/event_question.hpp>
#include <logdb/index/summaries/summary_file.hpp>
#include <logdb/journal/read/record_walker.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/query/summary/bytes/block_set.hpp>
#include <logdb/query/summary/plan/count.hpp>
#include <logdb/query/summary/plan/plan.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Records that stand one behind the other.
struct event_stretch {
  std::optional<index_entry> begin{};  // where a walk goes to; none: it finds the first by its lsn
  lsn from{};
  lsn last{};
};

/// Gives the stretches of a scope that a query has to read, in its order: forwards as long ones as
/// there are, backwards short ones. Each segment is planned when it is come to.
///
/// @threads  one at a time; copies are independent
template <class Policies>
class event_stretches {
 public:
  event_stretches() = default;
  event_stretches(read_scope<Policies> scope, std::shared_ptr<const event_question> asked)
      : scope_{std::move(scope)},
        asked_{std::move(asked)},
        next_{scope_.first},
        before_{scope_.last + 1} {}

  /// Has matches counted where that needs no reading: those are no part of the stretches.
  void count_into(std::uint64_t& counted) { counted_ = &counted; }

  [[nodiscard]] const event_question& asked() const { return *asked_; }

  /// Finds the next stretch towards the end; false: there is none.
  bool next(event_stretch& out, query_report* report = nullptr) {
    while (next_ <= scope_.last) {
      plan(scope_.list->find(next_), report);
      if (!plan_) {
        out = {.from = next_, .last = last_of_segment()};
        next_ = out.last + 1;
        return true;
      }
      if (take_blocks(out)) return true;
      next_ = segment_in().end();
    }
    return false;
  }

  /// Finds the next one towards the begin; false: there is none. Not both ways at once.
  bool previous(event_stretch& out) {
    while (before_ > scope_.first) {
      plan(scope_.list->find(before_ - 1), nullptr);
      if (!plan_) {
        out = {.from = first_of_stride(before_ - 1), .last = before_ - 1};
        before_ = out.from;
        return true;
      }
      if (take_block_before(out)) return true;
      before_ = std::max(segment_in().base(), scope_.first);
    }
    return false;
  }

 private:
  static constexpr auto nowhere = static_cast<std::size_t>(-1);

  [[nodiscard]] basic_segment<stored_of<Policies>>& segment_in() const {
    return *scope_.list->log[at_];
  }

  /// Plans a segment, unless it is the one that was planned last.
  void plan(std::size_t at, query_report* report) {
    if (at == at_) return;
    at_ = at;
    plan_.reset();
    auto& in = segment_in();
    // To salvage, all of it is read: what damage has left out is passed as it comes.
    if (scope_.salvage || asked_->asks_nothing()) return;
    const open_summary* const found = summary_of(in, asked_->summaries);
    if (found == nullptr) return;
    query::plan_counts counts;
    plan_ = query::plan_blocks(found->view(), asked_->query.where(), asked_->now, &counts);
    // What is damaged is made anew.
    if (!plan_) return in.entries().summary().note(summary_slot::state::wanted);
    summary_ = &found->view();
    const bool all = scope_.first <= in.base() && in.end() <= scope_.last + 1;
    if (counted_ != nullptr && all) {
      *counted_ += query::count_by_codes(*summary_, asked_->query.where(), asked_->now, *plan_);
    }
    block_ = 0;
    block_end_ = plan_->blocks();
    if (report == nullptr) return;
    ++report->summaries;
    report->blocks += plan_->blocks();
    report->blocks_skipped += plan_->blocks() - plan_->count();
    report->filter_rows += counts.filter_rows;
    report->columns += counts.columns;
  }

  /// Takes the next blocks that follow one another and are to be read.
  bool take_blocks(event_stretch& out) {
    while (block_ < block_end_ && !plan_->has(block_)) ++block_;
    if (block_ == block_end_) return false;
    const query::summary_block first = summary_->block(block_);
    query::summary_block last = first;
    while (++block_ < block_end_ && plan_->has(block_)) last = summary_->block(block_);
    out = stretch_of(first, last);
    next_ = out.last + 1;
    return out.from <= out.last;
  }

  bool take_block_before(event_stretch& out) {
    while (block_end_ > 0) {
      if (!plan_->has(--block_end_)) continue;
      const query::summary_block block = summary_->block(block_end_);
      out = stretch_of(block, block);
      before_ = out.from;
      if (out.from <= out.last) return true;
    }
    return false;
  }

  /// Returns what a reader may see of some blocks.
  [[nodiscard]] event_stretch stretch_of(const query::summary_block& first,
                                         const query::summary_block& last) const {
    const lsn frame{first.first.value() - first.skip};
    return {.begin = index_entry{frame, first.offset, first.time},
            .from = std::max(first.first, scope_.first),
            .last = std::min(last.first + (last.records - 1), scope_.last)};
  }

  [[nodiscard]] lsn last_of_segment() const {
    const lsn end = segment_in().end();
    // To salvage, one walk passes what is damaged between segments, too.
    return end && !scope_.salvage ? std::min(end - 1, scope_.last) : scope_.last;
  }

  [[nodiscard]] lsn first_of_stride(lsn last) const {
    auto& in = segment_in();
    // What is damaged may have no index: salvage walks its segment from the front.
    const auto entry = scope_.salvage ? std::nullopt : in.known_entries().floor(last);
    return std::clamp(entry ? entry->first : in.base(), scope_.first, last);
  }

  read_scope<Policies> scope_{};
  std::shared_ptr<const event_question> asked_{};
  lsn next_{1};                                   // forwards: behind what was given
  lsn before_{};                                  // backwards: before it what is still to come ends
  std::size_t at_ = nowhere;                      // the segment that was planned
  std::optional<query::block_set> plan_{};        // none: it is read whole
  const query::summary_view* summary_ = nullptr;  // of the plan; the segment keeps it
  std::uint64_t* counted_ = nullptr;              // null: every match is to be read
  std::size_t block_ = 0;                         // forwards: the next one
  std::size_t block_end_ = 0;                     // backwards: before the next one
};

/// Walks the records of stretches.
/// @threads  one at a time; copies are independent
template <class Policies>
class stretch_reader {
 public:
  stretch_reader() = default;
  explicit stretch_reader(read_scope<Policies> scope) : scope_{std::move(scope)} {}

  /// Goes to a stretch of the scope. @errors errc::corrupt
  void go_to(const event_stretch& to) {
    if (to.begin && walker_) return walker_->go_to(*to.begin, to.from, to.last);
    read_scope<Policies> part = scope_;
    part.last = to.last;
    if (!to.begin) {
      walker_.emplace(std::move(part), to.from);
    } else {
      part.last = {};
      walker_.emplace(std::move(part), lsn{1});
      walker_->go_to(*to.begin, to.from, to.last);
    }
  }

  /// Moves on and points `out` at the record there; false: the stretch is over.
  /// @errors  errc::corrupt
  bool next(record& out) { return walker_ && walker_->next(out); }

 private:
  read_scope<Policies> scope_{};
  std::optional<record_walker<Policies>> walker_{};
};

}  // namespace logdb::detail
