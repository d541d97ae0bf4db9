// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Reads a summary. Every length is checked before it is used, and each part and column against its
/// checksum when it is asked for.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/query/summary/bytes/filter.hpp>
#include <logdb/query/summary/bytes/layout.hpp>
#include <logdb/types.hpp>

namespace logdb::query {

/// The summary of a segment. It only views its bytes.
/// @threads  any, at the same time
class summary_view {
 public:
  /// Opens a summary; none where it is damaged, of another version, or not of that segment.
  /// @cost  O(blocks); no allocation
  static std::optional<summary_view> open(bytes_view bytes, const summary_identity& expected) {
    summary_view view;
    view.bytes_ = bytes;
    if (!view.read_header(expected) || !view.read_blocks()) return std::nullopt;
    return view;
  }

  [[nodiscard]] const std::array<std::byte, 16>& store() const { return store_; }
  [[nodiscard]] std::size_t blocks() const { return blocks_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }

  /// Requires `number < blocks()`.
  [[nodiscard]] summary_block block(std::size_t number) const {
    return detail::decode_block(
        block_bytes_.subspan(number * detail::summary_block_bytes, detail::summary_block_bytes));
  }

  /// Returns the paths that are summarised; none where that part is damaged.
  [[nodiscard]] std::optional<std::vector<detail::summary_field>> fields() const {
    const auto bytes = checked_part(detail::part_kind::fields);
    if (!bytes) return std::nullopt;
    format::detail::field_reader in{*bytes};
    const auto count = in.take<std::uint32_t>();
    std::vector<detail::summary_field> found;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) found.push_back(take_field(in));
    if (!in.done()) return std::nullopt;
    return found;
  }

  /// Returns the bytes of a column; none where they are damaged.
  [[nodiscard]] std::optional<bytes_view> column(const detail::column_ref& of) const {
    const bytes_view all = part(detail::part_kind::columns);
    if (of.offset > all.size() || of.bytes > all.size() - of.offset) return std::nullopt;
    const bytes_view bytes = all.subspan(of.offset, of.bytes);
    return format::crc32c(bytes) == of.crc ? std::optional{bytes} : std::nullopt;
  }

  /// Returns the filter; none where its head is damaged or there is none.
  [[nodiscard]] std::optional<detail::filter_view> filter() const {
    return detail::filter_view::open(part(detail::part_kind::filter), blocks_);
  }

 private:
  bool read_header(const summary_identity& expected) {
    namespace d = detail;
    format::detail::field_reader in{bytes_};
    const bytes_view magic = in.take(d::summary_magic.size());
    const auto version = in.take<std::uint32_t>();
    const auto parts = in.take<std::uint32_t>();
    summary_identity own;
    const bytes_view store = in.take(own.store.size());
    if (!in.ok() || as_text(magic) != d::summary_magic || version != d::summary_version) {
      return false;
    }
    std::copy(store.begin(), store.end(), own.store.begin());
    own.segment = in.take<std::uint64_t>();
    own.salt = in.take<std::uint64_t>();
    own.end_offset = in.take<std::uint64_t>();
    own.options = in.take<std::uint64_t>();
    records_ = in.take<std::uint64_t>();
    blocks_ = in.take<std::uint32_t>();
    const auto crc = in.take<std::uint32_t>();
    const bytes_view directory = in.take(std::uint64_t{parts} * d::summary_part_bytes);
    if (!in.ok() || parts > d::summary_parts_max || own != expected) return false;
    if (crc != format::crc32c(directory, format::crc32c(bytes_.first(d::summary_crc_at)))) {
      return false;
    }
    store_ = own.store;
    return read_directory(directory);
  }

  bool read_directory(bytes_view directory) {
    format::detail::field_reader in{directory};
    while (in.remaining() > 0) {
      detail::summary_part entry;
      entry.kind = in.take<std::uint32_t>();
      entry.crc = in.take<std::uint32_t>();
      entry.offset = in.take<std::uint64_t>();
      entry.bytes = in.take<std::uint64_t>();
      if (entry.offset > bytes_.size() || entry.bytes > bytes_.size() - entry.offset) return false;
      if (entry.kind > 0 && entry.kind <= parts_.size()) parts_[entry.kind - 1] = entry;
    }
    return true;
  }

  bool read_blocks() {
    const auto bytes = checked_part(detail::part_kind::blocks);
    if (!bytes || blocks_ == 0 || bytes->size() != blocks_ * detail::summary_block_bytes) {
      return false;
    }
    block_bytes_ = *bytes;
    std::uint64_t records = 0;
    for (std::size_t i = 0; i < blocks_; ++i) records += block(i).records;
    return records == records_;
  }

  static detail::summary_field take_field(format::detail::field_reader& in) {
    detail::summary_field field;
    field.path = as_text(in.take(in.take<std::uint16_t>()));
    field.in_filter = in.take<std::uint8_t>() != 0;
    for (detail::column_ref* column : {&field.kinds, &field.bounds, &field.values, &field.codes}) {
      column->offset = in.take<std::uint64_t>();
      column->bytes = in.take<std::uint32_t>();
      column->crc = in.take<std::uint32_t>();
    }
    return field;
  }

  [[nodiscard]] const detail::summary_part& entry(detail::part_kind kind) const {
    return parts_[static_cast<std::size_t>(kind) - 1];
  }
  [[nodiscard]] bytes_view part(detail::part_kind kind) const {
    return bytes_.subspan(entry(kind).offset, entry(kind).bytes);
  }
  [[nodiscard]] std::optional<bytes_view> checked_part(detail::part_kind kind) const {
    const bytes_view bytes = part(kind);
    return format::crc32c(bytes) == entry(kind).crc ? std::optional{bytes} : std::nullopt;
  }

  bytes_view bytes_{};
  std::array<std::byte, 16> store_{};
  bytes_view block_bytes_{};
  std::size_t blocks_ = 0;
  std::uint64_t records_ = 0;
  std::array<detail::summary_part, 4> parts_{};  // by their kind, from 1
};

}  // namespace logdb::query
