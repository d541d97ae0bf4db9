// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the tests of stored rows share: little memory, counted; many rows, and a model of them.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory_resource>
#include <new>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "../../support/temp_dir.hpp"
#include "../../support/throws.hpp"
#include "support.hpp"

namespace timelsm_test {

using logdb::errc;
using logdb::test::temp_dir;
using logdb::test::throws;
using log_type = logdb::basic_timelog<value_type>;

/// Gives memory, remembers how much was out at most, and spoils what it gets back.
class counted_memory final : public std::pmr::memory_resource {
 public:
  [[nodiscard]] std::size_t peak() const { return peak_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    const std::size_t now = bytes_ += bytes;
    for (auto peak = peak_.load(); peak < now && !peak_.compare_exchange_weak(peak, now);) {
    }
    return ::operator new (bytes, std::align_val_t{alignment});
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    bytes_ -= bytes;
    std::memset(memory, 0xa5, bytes);
    ::operator delete (memory, std::align_val_t{alignment});
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<std::size_t> peak_ = 0;
};

inline constexpr std::size_t memory_max = 1 << 20;
inline constexpr std::int64_t rows_many = 10 * memory_max / 16;

inline log_type::options small_memory(std::pmr::memory_resource* memory = nullptr) {
  log_type::options options;
  options.segment_bytes = 256 << 10;
  options.durability.staging_bytes = 64 << 10;
  options.index.memory_bytes_max = memory_max;
  options.index.memory = memory;
  return options;
}

/// Returns a time for each number: ascending, but each eighth a little late.
inline std::int64_t time_of(std::int64_t i) { return i % 8 == 7 ? 10 * i - 555 : 10 * i; }

template <class Log>
void fill(Log& log, std::int64_t from, std::int64_t to) {
  for (std::int64_t at = from; at < to; at += 1000) {
    rows batch;
    for (auto i = at; i < std::min(at + 1000, to); ++i) {
      batch.emplace_back(time_of(i), static_cast<value_type>(i));
    }
    log.append(batch);
  }
}

inline model filled(std::int64_t to) {
  model all;
  for (std::int64_t i = 0; i < to; ++i) all.append(time_of(i), static_cast<value_type>(i));
  return all;
}

/// Requires that everything is as in the model, range by range, with few rows held at a time.
inline void require_same_parts(const log_type& log, const model& wanted) {
  const auto seen = log.snapshot();
  BOOST_REQUIRE_EQUAL(seen.size(), wanted.size());
  const std::int64_t last = 10 * rows_many;
  for (std::int64_t at = -1000; at < last; at += 100'000) {
    require_same(seen, wanted, {at, at + 99'999});
  }
  for (std::int64_t at = 5; at < last; at += 33'330) require_same(seen, wanted, {at, at});
}

}  // namespace timelsm_test
