// SPDX-License-Identifier: BSL-1.0
/// @file
/// One hostile segment file: its header decoded, mapped, walked, indexed, searched.

#include <algorithm>

#include "support/container.hpp"
#include "support/repair.hpp"
#include "support/survey.hpp"

namespace {

using logdb::fuzz::require;
using policies = logdb::fuzz::fsync_log::policies;
using segment = logdb::detail::segment<policies>;
namespace format = logdb::format;

/// Returns what a manifest would say of the file; bounded, if wanted, wherever the input says.
format::manifest_segment entry_for(const format::segment_header& header, std::uint64_t size,
                                   logdb::fuzz::input& in) {
  format::manifest_segment entry{.number = header.number, .salt = header.salt};
  entry.capacity = std::min(header.capacity, 2 * size);
  entry.base = std::clamp(header.base, logdb::lsn{1}, format::lsn_max);
  if (in.below(2) == 1 && size >= format::segment_header_bytes) {
    entry.end = entry.base + in.below(300);
    entry.end_offset = format::segment_header_bytes + 8 * in.below(5000);
    entry.footer_offset = in.below(2) == 1 ? entry.end_offset : 0;
  }
  return entry;
}

/// Looks records up by the segment's index.
void look_up(segment& opened) {
  const auto& index = opened.known_entries();
  for (std::uint64_t at = 0; at < 400; at += 7) {
    const auto found = index.floor(opened.base() + at);
    require(!found || found->first <= opened.base() + at, "an index narrows from below");
  }
  (void)index.floor(logdb::timestamp::max());
}

/// Walks the segment once and checks the places.
void walk(segment& opened) {
  const logdb::bytes_view all = opened.bytes();
  logdb::detail::scan_place place = opened.start();
  std::uint64_t last = 0;
  logdb::detail::scan(all, opened.seed(), place, format::read_frame,
                      [&](const format::frame_view& frame, const auto& at) {
                        require(at.offset >= last && at.offset + frame.bytes <= all.size(),
                                "a walk goes forwards within the file");
                        require(frame.header.first == at.next, "a walk is dense");
                        last = at.offset + frame.bytes;
                      });
  require(place.offset == std::max<std::uint64_t>(last, format::segment_header_bytes),
          "a walk ends behind the last whole frame");
}

void use(const logdb::fuzz::file_set_ptr& files, const format::segment_header& header,
         logdb::fuzz::input& in) {
  const auto size = files->blobs().begin()->second->size();
  auto volume = std::make_shared<logdb::fuzz::Disk>("log", logdb::open_mode::read_only,
                                                    logdb::fuzz::Disk::options{files});
  const auto entry = entry_for(header, size, in);
  const auto mode = in.below(2) == 1 ? logdb::recovery_mode::salvage : logdb::recovery_mode::refuse;
  const bool sound = entry.end_offset == 0 || format::detail::is_sound(entry);
  segment opened{volume, entry, header.store, logdb::Sparse::options{.stride_bytes = 64}, mode};
  const auto thrown = logdb::fuzz::error_of([&] {
    walk(opened);
    if (sound) look_up(opened);
  });
  if (thrown) logdb::fuzz::require_damage(*thrown);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  logdb::fuzz::fuzz_system::reset();
  logdb::fuzz::input in{data, bytes};
  const auto flags = in.take<std::uint8_t>();
  logdb::fuzz::file_bytes content = logdb::fuzz::take_content(in);
  if ((flags & 1) != 0) logdb::fuzz::repair_segment_header(content);
  if ((flags & 2) != 0) logdb::fuzz::repair_frames(content);
  const logdb::fuzz::justified scope{content.size()};
  format::segment_header header{.number = logdb::segment_number{1}};
  const auto fault = format::decode(content, header);
  if (fault == format::format_fault::none) {
    const auto written = format::encode(header);
    require(std::ranges::equal(logdb::bytes_view{written}.first(113),
                               logdb::bytes_view{content}.first(113)),
            "a header that reads is what would be written");
  }
  auto files = std::make_shared<logdb::fuzz::file_set>();
  files->put(format::segment_name(header.number), content);
  use(files, header, in);
  return 0;
}
