// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `damager`: changes the files of a valid store as an input says, field by field.

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include <logdb/logdb.hpp>

#include "container.hpp"
#include "disk.hpp"
#include "input.hpp"
#include "repair.hpp"

namespace logdb::fuzz {

/// Takes a value, often one near the old one or near a bound.
inline std::uint64_t take_value(input& in, std::uint64_t old) {
  const auto small = [&in] { return std::uint64_t{in.take<std::uint8_t>()}; };
  switch (in.below(8)) {
    case 0: return in.take<std::uint64_t>();
    case 1: return old + small() - 128;
    case 2: return old + 8 * small() - 1024;
    case 3: return small();
    case 4: return ~small();
    case 5: return std::uint64_t{1} << (small() % 64);
    case 6: return in.take<std::uint16_t>();
    default: return old ^ std::uint64_t{1} << (small() % 64);
  }
}

/// Applies changes; checksums are repaired at the end.
class damager {
 public:
  damager(const file_set& files, input& in) : files_{files.contents()}, in_{in} {}

  /// Applies what the input holds and returns the files.
  file_set_ptr run() {
    const unsigned repaired = ~unsigned{in_.take<std::uint8_t>()};  // 0 repairs all
    for (int n = 0; n < changes_max && !in_.empty(); ++n) change();
    repair(files_, repaired);
    for (const late_write& write : late_) apply(write);
    auto made = std::make_shared<file_set>();
    for (const auto& [name, bytes] : files_) made->put(name, bytes);
    return made;
  }

 private:
  static constexpr int changes_max = 24;

  struct late_write {
    std::string file;
    std::size_t offset;
    std::byte value;
  };

  void change() {
    switch (in_.below(12)) {
      case 0: return write_bytes();
      case 1: return set_word(manifest(), 104 + 8 * in_.below(40));
      case 2: return set_word(manifest(), 24 + 8 * in_.below(10));
      case 3: return set_word(segment(), 16 + 8 * in_.below(14));
      case 4: return change_frame();
      case 5: return add_frame();
      case 6: return add_attach();
      case 7: return set_word(files_[std::string{format::control_name}], 8 * in_.below(57));
      case 8: return resize();
      case 9: return copy_or_remove();
      case 10: return edit_list();
      default:
        late_.push_back({name(), in_.take<std::uint16_t>(), std::byte{in_.take<std::uint8_t>()}});
    }
  }

  [[nodiscard]] std::string name() {
    const auto place = std::next(files_.begin(), in_.below(static_cast<unsigned>(files_.size())));
    return place->first;
  }
  [[nodiscard]] file_bytes& any() { return files_[name()]; }
  [[nodiscard]] file_bytes& manifest() { return files_[std::string{format::manifest_name}]; }
  [[nodiscard]] file_bytes& segment() {
    return files_[name_of(static_cast<std::uint8_t>(1 + in_.below(4)))];
  }

  void write_bytes() {
    file_bytes& file = any();
    const std::size_t at = in_.take<std::uint16_t>();
    const bytes_view bytes = in_.take_bytes(1 + in_.below(16));
    if (at + bytes.size() <= file.size()) {
      std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }

  void set_word(file_bytes& file, std::size_t at) {
    if (file.size() < 8 || at > file.size() - 8) return;
    std::byte* const word = file.data() + at;
    format::store(word, take_value(in_, format::load<std::uint64_t>(word)));
  }

  void change_frame() {
    file_bytes& file = segment();
    const auto frames = frames_from(file, format::segment_header_bytes);
    if (frames.empty()) return;
    const auto frame = frames[in_.below(static_cast<unsigned>(frames.size()))];
    set_word(file, frame.offset + 8 + 8 * in_.below(6));
  }

  /// Puts a frame behind the last one, or in the place of the last, which may be a seal.
  void put_frame(file_bytes& file, format::frame_header header, bytes_view payload) {
    const auto frames = frames_from(file, format::segment_header_bytes);
    if (frames.empty()) return;
    const auto before = format::load_header(file.data() + frames.back().offset);
    const bool replaces = in_.below(2) == 1;
    const std::size_t at = frames.back().offset + (replaces ? 0 : frames.back().bytes);
    const std::size_t bytes = format::frame_bytes(payload.size());
    if (at + bytes > file.size()) return;
    header.payload_bytes = static_cast<std::uint32_t>(payload.size());
    header.first = before.first + (replaces ? 0 : before.count) + in_.below(4);
    std::ranges::copy(payload, file.data() + at + format::frame_header_bytes);
    format::encode_header(file.data() + at, header, {}, at);
    repair_frame(file.data() + at, bytes, format::make_seed(salt_of(file)), at);
  }

  void add_frame() {
    file_bytes& file = segment();
    format::frame_header header{.count = in_.below(4)};
    header.kind = static_cast<format::frame_kind>(in_.below(9));
    put_frame(file, header, in_.take_bytes(in_.below(200)));
  }

  void add_attach() {
    file_bytes& file = segment();
    const unsigned target = 1 + in_.below(4);
    const file_bytes& own = files_[name_of(static_cast<std::uint8_t>(target))];
    format::attach what{.segment = segment_number{target}, .salt = salt_of(own)};
    what.end_offset = take_value(in_, own.size());
    what.records = take_value(in_, 1);
    format::frame_header header{.count = 0};
    header.kind = format::frame_kind::attach;
    const auto payload = format::encode(what);
    put_frame(file, header, payload);
  }

  void resize() {
    file_bytes& file = any();
    file.resize(std::min<std::uint64_t>(take_value(in_, file.size()), file_bytes_max));
  }

  void copy_or_remove() {
    const std::string from = name();
    const std::string to = name_of(in_.take<std::uint8_t>() % 207);
    if (from == to) {
      if (files_.size() > 1) files_.erase(from);
    } else if (files_.size() < files_max) {
      files_[to] = files_[from];
    }
  }

  /// Changes the manifest's list of segments as a whole.
  void edit_list() {
    repair_manifest(manifest());
    format::manifest value;
    if (format::decode(manifest(), value) != format::format_fault::none) return;
    auto& list = value.segments;
    if (list.empty()) return;
    const auto one = list.begin() + in_.below(static_cast<unsigned>(list.size()));
    const auto other = list.begin() + in_.below(static_cast<unsigned>(list.size()));
    switch (in_.below(5)) {
      case 0: list.erase(one); break;
      case 1: std::iter_swap(one, other); break;
      case 2: one->role = format::segment_role::attached; break;
      case 3: one->role = format::segment_role::log; break;
      default: list.insert(one, format::manifest_segment{*other}); break;
    }
    manifest() = format::encode(value);
  }

  void apply(const late_write& write) {
    file_bytes& file = files_[write.file];
    if (write.offset < file.size()) file[write.offset] = write.value;
  }

  file_map files_;
  input& in_;
  std::vector<late_write> late_;
};

}  // namespace logdb::fuzz
