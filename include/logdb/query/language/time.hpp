// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How text and numbers read as times: RFC 3339 and its shorter forms, numbers by their size, and
/// durations such as `15m`.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <logdb/types.hpp>

namespace logdb::query {
namespace detail {

/// A text that is read from the front; what does not fit leaves it as it was.
class time_reader {
 public:
  explicit time_reader(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  /// Reads one of these characters; returns 0 where none of them is next.
  char any_of(std::string_view choices) {
    if (rest_.empty() || choices.find(rest_.front()) == std::string_view::npos) return 0;
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }

  /// Reads exactly so many digits as a number from `lowest` to `highest`.
  std::optional<int> number(std::size_t digits, int lowest, int highest) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (const char digit : rest_.substr(0, digits)) {
      if (digit < '0' || digit > '9') return std::nullopt;
      value = 10 * value + (digit - '0');
    }
    if (value < lowest || value > highest) return std::nullopt;
    rest_.remove_prefix(digits);
    return value;
  }

  /// Reads digits as a fraction of a second, in nanoseconds; further digits are dropped.
  std::optional<std::int64_t> fraction() {
    std::int64_t value = 0;
    std::int64_t unit = 1'000'000'000;
    std::size_t digits = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      unit /= 10;
      value += unit * (rest_[digits] - '0');
    }
    if (digits == 0) return std::nullopt;
    rest_.remove_prefix(digits);
    return value;
  }

 private:
  std::string_view rest_;
};

/// The seconds around 1970 whose nanoseconds fit into 64 bits.
inline constexpr std::int64_t time_seconds_max =
    std::numeric_limits<std::int64_t>::max() / 1'000'000'000;

/// Returns the time so many seconds and nanoseconds after 1970, if 64 bits hold it.
inline std::optional<timestamp> to_timestamp(std::int64_t seconds, std::int64_t nanoseconds) {
  if (seconds < -time_seconds_max || seconds >= time_seconds_max) return std::nullopt;
  return timestamp{std::chrono::nanoseconds{seconds * 1'000'000'000 + nanoseconds}};
}

/// What stands behind the `T` of a time, its zone taken off.
struct time_of_day {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  bool leap = false;  ///< it is the second 60 of a minute
};

/// Reads `Z`, `+01:00` or nothing, and returns the seconds that the zone is ahead of UTC.
inline std::optional<std::int64_t> read_zone(time_reader& in) {
  if (in.done() || in.any_of("Zz") != 0) return 0;
  const char sign = in.any_of("+-");
  if (sign == 0) return std::nullopt;
  const auto hours = in.number(2, 0, 23);
  if (!hours || in.any_of(":") == 0) return std::nullopt;
  const auto minutes = in.number(2, 0, 59);
  if (!minutes) return std::nullopt;
  const std::int64_t ahead = *hours * 3600 + *minutes * 60;
  return sign == '-' ? -ahead : ahead;
}

/// Reads what stands behind `T`: `10:00`, `10:00:07`, `10:00:07.25`, each with a zone or without.
inline std::optional<time_of_day> read_time_of_day(time_reader& in) {
  const auto hour = in.number(2, 0, 23);
  if (!hour || in.any_of(":") == 0) return std::nullopt;
  const auto minute = in.number(2, 0, 59);
  if (!minute) return std::nullopt;
  time_of_day read;
  read.seconds = *hour * 3600 + *minute * 60;
  if (in.any_of(":") != 0) {
    const auto second = in.number(2, 0, 60);
    if (!second) return std::nullopt;
    read.seconds += *second;
    read.leap = *second == 60;
    if (in.any_of(".") != 0) {
      const auto fraction = in.fraction();
      if (!fraction) return std::nullopt;
      read.nanoseconds = *fraction;
    }
  }
  const auto ahead = read_zone(in);
  if (!ahead) return std::nullopt;
  read.seconds -= *ahead;
  return read;
}

}  // namespace detail

/// Returns the time that a text stands for: RFC 3339 with any zone, also without seconds, without a
/// zone (UTC), or a date alone, its midnight; nothing where it is no such time, the day does not
/// exist, or 64 bits of nanoseconds do not hold it. The leap second 23:59:60 UTC is the one after.
/// @cost  no allocation
inline std::optional<timestamp> parse_time(std::string_view text) {
  detail::time_reader in{text};
  const auto year_read = in.number(4, 0, 9999);
  if (!year_read || in.any_of("-") == 0) return std::nullopt;
  const auto month_read = in.number(2, 1, 12);
  if (!month_read || in.any_of("-") == 0) return std::nullopt;
  const auto day_read = in.number(2, 1, 31);
  if (!day_read) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year_read},
                                         std::chrono::month{static_cast<unsigned>(*month_read)},
                                         std::chrono::day{static_cast<unsigned>(*day_read)}};
  if (!date.ok()) return std::nullopt;
  const std::chrono::sys_seconds begins{std::chrono::sys_days{date}};
  const std::int64_t midnight = begins.time_since_epoch().count();
  if (in.done()) return detail::to_timestamp(midnight, 0);
  if (in.any_of("Tt ") == 0) return std::nullopt;
  const auto time = detail::read_time_of_day(in);
  if (!time || !in.done()) return std::nullopt;
  const std::int64_t seconds = midnight + time->seconds;
  if (time->leap && seconds % 86400 != 0) return std::nullopt;
  return detail::to_timestamp(seconds, time->nanoseconds);
}

