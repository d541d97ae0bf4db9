// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Gathers what is visible of sequences as inputs of a merge, and what is not as drops.

#include <vector>

#include <logdb/index/timelsm/columns/merger.hpp>
#include <logdb/index/timelsm/core.hpp>
#include <logdb/index/timelsm/read/walk.hpp>

namespace logdb::timelsm {

/// Collects sequences, the oldest first, and merges them.
template <class V>
class gatherer {
 public:
  gatherer(heap_ptr from, const cover& hidden, drops<V>& gone)
      : heap_{std::move(from)}, hidden_{hidden}, gone_{gone} {}

  /// Adds the rows of a sequence in bounds.
  void add(const slices<V>& all, const bounds& in) {
    if (in.empty()) return;
    parts_.clear();
    const auto some = all.within(in);
    for (const slice<V>* one = some.first; one != some.last; ++one) {
      const slice<V> cut = one->within(in);
      if (one->stored != nullptr) pins_.push_back(cut.owner);  // a part of it was read just now
      see(cut);
    }
    if (parts_.empty()) return;
    for (const auto& part : parts_) rows_ += part.size;
    if (parts_.size() > parts_max) concatenate();
    inputs_.push_back(parts_);
  }

  [[nodiscard]] std::size_t rows() const { return rows_; }

  /// Returns the rows of the one sequence that has any if it is worth keeping as it is: nothing of
  /// it is hidden, and it fills its block by half.
  [[nodiscard]] const slice<V>* whole() const {
    const bool only = inputs_.size() == 1 && seen_ == 1 && last_.owner != nullptr;
    return only && last_.size == rows_ && 2 * last_.size >= last_.owner->capacity() ? &last_
                                                                                    : nullptr;
  }

  /// Merges all into slices of at most so much.
  [[nodiscard]] std::vector<slice<V>> merge(const amount& most, std::uint64_t applied) {
    return merger<V>{heap_, most}.run(inputs_, applied);
  }

 private:
  static constexpr std::size_t parts_max = 16;  // more are likely to be small, and copied together

  void see(const slice<V>& one) {
    if (one.size == 0) return;
    if (one.stored != nullptr) return see_stored(one);
    ++seen_;
    const time_type* pos = one.begin();
    while (pos != one.end()) {
      const stretch now = hidden_.applies(one.applied) ? hidden_.up(*pos, one.applied, one.last)
                                                       : stretch{false, one.last};
      const time_type* const end = upper_bound(pos, one.end(), now.bound);
      const columns<V> rows{pos, one.values + (pos - one.times),
                            static_cast<std::size_t>(end - pos)};
      now.hidden ? drop(one, rows) : parts_.push_back(rows);
      pos = end;
    }
    last_ = one;
  }

  void see_stored(const slice<V>& one) {
    if (visible_at_once(one, hidden_) == 0 && !gone_.wanted) return void(gone_.count += one.size);
    const slice<V> read = one.in_memory();
    pins_.push_back(read.owner);
    see(read);
  }

  void drop(const slice<V>& one, const columns<V>& rows) {
    gone_.add(rows);
    gone_.pin(one.owner);
  }

  void concatenate() {
    std::size_t rows = 0;
    for (const auto& part : parts_) rows += part.size;
    scratch_.push_back(std::make_shared<block<V>>(heap_, rows));
    block<V>& room = *scratch_.back();
    output<V> out{room.times(), room.values()};
    for (const auto& part : parts_) {
      out.put(part);
      out = out.behind(part.size);
    }
    parts_.assign(1, {room.times(), room.values(), rows});
  }

  heap_ptr heap_;
  const cover& hidden_;
  drops<V>& gone_;
  std::vector<column_parts<V>> inputs_;
  column_parts<V> parts_;  // of the sequence that is being added
  std::vector<block_ptr<V>> scratch_;
  std::vector<block_ptr<V>> pins_;  // of stored blocks
  slice<V> last_;                   // the slice that was seen last
  std::size_t seen_ = 0;
  std::size_t rows_ = 0;
};

}  // namespace logdb::timelsm
