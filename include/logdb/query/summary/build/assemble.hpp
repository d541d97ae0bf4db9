// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Puts the bytes of a summary together, within its budget.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <logdb/format/bytes.hpp>
#include <logdb/format/crc32c.hpp>
#include <logdb/query/summary/build/field_builder.hpp>
#include <logdb/query/summary/bytes/filter.hpp>
#include <logdb/query/summary/bytes/layout.hpp>
#include <logdb/query/summary/bytes/packed.hpp>
#include <logdb/types.hpp>

namespace logdb::query::detail {

/// What was learned of a segment, on its way to bytes. What does not fit the budget is left out,
/// the column, or the path's share of the filter, that takes the most bytes first.
class summary_assembly {
 public:
  summary_assembly(const summary_identity& of, std::vector<summary_block>& blocks,
                   const std::deque<field_builder>& fields, std::size_t records)
      : identity_{of}, blocks_{blocks}, all_fields_{fields}, records_{records} {}

  /// Returns the summary; none where what cannot be left out is over the budget.
  [[nodiscard]] std::optional<std::vector<std::byte>> make(std::size_t fields_max,
                                                           std::uint64_t budget) {
    if (blocks_.empty()) return std::nullopt;
    choose(fields_max);
    for (planned& each : fields_) encode_columns(each);
    for (;;) {
      if (size() <= budget) {
        auto made = write();
        if (made.size() <= budget) return made;
      }
      if (!leave_out()) return std::nullopt;
    }
  }

 private:
  struct planned {
    const field_builder* of = nullptr;
    byte_sink kinds{};
    byte_sink bounds{};
    byte_sink values{};
    byte_sink codes{};
    bool in_filter = false;

    [[nodiscard]] std::uint64_t filter_bytes() const {
      return in_filter ? of->pairs().size() * filter_bits_a_pair / 8 + 1 : 0;
    }
    [[nodiscard]] std::uint64_t code_bytes() const { return codes.size() + values.size(); }
    [[nodiscard]] std::uint64_t bytes() const {
      constexpr std::size_t entry_bytes = 3 + 64;  // in the list of paths, beside its name
      return of->path().size() + entry_bytes + kinds.size() + bounds.size() + code_bytes() +
             filter_bytes();
    }
    [[nodiscard]] std::uint64_t largest() const {
      return std::max({filter_bytes(), code_bytes(), std::uint64_t{bounds.size()}});
    }
  };

  /// Keeps the paths of the most events; the blocks of the others are marked.
  void choose(std::size_t fields_max) {
    for (const field_builder& each : all_fields_) {
      if (each.events() > 0) fields_.push_back({.of = &each});
    }
    std::stable_sort(fields_.begin(), fields_.end(), [](const planned& a, const planned& b) {
      return a.of->events() > b.of->events();
    });
    while (fields_.size() > fields_max) {
      for (const block_facts& facts : fields_.back().of->facts()) {
        blocks_[facts.block].flags |= block_flag::other;
      }
      fields_.pop_back();
    }
  }

  void encode_columns(planned& field) {
    std::vector<std::uint64_t> kinds(blocks_.size());
    std::uint8_t any = 0;
    for (const block_facts& facts : field.of->facts()) {
      kinds[facts.block] = facts.kinds;
      any |= facts.kinds;
    }
    packed_writer{kinds}.write(field.kinds);
    if ((any & kind_bit(json_kind::number)) != 0) encode_bounds(field);
    field.in_filter = field.of->many();
    if (field.of->many()) return;
    for (const std::string& value : field.of->codes().values()) {
      field.values.put(static_cast<std::uint16_t>(value.size())).put(as_bytes(value));
    }
    const auto& known = field.of->codes().codes();
    std::vector<std::uint64_t> codes(records_);
    std::copy(known.begin(), known.end(), codes.begin());
    packed_writer{codes}.write(field.codes);
  }

  void encode_bounds(planned& field) {
    std::vector<number_bounds> all(blocks_.size());
    for (const block_facts& facts : field.of->facts()) all[facts.block] = facts.numbers;
    for (const number_bounds& each : all) encode(field.bounds, each);
  }

  /// About how many bytes it takes: the filter is rounded up when it is made.
  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t bytes = summary_header_bytes + 4 * summary_part_bytes + filter_header_bytes +
                          blocks_.size() * summary_block_bytes;
    for (const planned& each : fields_) bytes += each.bytes();
    return bytes;
  }

  bool leave_out() {
    const auto most = std::max_element(
        fields_.begin(), fields_.end(),
        [](const planned& a, const planned& b) { return a.largest() < b.largest(); });
    if (most == fields_.end() || most->largest() == 0) return false;
    if (most->largest() == most->filter_bytes()) {
      most->in_filter = false;
    } else if (most->largest() == most->code_bytes()) {
      most->codes = {};
      most->values = {};
    } else {
      most->bounds = {};
    }
    return true;
  }

