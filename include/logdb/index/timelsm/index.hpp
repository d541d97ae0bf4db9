// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `time_index`, a multimap from times to values in memory: all of Index<TimeLSM> but the log.

#include <chrono>
#include <concepts>
#include <exception>
#include <iterator>
#include <ranges>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/maintain/figures.hpp>
#include <logdb/index/timelsm/maintain/maintainer.hpp>
#include <logdb/index/timelsm/maintain/validate.hpp>
#include <logdb/index/timelsm/read/snapshot.hpp>
#include <logdb/index/timelsm/write/writer.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/process/fork_counter.hpp>

namespace logdb::timelsm {

/// A row of a range that is appended: a pair, a tuple of two, or a time_row.
template <class Row>
decltype(auto) time_in(const Row& row) {
  if constexpr (requires { row.time; }) {
    return (row.time);
  } else {
    return std::get<0>(row);
  }
}
template <class Row>
decltype(auto) value_in(const Row& row) {
  if constexpr (requires { row.value; }) {
    return (row.value);
  } else {
    return std::get<1>(row);
  }
}

/// Turns what a user gives into a value of a column.
template <class V, class Given>
V to_value(const Given& given) {
  if constexpr (owns_bytes<V> && bytes_like<Given>) {
    return bytes_value{to_bytes(given)};
  } else if constexpr (owns_bytes<V> && std::derived_from<Given, stored_bytes>) {
    return bytes_value{given.bytes()};
  } else {
    return static_cast<V>(given);
  }
}

template <class Given, class V>
concept value_for = std::convertible_to<const Given&, V> ||
    (owns_bytes<V> && (bytes_like<Given> || std::derived_from<Given, stored_bytes>));

/// Satisfied by a range of rows: pairs of a time and a value.
template <class R, class V>
concept range_of_rows = std::ranges::input_range<R> &&
    requires(const std::remove_cvref_t<std::ranges::range_reference_t<R>>& row) {
  { time_in(row) } -> std::convertible_to<time_type>;
  requires value_for<std::remove_cvref_t<decltype(value_in(row))>, V>;
};

/// Shows contiguous rows to the writer.
template <class V, class Row>
struct row_array {
  const Row* rows = nullptr;
  std::size_t count = 0;

  [[nodiscard]] std::size_t size() const { return count; }
  [[nodiscard]] time_type time(std::size_t i) const { return time_in(rows[i]); }
  [[nodiscard]] V value(std::size_t i) const { return to_value<V>(value_in(rows[i])); }
};

/// Calls f with the rows of a range, which are gathered first unless they lie together.
template <class V, class Range, class F>
decltype(auto) with_rows(Range& range, F f) {
  using row_type = std::remove_cvref_t<std::ranges::range_reference_t<Range>>;
  if constexpr (std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range>) {
    return f(row_array<V, row_type>{std::ranges::data(range), std::ranges::size(range)});
  } else {
    std::vector<row_type> rows;
    for (auto&& row : range) rows.push_back(row);
    return f(row_array<V, row_type>{rows.data(), rows.size()});
  }
}

/// A multimap from times to values: fast to append to, to scan, and to delete ranges from.
///
/// @threads  any, for every member; readers wait for no writer, and no writer for readers
/// @source   the log-structured merge tree: O'Neil et al., Acta Informatica 1996
template <column_value V, class System>
class time_index {
 public:
  using options = timelsm_options<V>;
  using mutex = typename core<V, System>::mutex;

  /// @param log_mutex  the append lock of the log that writes go to first, which then guards the
  ///                   index, too; null: there is none, and it has a lock of its own
  /// @errors  errc::invalid_argument
  explicit time_index(const options& chosen, storing stores = {}, mutex* log_mutex = nullptr)
      : core_{require_valid(chosen), std::move(stores), log_mutex} {
    if (core_.options.maintenance == maintenance_mode::background) {
      thread_ = typename System::thread{[this] { maintain_on(); }};
    }
  }
  time_index(const time_index&) = delete;
  time_index& operator=(const time_index&) = delete;
  ~time_index() { close(); }

