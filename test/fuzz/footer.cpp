// SPDX-License-Identifier: BSL-1.0
/// @file
/// A hostile footer behind the records of a sealed segment, its checksums right: it is derived, so
/// whatever it says, no record may be read as another one.

#include "support/container.hpp"
#include "support/exercise.hpp"
#include "support/repair.hpp"
#include "support/stores.hpp"

namespace {

using logdb::fuzz::require;
namespace format = logdb::format;

/// Is a closed store of several segments, and what it holds.
struct store {
  logdb::fuzz::file_set_ptr files = logdb::fuzz::make_store(2);
  logdb::fuzz::survey known;
  format::manifest manifest;

  store() {
    const logdb::fuzz::none_log log{"log", options(files)};
    known = logdb::fuzz::walk(log, false, files->bytes());
    const auto content = logdb::fuzz::file_set::content(*files->blobs().at("manifest"));
    require(format::decode(content, manifest) == format::format_fault::none, "a valid store");
  }

  static logdb::fuzz::none_log::options options(const logdb::fuzz::file_set_ptr& files) {
    auto chosen = logdb::fuzz::small_options<logdb::fuzz::none_log>(files);
    chosen.mode = logdb::open_mode::read_only;
    return chosen;
  }
};

/// Puts a payload into the footer's frame of a segment, as far as there is room.
void replace_footer(logdb::fuzz::file_set& files, const format::manifest_segment& where,
                    logdb::bytes_view payload) {
  const std::string name = format::segment_name(where.number);
  auto bytes = logdb::fuzz::file_set::content(*files.blobs().at(name));
  const std::size_t room = bytes.size() - where.footer_offset - format::frame_header_bytes;
  payload = payload.first(std::min(payload.size(), room / 8 * 8));
  std::byte* const frame = bytes.data() + where.footer_offset;
  format::frame_header header = format::load_header(frame);
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  std::ranges::copy(payload, frame + format::frame_header_bytes);
  format::encode_header(frame, header, {}, 0);
  logdb::fuzz::repair_frame(frame, format::frame_bytes(payload.size()),
                            format::make_seed(where.salt), where.footer_offset);
  files.put(name, bytes);
}

void read_all(const logdb::fuzz::none_log& log, const logdb::fuzz::survey& known) {
  for (const auto& record : known.records) logdb::fuzz::probe(log, known, record.at);
  logdb::fuzz::probe_all(log, known);
  const auto found = logdb::fuzz::walk(log, false, known.records.size());
  require(found.whole && found.records == known.records, "a walk from the front needs no footer");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  static const store start;
  logdb::fuzz::fuzz_system::reset();
  logdb::fuzz::input in{data, bytes};
  const auto& where = start.manifest.segments[in.below(3)];
  const logdb::fuzz::justified scope{start.files->bytes()};
  const auto files = start.files->copy();
  replace_footer(*files, where, in.rest());
  const logdb::fuzz::none_log log{"log", store::options(files)};
  read_all(log, start.known);
  require(log.verify().intact(), "a footer is no part of what verify() checks");
  return 0;
}
