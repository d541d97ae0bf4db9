// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How rows and deletions of a time log stand in its records. Do not change: on disk.
///
/// ```
/// a row       kind 1 | flags (1) | value bytes (2) | 0 (4) | time (8) | value
/// rows        kind 2 | flags (1) | value bytes (2) | count (4) | times | values
/// a block     kind 5 | the same
/// a deletion  kind 3 | 0 (7) | first time (8) | last time (8)
/// ```
///
/// Little-endian. Times of a batch are LEB128 of the zigzag of their differences, flag 1: of the
/// differences of those, whichever is shorter. Values of a batch are the column as it is, flag 2:
/// LEB128 of the zigzag of their differences, for integers where that is shorter. Of byte values
/// `value bytes` is 65535: a batch has their lengths in LEB128, then their bytes. The other flags
/// are marks: log/row_marks.hpp.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/format/bytes.hpp>
#include <logdb/index/timelsm/columns/rows.hpp>
#include <logdb/index/timelsm/columns/varint.hpp>

namespace logdb::timelsm {

enum class record_kind : std::uint8_t {
  row = 1,
  rows = 2,
  deletion = 3,
  checkpoint = 4,  // runs.hpp has the last four
  block = 5,
  run = 6,
  directory = 7,
};

inline constexpr std::uint8_t flag_second_differences = 1;
inline constexpr std::uint8_t flag_value_differences = 2;
inline constexpr std::size_t record_header_bytes = 8;
template <class V>
inline constexpr std::uint16_t value_bytes = owns_bytes<V> ? 0xffff
                                                           : static_cast<std::uint16_t>(sizeof(V));

/// Turns an integer value into a number and back; only for integers of up to 8 bytes.
template <class V>
inline constexpr bool is_number = std::is_integral_v<V> && sizeof(V) <= 8;

/// Holds the bytes of a record while it is written; those of a row without a call for memory.
class record_buffer {
 public:
  explicit record_buffer(std::size_t bytes_max)
      : large_{bytes_max > small_bytes ? std::make_unique_for_overwrite<std::byte[]>(bytes_max)
                                       : nullptr} {}
  record_buffer(record_buffer&& other) noexcept
      : large_{std::move(other.large_)}, used_{other.used_} {
    if (large_ == nullptr) std::memcpy(small_.data(), other.small_.data(), used_);
  }
  record_buffer& operator=(record_buffer&&) = delete;
  ~record_buffer() = default;

  [[nodiscard]] std::byte* end() { return data() + used_; }
  void grow_to(const std::byte* end) { used_ = static_cast<std::size_t>(end - data()); }
  [[nodiscard]] bytes_view bytes() const {
    return {large_ == nullptr ? small_.data() : large_.get(), used_};
  }

  template <class T>
  void put(T value) {
    std::memcpy(end(), &value, sizeof value);
    used_ += sizeof value;
  }
  void put(bytes_view bytes) {
    if (!bytes.empty()) std::memcpy(end(), bytes.data(), bytes.size());
    used_ += bytes.size();
  }

 private:
  static constexpr std::size_t small_bytes = 64;

  [[nodiscard]] std::byte* data() { return large_ == nullptr ? small_.data() : large_.get(); }

  std::unique_ptr<std::byte[]> large_;  // null: small_
  std::size_t used_ = 0;
  std::array<std::byte, small_bytes> small_;
};

template <class V>
void put_header(record_buffer& out, record_kind kind, std::uint8_t flags, std::uint32_t count) {
  static_assert(
      owns_bytes<V> || sizeof(V) < value_bytes<bytes_value>,
      "logdb: a value of a durable time log, or of a transaction, has less than 65,535 bytes");
  // One store: a copy of the record right after would wait for several.
  out.put(static_cast<std::uint64_t>(kind) | std::uint64_t{flags} << 8 |
          std::uint64_t{value_bytes<V>} << 16 | std::uint64_t{count} << 32);
}

/// How rows begin: what they are and how many.
struct record_header {
  record_kind kind{};
  std::uint8_t flags = 0;
  std::uint16_t value_bytes = 0;
  std::uint32_t count = 0;