  void append(time_type time, const V& value) {
    unlogged none;
    append(time, value, none);
  }
  /// @param log  puts the record of it into the log: logged_write
  template <class Log>
  void append(time_type time, const V& value, Log& log) {
    writer_.append(time, value, log);
  }

  /// Appends rows that are seen whole or not at all.
  /// @param rows  has size(), time(i), value(i)
  template <class Rows>
  void append_batch(const Rows& rows) {
    unlogged none;
    append_batch(rows, none);
  }
  template <class Rows, class Log>
  void append_batch(const Rows& rows, Log& log) {
    if (rows.size() != 0) writer_.append_batch(rows, log);
  }
  /// Does the same for a range of pairs.
  template <range_of_rows<V> Range>
  void append(Range&& range) {
    with_rows<V>(range, [this](const auto& rows) { this->append_batch(rows); });
  }
  /// Does the same for two columns. @errors errc::invalid_argument when they are not equally long
  void append(std::span<const time_type> times, std::span<const V> values) {
    if (times.size() != values.size()) {
      throw error{errc::invalid_argument, "as many times as values are needed"};
    }
    append_batch(column_pair<V>{times, values});
  }
  [[nodiscard]] time_type now() const {
    return System::now().time_since_epoch() / core_.options.unit;
  }

  /// Deletes what was inserted before, in closed bounds. Empty ones do nothing.
  void erase(const bounds& in) {
    unlogged none;
    erase(in, none);
  }
  template <class Log>
  void erase(const bounds& in, Log& log) {
    if (!in.empty()) writer_.erase(in, log);
  }

  /// Carries out deletions and then appends rows, as one write that is seen whole or not at all.
  template <class Rows, class Log>
  void apply(std::span<const bounds> hidden, const Rows& rows, Log& log) {
    if (hidden.empty()) return append_batch(rows, log);
    writer_.apply(hidden, rows, log);
  }

  [[nodiscard]] time_snapshot<V> snapshot() const { return time_snapshot<V>{core_.snapshot()}; }

  /// Brings every row out of the memtables. @blocks for the sealing
  void flush() {
    writer_.freeze();
    maintainer_.drain();
  }
  /// Merges everything into one level and removes what was deleted.
  /// @blocks for all of it  @cost O(rows)
  void compact() {
    compact([] {});
  }
  /// Does the same, and calls a function where more should be stored before it goes on.
  template <class F>
  void compact(F relieve) {
    writer_.freeze();
    maintainer_.compact(relieve);
  }
  /// Does one step of maintenance; returns whether there was one to do.
  bool maintain() { return maintainer_.step(); }

  // --- for the durable log ---

  /// Begins a checkpoint; what is written later is not in it. Then reach_mark() is to be called.
  /// @param look  is called while nobody writes
  template <class F>
  [[nodiscard]] view<V> mark(F look) {
    return writer_.mark(look);
  }
  /// Seals what there was at the mark. @return  all that is sealed, and nothing younger
  [[nodiscard]] std::shared_ptr<const tree<V>> reach_mark() { return maintainer_.reach_mark(); }
  void exchange(const slice_exchange<V>& of) { maintainer_.exchange(of); }
  /// Replaces everything by what a checkpoint says.
  void load(std::shared_ptr<const tree<V>> sealed, const fragments& deleted,
            std::uint64_t deletions) {
    maintainer_.restart([&] {
      writer_.reset(std::move(sealed), std::make_shared<const tombstones>(deleted), deletions);
    });
  }
  /// Says that there were so many deletions at least, though some of them were lost.
  void pass_deletions(std::uint64_t upto) { writer_.pass_deletions(upto); }
  /// Says whether somebody stores what is sealed.
  void set_stores(bool stores) {
    core_.unstored.set_stores(stores);
    core_.signals.progress.signal();
    core_.signals.rouse();
  }
  /// Tells whether so much is sealed and not stored that no more should come before it is.
  [[nodiscard]] bool is_laden() const { return core_.unstored.is_laden(); }
  /// Tells whether a write is to wait until more is stored.
  [[nodiscard]] bool is_full() const { return core_.unstored.is_full(); }
  /// Waits until is_full() may have changed. @param wake  is told first that somebody waits
  template <class Wake>
  void wait_for_room(Wake wake) {
    core_.counted.stalls.fetch_add(1, std::memory_order_relaxed);
    const auto ticket = core_.signals.progress.ticket();
    if (!is_full()) return;
    wake();
    core_.signals.progress.wait(ticket);
  }
  [[nodiscard]] const block_cache_ptr<V>& cache() const { return core_.cache; }
  [[nodiscard]] counters& counted() { return core_.counted; }
  /// Tells whether so much is in memory that is sealed that it should be stored.
  [[nodiscard]] bool is_heavy() const { return core_.unstored.is_heavy(); }
  /// Tells whether more is in memory than should be, of a log that is open to read.
  [[nodiscard]] bool is_overgrown() const { return core_.unstored.is_overgrown(); }
  /// Returns how many of some rows go into one block of the log.
  [[nodiscard]] std::size_t rows_of_block(const columns<V>& rows) const {
    const std::size_t most = std::min(block_max.rows, core_.limits.partition.rows);
    return fitting(rows.values, std::min(rows.size, most), block_max.bytes);
  }

