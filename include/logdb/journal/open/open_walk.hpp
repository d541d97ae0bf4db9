// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Walks the open part of a log: the segments that the manifest does not bound yet.

#include <algorithm>
#include <utility>
#include <vector>

#include <logdb/journal/segments/known_segments.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// How far a log was walked, and what was met on the way.
template <class Policies>
struct log_end {
  std::size_t segment = 0;  // the one that the place is in, in the list
  scan_place place{};
  bool tail_is_zero = true;  // nothing stands behind the end, in this segment or a later one
  std::uint64_t scanned_bytes = 0;
  std::vector<damage> damages{};
  std::vector<format::manifest_cursor> cursors{};
  std::vector<format::manifest_segment> attached{};
};

/// Collects what a frame says that the manifest has to say of a segment before it bounds it.
template <class Policies>
void collect_met(log_end<Policies>& met, const format::frame_view& frame, const scan_place& at,
                 segment_number in) {
  if (frame.header.kind == format::frame_kind::cursor) {
    const auto cursor = format::decode_cursor(frame.payload);
    if (cursor) met.cursors.push_back({std::string{cursor->name}, cursor->at, {in, at.offset}});
  } else if (frame.header.kind == format::frame_kind::attach) {
    if (const auto own = format::decode_attach(frame.payload)) {
      met.attached.push_back(format::attached_segment(*own, at.next, at.time));
    }
  }
}

/// Verifies frame after frame, notes them in their segments' indexes, and collects what the
/// manifest does not know yet: cursors and attached transactions.
template <class Policies>
class open_walk {
 public:
  /// Stands where the manifest's knowledge ends.
  /// @param by_calls  reads by calls what it then looks at through the mapping
  explicit open_walk(const segment_list<Policies>& list, bool by_calls = false)
      : list_{list}, by_calls_{by_calls} {
    begin();
  }
  /// Goes on from an earlier walk of the same segments.
  open_walk(const segment_list<Policies>& list, log_end<Policies> from)
      : list_{list}, end_{std::move(from)} {}

  [[nodiscard]] log_end<Policies>& end() { return end_; }
  [[nodiscard]] segment<Policies>& current() const { return *list_.log[end_.segment]; }
  /// Tells whether the log was closed here and no writer has opened it since: the first thing that
  /// an open to write does is to publish a manifest without that bound.
  [[nodiscard]] bool is_closed() const { return closed_; }
  /// Tells whether the frames there end elsewhere than the close said.
  [[nodiscard]] bool is_contradicted() const { return contradicted_; }
  [[nodiscard]] bool is_last() const { return end_.segment + 1 == list_.log.size(); }

  /// Returns the bytes of the current segment that frames may use.
  [[nodiscard]] bytes_view frames() const {
    const bytes_view all = current().bytes();
    return all.first(std::min<std::uint64_t>(current().capacity(), all.size()));
  }

  /// Walks the current segment up to where it stops.
  scan_stop walk() {
    const std::uint64_t begin = end_.place.offset;
    const auto read = [this](bytes_view bytes, std::uint64_t offset, format::frame_seed seed,
                             format::frame_view& frame) {
      if (by_calls_) need_frame(bytes, offset, seed);
      return format::read_frame(bytes, offset, seed, frame);
    };
    const auto stop = scan(frames(), current().seed(), end_.place, read,
                           [this](const auto& frame, const auto& at) { see(frame, at); });
    end_.scanned_bytes += end_.place.offset - begin;
    current().see(end_.place.time);
    return stop;
  }

  /// Walks as far as segments follow one another; returns why it stopped.
  scan_stop walk_on() {
    return walk_on([] {});
  }
  /// Calls `before_bound()` before each segment that it bounds, for what must be known by then.
  template <class BeforeBound>
  scan_stop walk_on(BeforeBound before_bound) {
    for (;;) {
      const auto stop = is_bounded() ? pass() : walk();
      if (stop != scan_stop::sealed || is_last()) return stop;
      before_bound();
      enter_next(end_.place.next);
    }
  }

  /// Reads a frame of the current segment by calls before it is looked at.
  void need_frame(bytes_view bytes, std::uint64_t offset, format::frame_seed seed) {
    format::frame_view frame;
    need(offset, offset + format::frame_header_bytes, bytes.size());
    if (format::read_header(bytes, offset, seed, frame) == format::frame_fault::none) {
      need(offset, offset + frame.bytes, bytes.size());
    }
  }

  /// Reads a stretch of the current segment by calls, and some more up to a limit, before it is
  /// looked at.
  /// @errors  errc::io for what cannot be read
  void need(std::uint64_t from, std::uint64_t to, std::uint64_t limit) {
    if (!by_calls_ || to <= probed_) return;
    const std::uint64_t begin = std::max(from, probed_);
    const std::uint64_t end = std::min(limit, std::max(to, begin + probe_bytes));
    current().probe(begin, end);
    probed_ = end;
  }