namespace detail {

/// Returns the nanoseconds of one unit of a number of this size: below 10¹¹ it counts seconds,
/// below 10¹⁴ milliseconds, below 10¹⁷ microseconds, else nanoseconds.
constexpr std::int64_t time_unit(std::uint64_t size) {
  if (size < 100'000'000'000) return 1'000'000'000;
  if (size < 100'000'000'000'000) return 1'000'000;
  return size < 100'000'000'000'000'000 ? 1'000 : 1;
}

/// Returns the time of a number without an exponent, exactly.
inline std::optional<timestamp> decimal_time(std::string_view whole, std::string_view fraction) {
  const bool negative = whole.starts_with('-');
  if (negative) whole.remove_prefix(1);
  std::uint64_t size = 0;
  const char* const end = whole.data() + whole.size();
  if (std::from_chars(whole.data(), end, size).ec != std::errc{}) return std::nullopt;
  const std::int64_t unit = time_unit(size);
  const auto seconds =
      static_cast<std::int64_t>(size / static_cast<std::uint64_t>(1'000'000'000 / unit));
  if (seconds >= time_seconds_max) return std::nullopt;
  std::int64_t nanoseconds = static_cast<std::int64_t>(size) * unit;
  std::int64_t place = unit;
  for (const char digit : fraction) nanoseconds += (place /= 10) * (digit - '0');
  return timestamp{std::chrono::nanoseconds{negative ? -nanoseconds : nanoseconds}};
}

}  // namespace detail

/// Returns the time that a checked number of JSON stands for: since 1970 in seconds, milli-, micro-
/// or nanoseconds, by its size.
/// @cost  no allocation
inline std::optional<timestamp> number_time(std::string_view text) {
  if (text.find_first_of("eE") == std::string_view::npos) {
    const std::size_t point = text.find('.');
    if (point == std::string_view::npos) return detail::decimal_time(text, {});
    return detail::decimal_time(text.substr(0, point), text.substr(point + 1));
  }
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc{} || !(std::abs(value) < 9.22e18)) return std::nullopt;
  const double unit =
      static_cast<double>(detail::time_unit(static_cast<std::uint64_t>(std::abs(value))));
  if (!(std::abs(value) * unit < 9.22e18)) return std::nullopt;
  return timestamp{std::chrono::nanoseconds{static_cast<std::int64_t>(value * unit)}};
}

/// Returns the duration that a text such as `15m` stands for: digits and one of s, m, h, d, w;
/// nothing where it is none or longer than 64 bits of nanoseconds hold.
inline std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  std::int64_t unit = 1'000'000'000;
  switch (text.back()) {
    case 's': break;
    case 'm': unit *= 60; break;
    case 'h': unit *= 3600; break;
    case 'd': unit *= 86400; break;
    case 'w': unit *= 604800; break;
    default: return std::nullopt;
  }
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto read = std::from_chars(text.data(), end, count);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  if (count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / unit)) {
    return std::nullopt;
  }
  return std::chrono::nanoseconds{static_cast<std::int64_t>(count) * unit};
}

/// Returns how far from now `now`, `now-15m` or `now+1h` lies; nothing for any other text.
inline std::optional<std::chrono::nanoseconds> parse_now(std::string_view text) {
  if (!text.starts_with("now")) return std::nullopt;
  text.remove_prefix(3);
  if (text.empty()) return std::chrono::nanoseconds{0};
  const char sign = text.front();
  if (sign != '-' && sign != '+') return std::nullopt;
  const auto length = parse_duration(text.substr(1));
  if (!length) return std::nullopt;
  return sign == '-' ? -*length : *length;
}

/// Returns a time as RFC 3339 in UTC, with as many digits of a second as it has.
inline std::string print_time(timestamp time) {
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{midnight};
  const std::chrono::hh_mm_ss clock{time - midnight};
  std::string text;
  const auto add = [&text](std::int64_t number, std::size_t digits, char behind) {
    const std::string plain = std::to_string(number);
    text.append(digits - std::min(digits, plain.size()), '0').append(plain);
    if (behind != 0) text += behind;
  };
  add(static_cast<int>(date.year()), 4, '-');
  add(static_cast<unsigned>(date.month()), 2, '-');
  add(static_cast<unsigned>(date.day()), 2, 'T');
  add(clock.hours().count(), 2, ':');
  add(clock.minutes().count(), 2, ':');
  add(clock.seconds().count(), 2, 0);
  if (const auto rest = clock.subseconds().count(); rest != 0) {
    text += '.';
    add(rest, 9, 0);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + 'Z';
}

}  // namespace logdb::query
