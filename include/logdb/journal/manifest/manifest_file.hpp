// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads the manifest of a store, and puts the next one in its place.

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/format/files/manifest.hpp>
#include <logdb/format/files/manifest_check.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/policy/storage_traits.hpp>

namespace logdb::detail {

[[noreturn]] inline void throw_manifest_fault(format::format_fault fault,
                                              const std::filesystem::path& path) {
  const error_site site{.path = path};
  switch (fault) {
    case format::format_fault::not_ours:
      throw error{errc::not_a_log,
                  "a file of that name is no manifest of logdb",
                  {.path = path,
                   .remedy = "where no log was, choose another directory; a log whose manifest was "
                             "overwritten is read with recovery_mode::salvage"}};
    case format::format_fault::newer_version:
      throw error{
          errc::format_mismatch,
          "written by a newer version of the format than " + std::to_string(format::format_version),
          site};
    case format::format_fault::unknown_feature:
      throw error{errc::format_mismatch, "uses a feature that this version does not know", site};
    case format::format_fault::wrong_byte_order:
      throw error{errc::format_mismatch, "written with the other byte order", site};
    default: throw error{errc::corrupt, "the manifest is damaged", site};
  }
}

/// Returns the name of an index by its id; any other by its id alone.
inline std::string index_name(std::uint32_t id) {
  constexpr std::array<std::string_view, 4> known{"None", "Sparse", "KeyDir", "TimeLSM"};
  if (id < known.size()) return "Index<" + std::string{known[id]} + ">";
  return "index " + std::to_string(id);
}

/// Throws unless these policies can open what the manifest describes.
template <class Policies>
void require_readable(const format::manifest& found, open_mode mode,
                      const std::filesystem::path& path) {
  const bool writes = mode == open_mode::read_write;
  if (!Policies::index::reads(found.index_id) || found.compression_id != 0) {
    throw error{errc::format_mismatch,
                "written with " + index_name(found.index_id) +
                    (found.compression_id == 0
                         ? std::string{}
                         : " and compression " + std::to_string(found.compression_id)) +
                    ", opened with Index<" + std::string{Policies::index::name} +
                    "> and no compression",
                {.path = path}};
  }
  if (writes && (found.read_only_compat & ~format::read_only_compat_known) != 0) {
    throw error{
        errc::format_mismatch, "uses a feature that this version can only read", {.path = path}};
  }
}

/// Returns the manifest; nothing when there is none.
/// @errors  errc::not_a_log, errc::format_mismatch, errc::corrupt
template <class Policies>
std::optional<format::manifest> load_manifest(const typename Policies::storage& volume,
                                              open_mode mode) {
  if (!volume.exists(format::manifest_name)) return std::nullopt;
  const auto file = volume.open(format::manifest_name, open_mode::read_only);
  std::vector<std::byte> bytes(file.size());
  file.read(0, bytes);
  format::manifest found;
  const auto path = locate(volume, format::manifest_name).path;
  const auto fault = format::decode(bytes, found);
  if (fault != format::format_fault::none) throw_manifest_fault(fault, path);
  if (!format::is_consistent(found)) {
    throw error{errc::corrupt, "the manifest contradicts itself", {.path = path}};
  }
  require_readable<Policies>(found, mode, path);
  return found;
}

/// Returns the manifest of a store that has one. @errors as load_manifest()
template <class Policies>
format::manifest require_manifest(const typename Policies::storage& volume) {
  auto found = load_manifest<Policies>(volume, open_mode::read_write);
  if (found) return *std::move(found);
  throw error{
      errc::corrupt, "the manifest is gone", {.path = volume.path(), .remedy = gone_remedy}};
}

/// Writes the next manifest beside the one that rules. @errors errc::no_space, errc::io
template <class Storage>
void write_draft(Storage& volume, const format::manifest& next) {
  volume.remove(format::manifest_draft_name);
  auto file = volume.create(format::manifest_draft_name);
  file.write(0, bytes_view{format::encode(next)});
  if constexpr (has_step<durability_point::manifest_sync>) file.sync();
}

/// Says which manifest rules after another one was to be put in its place.
enum class manifest_standing : std::uint8_t {
  former,   ///< the one before
  next,     ///< the new one: for good, unless something failed
  unknown,  ///< it cannot be read
};

/// Makes the draft the manifest that rules.
/// @param generation  the draft's
/// @param failure     becomes what failed, if something did: then a power cut may bring the one
///                    before back, whatever rules now
template <class Policies>
manifest_standing put_draft_in_place(typename Policies::storage& volume, std::uint64_t generation,
                                     std::exception_ptr& failure) noexcept {
  try {
    volume.rename(format::manifest_draft_name, format::manifest_name);
    if constexpr (has_step<durability_point::directory_sync>) volume.sync();
    return manifest_standing::next;
  } catch (...) {
    failure = std::current_exception();
  }
  try {
    const auto found = load_manifest<Policies>(volume, open_mode::read_write);
    const bool is_there = found && found->generation == generation;
    return is_there ? manifest_standing::next : manifest_standing::former;
  } catch (const std::exception&) {
    return manifest_standing::unknown;
  }
}

/// Whether a crash may bring back the manifest before: a sync of the name failed, or whoever was at
/// it has died. Of one process, or of all that share a log.
template <class System>
class manifest_doubt {
 public:
  using word = platform::basic_atomic<System, std::uint32_t>;

  void share(word& of_all) { word_ = &of_all; }
  [[nodiscard]] bool is_raised() const { return word_->load(std::memory_order_acquire) != 0; }
  /// Raises it, before the rename. Returns whether it was raised.
  bool raise() { return word_->exchange(1, std::memory_order_acq_rel) != 0; }
  /// Ends it, behind the sync; or leaves it as it was, where there was no rename.
  void settle(bool doubted = false) { word_->store(doubted ? 1 : 0, std::memory_order_release); }

 private:
  word own_{};
  word* word_ = &own_;
};

/// Tells whether a record lies in a segment that a manifest bounds, and so names all that is
/// attached to it: what it does not name has been compacted.
inline bool names_all_at(const format::manifest& found, lsn at) {
  return light::any_of(found.segments, [at](const auto& entry) {
    return entry.role != format::segment_role::attached && entry.base <= at && at < entry.end;
  });
}

}  // namespace logdb::detail
