// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The records that tests of any log append, and what they make of those that come back.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <logdb/record.hpp>

namespace logdb::test {

inline std::string numbered(std::uint64_t number) { return "record " + std::to_string(number); }

/// Returns texts that no two of are alike, in number order.
inline std::vector<std::string> numbered(std::uint64_t first, std::uint64_t last) {
  std::vector<std::string> texts;
  for (std::uint64_t n = first; n <= last; ++n) texts.push_back(numbered(n));
  return texts;
}

/// Appends record `first` to `last`, singly and in batches.
template <class Target>
void fill(Target& target, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t n = first; n <= last;) {
    if (n % 20 < 2) {
      target.append(numbered(n++));
      continue;
    }
    const std::uint64_t end = std::min(last, n - n % 20 + 19);
    target.append(numbered(n, end));
    n = end + 1;
  }
}

/// Appends batches of 6 records of 1 KiB, two of which fill a small segment.
template <class Log>
void fill_segments(Log& log, int batches) {
  const std::vector<std::string> kilobytes(6, std::string(1024, 'k'));
  for (int i = 0; i < batches; ++i) log.append(kilobytes);
}

/// Copies the texts of a range of records.
template <class Range>
std::vector<std::string> texts(const Range& records) {
  std::vector<std::string> found;
  for (const record& each : records) found.emplace_back(each.text());
  return found;
}

/// The same of a tail, up to its end.
template <class Tail>
std::vector<std::string> texts_of(Tail tail) {
  std::vector<std::string> found;
  for (const record& each : tail) found.emplace_back(each.text());
  return found;
}

/// Tells whether a range holds just these lsns, in order.
template <class Range>
bool holds_lsns(Range&& records, lsn from, lsn to) {
  lsn next = from;
  for (const record& each : records) {
    if (each.lsn() != next) return false;
    ++next;
  }
  return next == to;
}

/// Returns a text of so many bytes, of which each part is unlike the others.
inline std::string patterned(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

}  // namespace logdb::test
