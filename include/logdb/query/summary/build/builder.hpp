// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes the summary of a segment from its records.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/format/hash.hpp>
#include <logdb/query/evaluate/event_time.hpp>
#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/json_text.hpp>
#include <logdb/query/summary/build/assemble.hpp>
#include <logdb/query/summary/build/field_builder.hpp>
#include <logdb/query/summary/build/field_set.hpp>
#include <logdb/query/summary/bytes/layout.hpp>
#include <logdb/types.hpp>

namespace logdb::query {

/// How segments are summarised.
struct summary_options {
  std::size_t block_bytes = 64u << 10;   ///< of records in a block; one that is larger is its own
  std::size_t segment_fields_max = 512;  ///< paths, those of the most events
  std::size_t fields_max = 2000;         ///< values of an event
  std::size_t name_bytes_max = 256;      ///< of a name, to its next dot; a path has at most 1024
  std::size_t coded_values_max = 255;    ///< different values of a path that get codes, up to 255
  double summary_share_max = 0.05;       ///< of the segment's bytes
  std::string time_field{};              ///< as compile_options::time_field
};

/// Returns what stands in a summary for the options that decide how it may be read.
inline std::uint64_t options_hash(const summary_options& of) {
  constexpr logdb::detail::hash_seed fixed{0x6c6f676462737531, 0x73756d6d61727901};
  return logdb::detail::hash_key(as_bytes(of.time_field), fixed) ^ of.block_bytes;
}

/// A record of the segment that is summarised, and where it stands.
struct summary_record {
  std::uint64_t offset = 0;  ///< of its frame
  std::uint32_t number = 0;  ///< in that frame, from 0
  lsn at{};
  timestamp frame_time{};  ///< with which a walk comes to the frame
  timestamp appended{};
  std::string_view text{};
};

/// Reads the records of a segment, in order, and gives its summary.
/// @threads  one
class summary_builder {
 public:
  /// @errors  errc::bad_query: `time_field` is no path
  explicit summary_builder(summary_identity of, summary_options options = {})
      : identity_{of},
        options_{std::move(options)},
        times_{options_.time_field},
        fields_{logdb::detail::make_hash_seed(of.store),
                {.fields_max = 4 * options_.segment_fields_max,
                 .name_bytes_max = options_.name_bytes_max,
                 .values_max = options_.coded_values_max}} {
    identity_.options = options_hash(options_);
  }

  /// @cost  about that of a query that reads it
  void add(const summary_record& record) {
    if (block_bytes_ == 0 || block_bytes_ + record.text.size() > options_.block_bytes) {
      open_block(record);
    }
    block_bytes_ += std::max<std::size_t>(1, record.text.size());
    bytes_ += record.text.size();
    summary_block& block = blocks_.back();
    ++block.records;
    block.append_min = std::min(block.append_min, record.appended);
    block.append_max = std::max(block.append_max, record.appended);
    const timestamp time = read(record);
    block.time_min = std::min(block.time_min, time);
    block.time_max = std::max(block.time_max, time);
    ++records_;
  }

  /// Returns about how much memory it takes; finish() takes as much again.
  /// @cost  O(paths)
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return blocks_.capacity() * sizeof(summary_block) + fields_.memory_bytes();
  }

  /// Returns the summary; none where nothing that is of use fits the budget. Ends the builder.
  [[nodiscard]] std::optional<std::vector<std::byte>> finish() {
    fields_.close();
    const auto budget =
        static_cast<std::uint64_t>(static_cast<double>(bytes_) * options_.summary_share_max);
    return detail::summary_assembly{identity_, blocks_, fields_.all(), records_}.make(
        options_.segment_fields_max, budget);
  }

 private:
  void open_block(const summary_record& record) {
    block_bytes_ = 0;
    starts_.push_back(records_);
    summary_block block;
    block.offset = record.offset;
    block.first = record.at;
    block.time = record.frame_time;
    block.skip = record.number;
    block.flags = block_flag::plain;
    blocks_.push_back(block);
  }

  /// Reads a record, and returns its time.
  timestamp read(const summary_record& record) {
    const std::string_view text = record.text;
    detail::time_finder time{times_};
    const bool object =
        walk_object(text, [&](json_path names, json_kind kind, const json_text& written) {
          see(names, kind, written, time);
        });
    std::uint32_t& flags = blocks_.back().flags;
    if (text.find('\\') != std::string_view::npos) flags &= ~block_flag::plain;
    if (!object) flags = (flags | block_flag::malformed) & ~block_flag::plain;
    object ? fields_.finish(records_, starts_) : fields_.forget();
    return object ? time.or_else(record.appended) : record.appended;
  }

  void see(json_path names, json_kind kind, const json_text& written, detail::time_finder& time) {
    detail::leaf_value value{kind, written, room_};
    time.see(names, value);
    std::uint32_t& flags = blocks_.back().flags;
    if (value.is_number() && !value.number().canonical) flags &= ~block_flag::plain;
    if (fields_.leaves() >= options_.fields_max) {
      flags |= block_flag::open;
      return;
    }
    detail::field_builder* const field = fields_.next(names);
    if (field == nullptr) {
      flags |= block_flag::other;
      return;
    }
    field->see(kind, value.is_string() ? value.text() : written.bytes);
  }

  summary_identity identity_;
  summary_options options_;
  detail::time_fields times_;
  detail::field_set fields_;
  std::vector<summary_block> blocks_{};
  std::vector<std::size_t> starts_{};  // of each block, the number of its first record
  std::size_t block_bytes_ = 0;        // of the last block; 0: there is none
  std::size_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::string room_{};
};

}  // namespace logdb::query
