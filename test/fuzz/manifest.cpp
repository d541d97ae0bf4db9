// SPDX-License-Identifier: BSL-1.0
/// @file
/// A hostile manifest: decoded, and loaded from a directory that has the files of a valid store.

#include <algorithm>

#include "support/exercise.hpp"
#include "support/input.hpp"
#include "support/repair.hpp"
#include "support/stores.hpp"

namespace {

using logdb::fuzz::require;
namespace format = logdb::format;

void check_decode(const logdb::fuzz::file_bytes& content) {
  format::manifest found;
  if (format::decode(content, found) != format::format_fault::none) return;
  require(found.segments.size() <= content.size() / 80 && found.cursors.size() <= content.size(),
          "a manifest has no more in it than bytes");
  const auto written = format::encode(found);
  format::manifest again;
  require(format::decode(written, again) == format::format_fault::none && again == found,
          "a manifest that reads is what would be written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  static const auto store = logdb::fuzz::make_store(3);
  logdb::fuzz::input in{data, bytes};
  const auto how = in.take<std::uint8_t>();
  const logdb::bytes_view rest = in.rest();
  logdb::fuzz::file_bytes content(rest.begin(), rest.end());
  if ((how & 0x80) != 0) logdb::fuzz::repair_manifest(content);
  const logdb::fuzz::justified scope{content.size()};
  check_decode(content);
  const auto files = (how & 0x40) != 0 ? store->copy() : std::make_shared<logdb::fuzz::file_set>();
  files->put("manifest", content);
  logdb::fuzz::exercise_any(files, how);
  return 0;
}