  /// Loads one; false when there is not as much.
  [[nodiscard]] bool load(bytes_view record) {
    if (record.size() < record_header_bytes) return false;
    std::memcpy(&kind, record.data(), sizeof kind);
    std::memcpy(&flags, record.data() + 1, sizeof flags);
    std::memcpy(&value_bytes, record.data() + 2, sizeof value_bytes);
    std::memcpy(&count, record.data() + 4, sizeof count);
    return true;
  }
};

/// Encodes one row. @param marks  flags to be set in it
template <class V>
record_buffer encode_row(time_type time, const V& value, std::uint8_t marks = 0) {
  std::size_t bytes = sizeof value;
  if constexpr (owns_bytes<V>) bytes = value.size();
  record_buffer out{record_header_bytes + sizeof time + bytes};  // not in a branch: not copied
  put_header<V>(out, record_kind::row, marks, 0);
  out.put(time);
  if constexpr (owns_bytes<V>) {
    out.put(value.bytes());
  } else {
    out.put(value);
  }
  return out;
}

inline record_buffer encode_deletion(const bounds& in) {
  record_buffer out{record_header_bytes + 2 * sizeof(time_type)};
  out.put(static_cast<std::uint64_t>(record_kind::deletion));
  out.put(in.first);
  out.put(in.last);
  return out;
}

/// Encodes rows as one record.
/// @param rows  has size(), time(i), value(i)
template <class V, class Rows>
class batch_encoder {
 public:
  explicit batch_encoder(const Rows& rows) : rows_{rows} {}

  /// @param kind   rows, or a block of a run
  /// @param marks  flags to be set in it
  [[nodiscard]] record_buffer run(record_kind kind = record_kind::rows, std::uint8_t marks = 0) {
    measure();
    const bool second = second_bytes_ < first_bytes_;
    const bool coded = is_number<V> && value_bytes_ < rows_.size() * sizeof(V);
    const std::size_t values = owns_bytes<V> || coded ? value_bytes_ : rows_.size() * sizeof(V);
    record_buffer out{record_header_bytes + std::min(first_bytes_, second_bytes_) + values};
    const int flags =
        marks | (second ? flag_second_differences : 0) | (coded ? flag_value_differences : 0);
    put_header<V>(out, kind, static_cast<std::uint8_t>(flags),
                  format::narrowed<std::uint32_t>(rows_.size()));
    put_times(out, second);
    put_values(out, coded);
    return out;
  }

 private:
  [[nodiscard]] std::uint64_t time(std::size_t i) const {
    return static_cast<std::uint64_t>(rows_.time(i));
  }

  void measure() {
    difference_coder first{false};
    difference_coder second{true};
    difference_coder values{false};
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      first_bytes_ += varint_bytes(first.code(time(i)));
      second_bytes_ += varint_bytes(second.code(time(i)));
      if constexpr (is_number<V>) {
        value_bytes_ += varint_bytes(values.code(static_cast<std::uint64_t>(rows_.value(i))));
      } else if constexpr (owns_bytes<V>) {
        const std::size_t bytes = rows_.value(i).size();
        value_bytes_ += varint_bytes(bytes) + bytes;
      }
    }
  }

  void put_times(record_buffer& out, bool second) const {
    difference_coder coder{second};
    std::byte* at = out.end();
    for (std::size_t i = 0; i < rows_.size(); ++i) at = put_varint(at, coder.code(time(i)));
    out.grow_to(at);
  }

  void put_values(record_buffer& out, [[maybe_unused]] bool coded) const {
    if constexpr (owns_bytes<V>) {
      std::byte* at = out.end();
      for (std::size_t i = 0; i < rows_.size(); ++i) at = put_varint(at, rows_.value(i).size());
      out.grow_to(at);
      for (std::size_t i = 0; i < rows_.size(); ++i) out.put(rows_.value(i).bytes());
    } else {
      if constexpr (is_number<V>) {
        if (coded) return put_numbers(out);
      }
      for (std::size_t i = 0; i < rows_.size(); ++i) out.put<V>(rows_.value(i));
    }
  }

  void put_numbers(record_buffer& out) const {
    difference_coder coder{false};
    std::byte* at = out.end();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      at = put_varint(at, coder.code(static_cast<std::uint64_t>(rows_.value(i))));
    }
    out.grow_to(at);
  }

  const Rows& rows_;
  std::size_t first_bytes_ = 0;
  std::size_t second_bytes_ = 0;
  std::size_t value_bytes_ = 0;
};

template <class V>
record_buffer encode_batch(const column_pair<V>& rows) {
  return batch_encoder<V, column_pair<V>>{rows}.run();
}

