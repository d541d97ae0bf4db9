// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes a manifest of what the segments say of themselves, for salvage where the manifest is gone
/// or damaged. Writes nothing.
///
/// 1. The segments with an intact header are gathered, of the store that most of them belong to.
/// 2. Those of the log are put in the order of their first records. The header says which that is;
///    of a segment that was made ready ahead its first frame does, or the control file.
/// 3. Where a heal or a torn tail ended a segment, the header of the next one says so.
/// 4. All other ends stay open: the walk of the open finds them, with what is attached there.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <logdb/format/files/manifest.hpp>
#include <logdb/format/files/manifest_check.hpp>
#include <logdb/journal/inspect/readable.hpp>
#include <logdb/journal/inspect/scan.hpp>
#include <logdb/journal/inspect/vacancy.hpp>
#include <logdb/journal/open/newest_manifest.hpp>
#include <logdb/journal/open/open_walk.hpp>
#include <logdb/journal/staging/boot.hpp>
#include <logdb/journal/staging/staging.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// A segment that a manifest is made of.
template <class Storage>
struct found_segment {
  format::segment_header header{};
  typename Storage::mapping mapping{};
  lsn base{};  // of its first record; 0: not known

  [[nodiscard]] bool is_compacted() const { return header.role == format::segment_role::compacted; }
  /// Returns the bytes that frames may use.
  [[nodiscard]] bytes_view frames() const {
    const bytes_view all = mapping.bytes();
    return all.first(std::min<std::uint64_t>(header.capacity, all.size()));
  }
  [[nodiscard]] format::frame_seed seed() const { return format::make_seed(header.salt); }
};

/// Makes one manifest.
template <class Policies>
class manifest_rebuilder {
 public:
  using storage = typename Policies::storage;

  /// @param volume  a store
  /// @param ring    its control file, if one is to be believed
  manifest_rebuilder(const storage& volume, const staging<storage>& ring)
      : volume_{volume}, ring_{ring} {}

  /// Returns nothing when the segments do not say enough.
  /// @errors  errc::io
  std::optional<format::manifest> run() {
    gather();
    keep_one_store();
    for (auto& each : all_) each.base = find_base(each);
    light::erase_if(all_, [](const found& each) { return !each.base; });
    const auto place = [](const found& each) { return std::tuple{each.base, each.header.number}; };
    light::sort(all_, place);
    for (std::size_t i = 0; i < all_.size(); ++i) enter(i);
    for (const auto& each : attached_) made_.segments.push_back(each);
    if (!format::is_consistent(made_)) return std::nullopt;
    return std::move(made_);
  }

 private:
  using found = found_segment<storage>;

  void gather() {
    for (const std::string& name : volume_.names()) {
      if (!format::parse_segment_name(name)) continue;
      try {
        const auto header = read_segment_header(volume_, name);
        if (!header) continue;
        const auto file = volume_.open(name, open_mode::read_only);
        all_.push_back({*header, map_what_is_readable(file)});
      } catch (const error& failure) {
        if (failure.condition() != errc::not_a_log) throw;  // else a directory, say
      }
    }
  }

  void keep_one_store() {
    std::map<identity, std::size_t> counts;
    for (const auto& each : all_) ++counts[each.header.store];
    const auto most =
        std::max_element(counts.begin(), counts.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == counts.end()) return;
    light::erase_if(all_, [most](const auto& each) { return each.header.store != most->first; });
    const auto& any = all_.front().header;
    made_.store = any.store;
    made_.index_id = any.index_id;
    made_.compression_id = any.compression_id;
    for (const auto& each : all_) {
      made_.next_segment = std::max(made_.next_segment, to_integer(each.header.number) + 1);
      made_.compat |= each.header.compat;
      made_.read_only_compat |= each.header.read_only_compat;
    }
  }

  /// Returns with which record of the log a segment begins; 0: it has no place there.
  [[nodiscard]] lsn find_base(const found& each) const {
    if (each.header.role == format::segment_role::attached) return {};
    if (each.header.base) return each.header.base;
    const auto first = format::find_frame(each.frames(), format::segment_header_bytes, each.seed());
    return first ? format::load_header(each.frames().data() + *first).first : staged_base(each);
  }

  /// Asks the control file: what a segment is to begin with may only be staged yet.
  [[nodiscard]] lsn staged_base(const found& each) const {
    if (!ring_ || ring_.header().store != each.header.store) return {};
    const auto& parts = ring_.header().extents;
    const auto said = light::find_if(parts, [&each](const auto& part) {
      return part.segment == to_integer(each.header.number) && part.salt == each.header.salt;
    });
    return said == parts.end() ? lsn{} : lsn{said->first};
  }