  /// Returns pairs that more than half of the blocks have, where naming them costs less than their
  /// bits: of those that are often met in a sample.
  [[nodiscard]] std::vector<std::uint64_t> common_pairs() const {
    std::vector<std::uint64_t> common;
    if (blocks_.size() < 16) return common;
    for (const planned& each : fields_) {
      if (!each.in_filter) continue;
      std::vector<block_pairs> all;
      each.of->pairs().for_each_block([&all](const block_pairs& of) { all.push_back(of); });
      if (all.size() <= blocks_.size() / 2) continue;
      for (const std::uint64_t pair : often_met(all)) {
        const auto has = [pair](const block_pairs& of) {
          return std::binary_search(of.pairs.begin(), of.pairs.end(), pair);
        };
        const auto blocks = std::count_if(all.begin(), all.end(), has);
        if (static_cast<std::size_t>(blocks) > blocks_.size() / 2) common.push_back(pair);
      }
    }
    std::sort(common.begin(), common.end());
    common.erase(std::unique(common.begin(), common.end()), common.end());
    return common;
  }

  /// Returns the pairs that are in at least two of eight blocks.
  static std::vector<std::uint64_t> often_met(const std::vector<block_pairs>& all) {
    constexpr std::size_t samples = 8;
    std::vector<std::uint64_t> met;
    for (std::size_t i = 0; i < samples; ++i) {
      const auto& pairs = all[i * all.size() / samples].pairs;
      met.insert(met.end(), pairs.begin(), pairs.end());
    }
    std::sort(met.begin(), met.end());
    std::vector<std::uint64_t> often;
    for (std::size_t i = 1; i < met.size(); ++i) {
      if (met[i] == met[i - 1] && (often.empty() || often.back() != met[i]))
        often.push_back(met[i]);
    }
    return often;
  }

  [[nodiscard]] byte_sink filter() {
    auto common = common_pairs();
    std::uint64_t pairs = 0;
    for (const planned& each : fields_) {
      if (!each.in_filter) continue;
      pairs += each.of->pairs().size();
      for (const std::size_t block : each.of->pairs().full_blocks()) {
        blocks_[block].flags |= block_flag::full;
      }
    }
    pairs -= std::min<std::uint64_t>(pairs, common.size() * blocks_.size() / 2);
    filter_writer made{blocks_.size(), std::move(common), pairs};
    for (const planned& each : fields_) {
      if (each.in_filter)
        each.of->pairs().for_each_block([&](const block_pairs& of) { made.add(of); });
    }
    byte_sink out;
    made.write(out);
    return out;
  }

  static void put_column(byte_sink& table, byte_sink& columns, byte_sink& column) {
    table.put(std::uint64_t{columns.size()}).put(static_cast<std::uint32_t>(column.size()));
    table.put(format::crc32c(column.bytes()));
    columns.put(column.bytes());
  }

  [[nodiscard]] std::vector<std::byte> write() {
    byte_sink fields;
    byte_sink columns;
    bool any_in_filter = false;
    fields.put(static_cast<std::uint32_t>(fields_.size()));
    for (planned& each : fields_) {
      any_in_filter = any_in_filter || each.in_filter;
      fields.put(static_cast<std::uint16_t>(each.of->path().size()));
      fields.put(as_bytes(each.of->path())).put(static_cast<std::uint8_t>(each.in_filter));
      for (byte_sink* column : {&each.kinds, &each.bounds, &each.values, &each.codes}) {
        put_column(fields, columns, *column);
      }
    }
    byte_sink filters = any_in_filter ? filter() : byte_sink{};
    byte_sink blocks;  // behind the filter, which marks blocks that are full
    for (const summary_block& block : blocks_) encode(blocks, block);
    std::vector<std::pair<part_kind, byte_sink*>> parts{
        {part_kind::blocks, &blocks}, {part_kind::fields, &fields}, {part_kind::columns, &columns}};
    if (any_in_filter) parts.emplace_back(part_kind::filter, &filters);
    return join(parts);
  }

  [[nodiscard]] std::vector<std::byte> join(
      const std::vector<std::pair<part_kind, byte_sink*>>& parts) const {
    byte_sink directory;
    std::uint64_t offset = summary_header_bytes + parts.size() * summary_part_bytes;
    for (const auto& [kind, part] : parts) {
      const bool checks_itself = kind == part_kind::columns || kind == part_kind::filter;
      directory.put(static_cast<std::uint32_t>(kind));
      directory.put(checks_itself ? std::uint32_t{0} : format::crc32c(part->bytes()));
      directory.put(offset).put(std::uint64_t{part->size()});
      offset += part->size();
    }
    byte_sink out;
    out.put(as_bytes(summary_magic)).put(summary_version);
    out.put(static_cast<std::uint32_t>(parts.size())).put(bytes_view{identity_.store});
    out.put(identity_.segment).put(identity_.salt).put(identity_.end_offset);
    out.put(identity_.options).put(std::uint64_t{records_});
    out.put(format::narrowed<std::uint32_t>(blocks_.size()));
    out.put(format::crc32c(directory.bytes(), format::crc32c(out.bytes())));
    out.put(directory.bytes());
    for (const auto& [kind, part] : parts) out.put(part->bytes());
    return std::move(out.bytes());
  }

  summary_identity identity_;
  std::vector<summary_block>& blocks_;
  const std::deque<field_builder>& all_fields_;
  std::size_t records_;
  std::vector<planned> fields_{};
};

}  // namespace logdb::query::detail