/// Reads the columns of rows into room for them.
template <class V>
class column_decoder {
 public:
  column_decoder(bytes_view coded, std::uint8_t flags) : in_{coded}, flags_{flags} {}

  /// Byte values point into what is read.
  /// @return  whether that was exactly so many rows
  [[nodiscard]] bool run(time_type* times, V* values, std::size_t count) {
    difference_coder coder{(flags_ & flag_second_differences) != 0};
    for (std::size_t i = 0; i < count; ++i) {
      times[i] = static_cast<time_type>(coder.decode(in_.take()));
    }
    return !in_.failed() && take_values(values, count);
  }

 private:
  bool take_values(V* values, std::size_t count) {
    if constexpr (owns_bytes<V>) {
      return take_bytes(values, count);
    } else {
      if constexpr (is_number<V>) {
        if ((flags_ & flag_value_differences) != 0) return take_numbers(values, count);
      }
      if (in_.rest().size() != count * sizeof(V)) return false;
      if (count != 0) std::memcpy(static_cast<void*>(values), in_.rest().data(), count * sizeof(V));
      return true;
    }
  }

  bool take_numbers(V* values, std::size_t count) {
    difference_coder coder{false};
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<V>(coder.decode(in_.take()));
    return !in_.failed() && in_.rest().empty();
  }

  bool take_bytes(V* values, std::size_t count) {
    varint_reader lengths = in_;
    for (std::size_t i = 0; i < count; ++i) static_cast<void>(in_.take());
    bytes_view left = in_.rest();
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t length = lengths.take();
      if (in_.failed() || length > left.size()) return false;
      values[i] = bytes_value{left.first(length)};
      left = left.subspan(length);
    }
    return left.empty();
  }

  varint_reader in_;
  std::uint8_t flags_;
};

/// What a record of a time log says: rows, or a deletion. Byte values point into the record.
template <class V>
struct decoded_record {
  record_kind kind{};
  std::vector<time_type> times{};
  std::vector<V> values{};
  bounds deleted{};
};

/// Reads a record; every number is checked against what is left before it is used.
template <class V>
class record_decoder {
 public:
  explicit record_decoder(bytes_view record) : left_{record} {}

  /// @errors  errc::corrupt; errc::format_mismatch for values of another size
  [[nodiscard]] decoded_record<V> run() {
    decoded_record<V> out;
    const auto kind = take<std::uint8_t>();
    const auto flags = take<std::uint8_t>();
    const auto bytes = take<std::uint16_t>();
    const auto count = take<std::uint32_t>();
    out.kind = static_cast<record_kind>(kind);
    if (out.kind == record_kind::deletion) {
      out.deleted.first = take<time_type>();
      out.deleted.last = take<time_type>();
      return out;
    }
    if (out.kind != record_kind::row && out.kind != record_kind::rows) fail();
    require_size(bytes);
    out.kind == record_kind::row ? take_row(out) : take_rows(out, flags, count);
    if (!left_.empty()) fail();
    return out;
  }

 private:
  [[noreturn]] static void fail() {
    throw error{errc::corrupt, "a record of a time log cannot be decoded"};
  }
  static void require_size(std::uint16_t bytes) {
    if (bytes == value_bytes<V>) return;
    throw error{errc::format_mismatch, "the time log holds values of another size"};
  }

  [[nodiscard]] bytes_view take_bytes(std::size_t n) {
    if (n > left_.size()) fail();
    const bytes_view taken = left_.first(n);
    left_ = left_.subspan(n);
    return taken;
  }
  template <class T>
  [[nodiscard]] T take() {
    T value;
    std::memcpy(&value, take_bytes(sizeof value).data(), sizeof value);
    return value;
  }
  void take_row(decoded_record<V>& out) {
    out.times.push_back(take<time_type>());
    if constexpr (owns_bytes<V>) {
      out.values.push_back(bytes_value{take_bytes(left_.size())});
    } else {
      out.values.push_back(take<V>());
    }
  }

  void take_rows(decoded_record<V>& out, std::uint8_t flags, std::size_t count) {
    if (count > left_.size()) fail();  // a time takes a byte at least
    out.times.resize(count);
    out.values.resize(count);
    column_decoder<V> columns{left_, flags};
    if (!columns.run(out.times.data(), out.values.data(), count)) fail();
    left_ = {};
  }

  bytes_view left_;
};

}  // namespace logdb::timelsm
