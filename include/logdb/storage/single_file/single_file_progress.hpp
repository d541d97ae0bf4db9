// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// How far the tables of a file with many names have come: written, durable, or in doubt.

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <logdb/platform/atomic.hpp>
#include <logdb/storage/single_file/single_file_heads.hpp>
#include <logdb/storage/single_file/single_file_line.hpp>

namespace logdb::detail {

/// The numbers of the tables of one open file: its own, or those that it has in common with other
/// processes that change the file.
///
/// @threads  any; what is not const: in a turn
template <class System>
class single_file_progress {
 public:
  using line_type = single_file_line<System>;

  single_file_progress() = default;
  single_file_progress(const single_file_progress&) = delete;
  single_file_progress& operator=(const single_file_progress&) = delete;

  // --- alone or beside others ------------------------------------------------------------------

  /// Returns what the processes have in common; null: no other process changes the file.
  [[nodiscard]] line_type* line() const { return line_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_shared() const { return line() != nullptr; }

  /// Makes a line that nobody else sees yet one that goes on from here.
  void begin_sharing(line_type& line) const {
    line.lock.init();
    line.magic = line_type::sound;
    line.numbers.start_as(numbers());
  }
  /// Goes on with the numbers of a line.
  void enter(line_type& line) {
    line_.store(&line, std::memory_order_release);
    numbers_.store(&line.numbers, std::memory_order_release);
  }
  /// Goes on alone.
  void leave() {
    own_.start_as(numbers());
    numbers_.store(&own_, std::memory_order_release);
    line_.store(nullptr, std::memory_order_release);
  }

  // --- tables ----------------------------------------------------------------------------------

  /// Begins with what was found in a file that nobody shares yet.
  void start(std::uint64_t begun_at, std::uint64_t newest) {
    numbers().generation.store(begun_at, std::memory_order_relaxed);
    numbers().newest.store(newest, std::memory_order_release);
    numbers().durable.store(0, std::memory_order_release);
  }
  /// Goes on where a process died in its turn: it may have written a table and not said so.
  /// @param newest  that was found in the file
  void note_inherited(std::uint64_t newest) {
    auto& told = numbers();
    told.generation.fetch_add(1, std::memory_order_relaxed);
    if (told.newest.load(std::memory_order_acquire) == newest) return;
    told.generation.store(std::max(told.generation.load(std::memory_order_relaxed), newest),
                          std::memory_order_relaxed);
    // When it was written, nobody knows: it is in doubt.
    told.newest_at.store(single_file_region::clean, std::memory_order_seq_cst);
    told.newest.store(newest, std::memory_order_release);
  }

  [[nodiscard]] std::uint64_t next_generation() {
    return numbers().generation.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  /// Says that a table was written, and rules.
  void note_written(std::uint64_t generation) {
    note_repeated();
    numbers().newest.store(generation, std::memory_order_release);  // pairs with newest()
  }
  /// Says that the table that rules was written once more.
  void note_repeated() { numbers().newest_at.store(failures(), std::memory_order_seq_cst); }
  /// Says that a sync covered a table.
  void note_durable(std::uint64_t generation) {
    numbers().durable.store(generation, std::memory_order_release);
  }
  void note_failure() { numbers().failures.fetch_add(1, std::memory_order_seq_cst); }

  /// Returns the generation of the table that rules. Acquire: pairs with the release in
  /// note_written().
  [[nodiscard]] std::uint64_t newest() const {
    return numbers().newest.load(std::memory_order_acquire);
  }
  /// Returns the newest that is known to be on stable storage; 0: none.
  [[nodiscard]] std::uint64_t durable() const {
    return numbers().durable.load(std::memory_order_acquire);
  }
  /// Returns how many syncs of the file have failed.
  [[nodiscard]] std::uint64_t failures() const {
    return numbers().failures.load(std::memory_order_seq_cst);
  }

  /// Tells whether a sync failed since the ruling table was written: it must be written anew.
  [[nodiscard]] bool is_in_doubt() const {
    return numbers().newest_at.load(std::memory_order_seq_cst) != failures();
  }
  /// Tells whether the next sync need not be told of: what rules is on stable storage.
  [[nodiscard]] bool is_settled() const { return durable() == newest() && !is_in_doubt(); }

 private:
  [[nodiscard]] single_file_numbers<System>& numbers() const {
    return *numbers_.load(std::memory_order_acquire);
  }

  single_file_numbers<System> own_{};
  // Changed by one thread at a time. Released, as line_, behind what it points at.
  platform::atomic<single_file_numbers<System>*> numbers_{&own_};
  platform::atomic<line_type*> line_ = nullptr;
};

}  // namespace logdb::detail
