// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the records of a time log say of all its rows, so that another log is not taken for it: the
/// kind of the values, the unit of the times. Do not change: on disk.
///
/// In the flags of rows, of a row, of a block and of a piece of a directory, which also has `value
/// bytes` then:
///
/// ```
/// bits 2..4  values: 1 signed integers, 2 unsigned ones, 3 floating point, 4 a class
/// bits 5..7  times: 1 microseconds, 2 milliseconds, 3 seconds, 4 minutes, 5 hours, 6 days
/// ```
///
/// 0: not said, and not checked.

#include <array>
#include <chrono>
#include <string>
#include <type_traits>

#include <logdb/error.hpp>
#include <logdb/index/timelsm/columns/codec.hpp>

namespace logdb::timelsm {

enum class value_kind : std::uint8_t {
  not_said = 0,
  signed_integer = 1,
  unsigned_integer = 2,
  floating_point = 3,
  class_type = 4,
};

/// Returns the kind of a value; that of an enumeration is that of the integer behind it.
template <class V>
constexpr value_kind value_kind_of() {
  if constexpr (std::is_enum_v<V>) {
    return value_kind_of<std::underlying_type_t<V>>();
  } else if constexpr (owns_bytes<V> || std::is_same_v<V, char> || std::is_same_v<V, wchar_t>) {
    return value_kind::not_said;  // the sign of these two is the platform's
  } else if constexpr (std::is_integral_v<V>) {
    return std::is_signed_v<V> ? value_kind::signed_integer : value_kind::unsigned_integer;
  } else if constexpr (std::is_floating_point_v<V>) {
    return value_kind::floating_point;
  } else {
    return std::is_class_v<V> ? value_kind::class_type : value_kind::not_said;
  }
}

/// Returns the name of a type of values, for who reads a message.
inline std::string value_type_name(value_kind kind, std::uint16_t bytes) {
  if (bytes == value_bytes<bytes_value>) return "bytes";
  const std::string bits = std::to_string(bytes * 8);
  switch (kind) {
    case value_kind::signed_integer: return "int" + bits;
    case value_kind::unsigned_integer: return "uint" + bits;
    case value_kind::floating_point:
      return bytes == 4 ? "float" : bytes == 8 ? "double" : "long double";
    case value_kind::class_type: return "a class of " + std::to_string(bytes) + " bytes";
    default: return "something of " + std::to_string(bytes) + " bytes";
  }
}

/// The marks of a log that is open: written into its records, and compared with what they say.
template <class V>
class row_marks {
 public:
  using nanoseconds = std::chrono::nanoseconds;

  explicit row_marks(nanoseconds unit) : unit_{unit}, flags_{flags_of(unit)} {}

  /// Returns the flags to be set in a record.
  [[nodiscard]] std::uint8_t flags() const { return flags_; }

  /// Returns how a piece of a directory begins.
  [[nodiscard]] std::uint64_t directory_head() const {
    return static_cast<std::uint64_t>(record_kind::directory) | std::uint64_t{flags_} << 8 |
           std::uint64_t{value_bytes<V>} << 16;
  }

  /// Compares what a record of rows, or a piece of a directory, says.
  /// @param stamps  whether the log may stamp rows by its clock: only then the unit matters
  /// @errors        errc::format_mismatch
  void require(bytes_view record, bool stamps) const {
    record_header said;
    if (!said.load(record) || said.value_bytes == 0) return;
    require_values(static_cast<value_kind>(said.flags >> kind_shift & 7), said.value_bytes);
    const auto unit = units[said.flags >> unit_shift];
    if (!stamps || unit.count() == 0 || unit == unit_) return;
    throw error{errc::format_mismatch,
                "the time log was written with index.unit = " + std::to_string(unit.count()) +
                    " ns, and is opened with " + std::to_string(unit_.count()) + " ns"};
  }

 private:
  static constexpr int kind_shift = 2;
  static constexpr int unit_shift = 5;
  static constexpr value_kind kind = value_kind_of<V>();
  static constexpr std::array<nanoseconds, 8> units{nanoseconds{},
                                                    std::chrono::microseconds{1},
                                                    std::chrono::milliseconds{1},
                                                    std::chrono::seconds{1},
                                                    std::chrono::minutes{1},
                                                    std::chrono::hours{1},
                                                    std::chrono::hours{24},
                                                    nanoseconds{}};

  static std::uint8_t flags_of(nanoseconds unit) {
    int flags = static_cast<int>(kind) << kind_shift;
    for (int i = 1; i < 7; ++i) {
      if (units[static_cast<std::size_t>(i)] == unit) flags |= i << unit_shift;
    }
    return static_cast<std::uint8_t>(flags);
  }

  static void require_values(value_kind said, std::uint16_t bytes) {
    const bool is_known = said != value_kind::not_said && kind != value_kind::not_said;
    if (bytes == value_bytes<V> && (!is_known || said == kind)) return;
    throw error{errc::format_mismatch,
                "the time log was written with values of type " + value_type_name(said, bytes) +
                    ", and is opened for values of type " + value_type_name(kind, value_bytes<V>)};
  }

  nanoseconds unit_;
  std::uint8_t flags_;
};

}  // namespace logdb::timelsm
