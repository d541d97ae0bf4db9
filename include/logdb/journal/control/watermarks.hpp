// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How far a log has come, as its control file says.

#include <atomic>
#include <cstdint>

#include <logdb/journal/control/control.hpp>
#include <logdb/policy/durability.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Returns a watermark as a stream position.
template <class System>
[[nodiscard]] stream_position reached_in(const control_header<System>& shared, watermark level,
                                         std::memory_order order = std::memory_order_acquire) {
  switch (level) {
    case watermark::appended: return stream_position{shared.appended.load(order)};
    case watermark::written: return stream_position{shared.written.load(order)};
    case watermark::durable: return stream_position{shared.durable.load(order)};
  }
  return {};
}

/// Returns a watermark as the lsn of the last record it covers.
template <class System>
[[nodiscard]] lsn reached_lsn_in(const control_header<System>& shared, watermark level) {
  switch (level) {
    case watermark::appended: return lsn{shared.appended_lsn.load(std::memory_order_acquire)};
    case watermark::written: return lsn{shared.written_lsn.load(std::memory_order_acquire)};
    case watermark::durable: return lsn{shared.durable_lsn.load(std::memory_order_acquire)};
  }
  return {};
}

/// Moves both lower watermarks up to what is appended. Nobody appends or leads meanwhile.
template <class System>
void cover_all(control_header<System>& shared, stream_position end) {
  const std::uint64_t last = shared.appended_lsn.load(std::memory_order_relaxed);
  shared.written_lsn.store(last, std::memory_order_release);  // all four pair with reached_in()
  shared.durable_lsn.store(last, std::memory_order_release);  // and reached_lsn_in()
  shared.written.store(end.value(), std::memory_order_release);
  shared.durable.store(end.value(), std::memory_order_release);
  shared.oldest_pending.store(0, std::memory_order_relaxed);
  shared.oldest_open.store(0, std::memory_order_relaxed);
}

}  // namespace logdb::detail
