// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The segments that a compaction reads: what of each can go, and their leaving the keydir.

#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <logdb/index/keydir/compact/compaction_judge.hpp>
#include <logdb/light.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// A segment of the run, or one attached to the run: its bytes in memory, their addresses, and what
/// of them can go.
template <class Policies>
struct compacted_segment {
  bytes_view bytes{};
  segment_number number{};
  address base = 0;
  stretch<Policies>* in = nullptr;
  std::uint64_t counted = 0;  // as dead, before
  std::uint64_t dead = 0;
  segment_account later{};

  [[nodiscard]] address address_of(bytes_view record) const {
    return base + static_cast<std::uint64_t>(record.data() - bytes.data());
  }

  /// Counts a record of its.
  void count(const format::key_record& found, const ruling& ruled) {
    const std::uint64_t disk_bytes = disk_bytes_of(found);
    if (ruled.as == ruling::verdict::drop || ruled.as == ruling::verdict::drop_newest) {
      dead += disk_bytes;
      return;
    }
    const std::uint64_t saved =
        ruled.as == ruling::verdict::bury ? found.head.value_bytes : std::uint64_t{0};
    dead += saved;
    ruled.note_in(later, disk_bytes - saved);
  }
};

/// The segments of one run, until they are gone.
/// @threads  one at a time
template <class Policies>
class compacted_run {
 public:
  using store_type = key_store<Policies>;
  using one = compacted_segment<Policies>;

  explicit compacted_run(store_type& store) : store_{store} {}

  /// Notes the segments of the run and those that are attached to it.
  void note(const segment_list<Policies>& list, const std::vector<segment_ptr<Policies>>& run) {
    for (const auto& each : run) note(list, each);
    for (const auto& own : list.attached) {
      if (own->base() >= run.front()->base() && own->base() < run.back()->end()) note(list, own);
    }
    light::sort(all_, [](const one& each) { return each.bytes.data(); });
  }

  /// Returns the segment that a record stands in.
  [[nodiscard]] one& of(bytes_view record) {
    const auto past =
        light::upper_bound(all_, record.data(), [](const one& each) { return each.bytes.data(); });
    return *std::prev(past);
  }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

  /// Tells each segment what of it can go now, and what will later. Once.
  void settle_accounts() {
    for (one& each : all_) each.in->settle(each.counted, each.dead, std::move(each.later));
  }

  /// Lets the segments go once nobody looks into them.
  void leave() {
    std::vector<std::shared_ptr<stretch<Policies>>> gone;
    for (const one& each : all_) {
      if (const auto* const moved = store_.space().find(each.number)->moved()) {
        point_on(each.base, *moved);
      }
    }
    for (const one& each : all_) gone.push_back(store_.space().remove(each.number));
    store_.gate().wait_for_readers();
    for (const auto& each : gone) store_.space().reuse(*each);
  }

 private:
  void note(const segment_list<Policies>& list, const segment_ptr<Policies>& each) {
    auto& in = store_.space().of(each);
    auto& next = all_.emplace_back();
    next.bytes = each->bytes();
    next.number = each->number();
    next.base = in.base();
    next.in = &in;
    next.counted = in.dead();
    next.later.before = newest_before(list, each->base());
    bytes_read_ += each->end_offset();
  }

  /// Says in the keydir where records are that a failed sync has moved, instead of where they were.
  void point_on(address base, const relocation& moved) {
    auto& to = store_.space().of(std::static_pointer_cast<segment<Policies>>(moved.to));
    const auto seed = to.segment()->seed();
    format::frame_view frame;
    for (const auto& each : moved.moves) {
      if (format::read_header(to.bytes(), each.to, seed, frame) != format::frame_fault::none) {
        continue;
      }
      for_each_key_record(to.bytes(), frame, lsn{1}, [&](const auto& found, auto offset, lsn) {
        store_.move(store_.hash(found.key), base + each.from + (offset - each.to),
                    to.base() + offset, std::nullopt);
      });
    }
  }

  store_type& store_;
  std::vector<one> all_;  // in the order of their bytes
  std::uint64_t bytes_read_ = 0;
};

}  // namespace logdb::detail