  /// Bounds the current segment here and goes on in the next one, which begins with that record.
  void enter_next(lsn base) {
    current().seal(end_.place.next, end_.place.offset);
    ++end_.segment;
    probed_ = 0;
    end_.place.next = base;
    end_.place.offset = format::segment_header_bytes;
    if (!is_bounded()) current().begin(base, end_.place.time);
  }

 private:
  /// Tells whether the manifest bounds the current segment for good: it has an end, and another one
  /// follows. One that was healed is, while those before it may not be yet.
  [[nodiscard]] bool is_bounded() const {
    return !is_last() && current().end() && list_.log[end_.segment + 1]->base();
  }

  scan_stop pass() {
    end_.place = {current().end_offset(), current().end(), current().time_last()};
    return scan_stop::sealed;
  }

  /// Skips what the manifest bounds for good.
  void begin() {
    while (is_bounded()) ++end_.segment;
    end_.place = current().start();
    if (!current().end()) return;
    closed_ = true;
    const std::uint64_t known = current().end_offset();
    const bytes_view all = current().bytes();
    const auto read = [this](bytes_view bytes, std::uint64_t offset, format::frame_seed seed,
                             format::frame_view& frame) {
      need(offset, offset + format::frame_header_bytes, bytes.size());
      return format::read_header(bytes, offset, seed, frame);
    };
    const auto stop = rebuild_index(all.first(std::min<std::uint64_t>(known, all.size())),
                                    current().seed(), end_.place, current().entries(), read);
    contradicted_ = end_.place.offset != known || end_.place.next != current().end();
    end_.tail_is_zero = stop == scan_stop::bound && !contradicted_;  // nothing follows a seal
    current().adopt_entries();
    end_.place = {known, current().end(), current().time_last()};
  }

  void see(const format::frame_view& frame, const scan_place& at) {
    auto& index = current().entries();
    if (at.offset + frame.bytes > index.due()) index.note({at.next, at.offset, at.time});
    collect_met(end_, frame, at, current().number());
  }

  static constexpr std::uint64_t probe_bytes = std::uint64_t{256} << 10;

  const segment_list<Policies>& list_;
  log_end<Policies> end_;
  bool by_calls_ = false;
  std::uint64_t probed_ = 0;  // up to where the current segment was read by calls, or passed
  bool closed_ = false;
  bool contradicted_ = false;
};

/// Puts into a table what a walk met, once.
template <class Policies>
void adopt_met(basic_known_segments<Policies>& table, log_end<Policies>& end) {
  for (const auto& cursor : end.cursors) table.set_cursor(cursor);
  for (const auto& entry : end.attached) {
    table.reserve(entry.number);
    table.attach_met(entry);
  }
  end.cursors.clear();
  end.attached.clear();
}

/// Does so for a walk of the segments of a list, and says that nobody need do it again.
template <class Policies>
void adopt_met(basic_known_segments<Policies>& table, const segment_list<Policies>& list,
               log_end<Policies>& end) {
  adopt_met(table, end);
  list.log[end.segment]->note_listed(end.place.offset);
  // A walk that lists nothing between its segments has passed those before, too.
  for (std::size_t i = end.segment; i > 0 && !list.log[i - 1]->settled(); --i) {
    list.log[i - 1]->note_listed(list.log[i - 1]->end_offset());
  }
}

/// Makes sure that what stands in a segment before an offset is listed: what is attached there, and
/// the cursors. Whoever bounds a segment there does this first, since nobody walks it again: the
/// manifest that bounds it has to name all of them.
///
/// @errors  errc::corrupt, errc::io; nothing may be bounded then
/// @cost    none if a walk has come so far; else reads the segment up to there
template <class Policies>
void list_all_in(basic_known_segments<Policies>& table, basic_segment<Policies>& bounded,
                 std::uint64_t end) {
  if (bounded.is_listed_to(end)) return;
  log_end<Policies> met{.place = bounded.start()};
  const bytes_view all = bounded.bytes();
  (void)scan(all.first(std::min<std::uint64_t>(end, all.size())), bounded.seed(), met.place,
             format::read_frame, [&](const auto& frame, const auto& at) {
               collect_met(met, frame, at, bounded.number());
             });
  if (met.place.offset != end) {
    throw error{errc::corrupt,
                "what is attached to a segment is not known: a frame in it is damaged",
                {.path = bounded.path(), .offset = met.place.offset}};
  }
  adopt_met(table, met);
  bounded.note_listed(end);
}

/// Bounds a listed segment for good, where it ends.
/// @errors  as list_all_in()
template <class Policies>
void settle_whole(basic_known_segments<Policies>& table, basic_segment<Policies>& sealed,
                  std::uint64_t footer_offset = 0) {
  list_all_in(table, sealed, sealed.end_offset());
  table.settle(sealed, footer_offset);
}

}  // namespace logdb::detail