  /// Lists a segment, unless it is what a step that a crash cut short had made or had left.
  void enter(std::size_t at) {
    const found& each = all_[at];
    if (each.base < reached_) return;  // a compacted one has taken its place
    if (!made_.segments.empty() && made_.segments.back().base == each.base) {
      // What a compacted one was made of is as good; a heal begins where the torn one was empty.
      if (each.is_compacted() || !has_frames(each)) return;
      made_.segments.pop_back();
    }
    format::manifest_segment entry{.number = each.header.number, .salt = each.header.salt};
    entry.capacity = each.header.capacity;
    entry.base = each.base;
    entry.role = each.header.role;
    if (each.is_compacted()) {
      bound_compacted(entry, each);
      if (entry.end <= entry.base) return;  // it is not whole
    } else if (at + 1 < all_.size()) {
      bound_torn(entry, each, all_[at + 1]);
    }
    reached_ = entry.end;
    made_.segments.push_back(entry);
    made_.first = made_.segments.front().base;
  }

  static bool has_frames(const found& each) {
    return !is_zero(each.frames().subspan(format::segment_header_bytes));
  }

  /// Ends a compacted segment at its footer, which says up to where it stands for others.
  static void bound_compacted(format::manifest_segment& entry, const found& each) {
    scan_place place{.next = each.base, .gaps = true};
    scan(each.frames(), each.seed(), place, format::read_frame,
         [&entry](const format::frame_view& frame, const scan_place& at) {
           if (frame.header.kind != format::frame_kind::footer || entry.end) return;
           entry.end = frame.header.first;
           entry.end_offset = entry.footer_offset = at.offset;
           entry.time_last = at.time;
         });
  }

  /// Ends a segment where its successor says that it ends, if its frames do end there.
  void bound_torn(format::manifest_segment& entry, const found& each, const found& next) {
    const std::uint64_t end = next.header.predecessor_end;
    if (next.header.predecessor != entry.number || end > each.frames().size()) return;
    log_end<Policies> met;
    scan_place place{.next = each.base};
    scan(each.frames().first(end), each.seed(), place, format::read_frame,
         [&](const format::frame_view& frame, const scan_place& at) {
           collect_met(met, frame, at, each.header.number);
         });
    if (place.offset != end || place.next != next.base) return;
    entry.end = place.next;
    entry.end_offset = end;
    entry.time_last = place.time;
    for (const auto& own : met.attached) attached_.push_back(own);
    for (auto& cursor : met.cursors) {  // the last one of a name counts
      light::erase_if(made_.cursors, [&](const auto& known) { return known.name == cursor.name; });
      made_.cursors.push_back(std::move(cursor));
    }
  }

  const storage& volume_;
  const staging<storage>& ring_;
  std::vector<found> all_;
  std::vector<format::manifest_segment> attached_;
  format::manifest made_;
  lsn reached_{};  // one past what the segments listed so far are known to hold
};

/// Takes no more for a segment's capacity than its file has, or its own header says too: room is
/// made by it. Of a file that is missing nothing is read.
template <class Storage>
void trim_capacities(const Storage& volume, format::manifest& known) {
  for (auto& entry : known.segments) {
    const std::string name = format::segment_name(entry.number);
    try {
      const std::uint64_t bytes = volume.open(name, open_mode::read_only).size();
      if (bytes >= entry.capacity) continue;
      const auto header = read_segment_header(volume, name);
      const bool is_vouched = header && header->capacity == entry.capacity;
      constexpr std::uint64_t least = format::segment_header_bytes;
      if (!is_vouched) entry.capacity = std::max({bytes, entry.end_offset, least});
    } catch (const error& missing) {
      if (missing.condition() != errc::not_found && missing.condition() != errc::not_a_log) throw;
    }
  }
}

/// Returns the manifest; to salvage a store whose manifest is gone or damaged, one that is made of
/// the segments. Nothing where there is no store.
/// @param looks  whether what only a later manifest can have named is looked for
/// @errors  errc::not_a_log, errc::format_mismatch, errc::corrupt, errc::io
template <class Policies>
std::optional<format::manifest> load_or_rebuild(const typename Policies::storage& volume,
                                                open_mode mode, recovery_mode recovery,
                                                bool looks = false) {
  std::optional<error> fault;
  try {
    auto found = load_newest<Policies>(volume, mode);
    if (found && looks) require_no_later_segment<Policies>(volume, *found);
    if (found && recovery == recovery_mode::salvage) trim_capacities(volume, *found);
    if (found || recovery == recovery_mode::refuse) return found;
  } catch (const error& failure) {
    const bool damaged =
        failure.condition() == errc::corrupt || failure.condition() == errc::not_a_log;
    if (recovery == recovery_mode::refuse || !damaged) throw;
    fault = failure;
  }
  auto ring = staging<typename Policies::storage>::open(volume, open_mode::read_only);
  if (!is_of_this_boot(ring)) ring = {};
  auto made = manifest_rebuilder<Policies>{volume, ring}.run();
  if (!made && fault) throw error{*fault};
  if (!made) return std::nullopt;
  // A reader that knows a manifest of before must not take it for that one.
  const auto now = Policies::storage::system::now().time_since_epoch();
  made->generation = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  require_readable<Policies>(*made, mode, volume.path() / format::manifest_name);
  return made;
}

}  // namespace logdb::detail