  [[nodiscard]] timelsm_stats stats() const {
    timelsm_stats all = figures_of(core_);
    all.rows_appended = writer_.appended();
    all.deletions = writer_.deletions();
    return all;
  }

  /// Checks every invariant of the structure, and that counts agree with scans.
  /// @return  what does not hold, in words; empty: all is well
  /// @cost    reads everything
  [[nodiscard]] std::vector<std::string> validate() const {
    return validator<V>{core_.snapshot(), core_.options, core_.limits}.run();
  }

  /// Ends maintenance; later writes throw errc::closed, snapshots can still be read.
  void close() {
    if (is_forked()) return platform::forget_thread(thread_);  // the rest is the parent's
    refuse_writes();
    stop_maintaining();
  }
  /// Tells whether this is a child of the process that made the index, and what is locked here may
  /// be so for ever.
  [[nodiscard]] bool is_forked() const { return forks_ != System::forks(); }
  /// Lets the writes that have begun end, and no others begin.
  void refuse_writes() { writer_.close(); }
  /// Ends the thread that maintains; to be called when nobody writes any more.
  void stop_maintaining() {
    stopping_.store(true, std::memory_order_release);
    core_.signals.work.signal();
    guard lock{close_mutex_};
    if (thread_.joinable()) thread_.join();
  }

 private:
  using guard = typename core<V, System>::guard;

  static constexpr std::chrono::milliseconds idle_min{100};

  static std::uint32_t counted_forks() {
    System::count_forks();
    return System::forks();
  }
  static const options& require_valid(const options& chosen) {
    if (const char* const fault = chosen.fault()) throw error{errc::invalid_argument, fault};
    return chosen;
  }

  void maintain_on() {
    while (!stopping_.load(std::memory_order_acquire)) {
      const auto ticket = core_.signals.work.ticket();
      if (try_step()) continue;
      if (!stopping_.load(std::memory_order_acquire) &&
          !core_.signals.roused.load(std::memory_order_acquire))
        rest(ticket);
    }
  }

  /// Waits for work; memory that is kept for the next blocks is given back before a long rest.
  void rest(std::uint32_t ticket) {
    if (core_.signals.work.wait(ticket, idle_min)) return;
    core_.memory->trim();
    core_.signals.work.wait(ticket);
  }

  /// Does a step; what goes wrong in it has changed nothing, is counted, and tried again when there
  /// is more to do.
  bool try_step() {
    try {
      const bool done = maintainer_.step();
      core_.signals.fails.store(false, std::memory_order_release);
      return done;
    } catch (const std::exception& failure) {
      core_.signals.fails.store(true, std::memory_order_release);
      core_.signals.progress.signal();
      core_.complain(failure.what());
      return false;
    }
  }

  std::uint32_t forks_ = counted_forks();  // when it was made
  core<V, System> core_;
  maintainer<V, System> maintainer_{core_};
  writer<V, System> writer_{core_, [this] { try_step(); }};
  typename core<V, System>::mutex close_mutex_;
  platform::atomic<bool> stopping_ = false;  // followed by a signal of core_.signals.work
  typename System::thread thread_;           // guarded by close_mutex_ once it runs
};

}  // namespace logdb::timelsm
