// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Makes the summaries of a log's sealed segments, in the background or by hand.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/error.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/index/summaries/summarise.hpp>
#include <logdb/index/summaries/summary_file.hpp>
#include <logdb/index/summaries/summary_slot.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/process/fork_counter.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/query/summary/build/builder.hpp>
#include <logdb/types.hpp>

namespace logdb {

/// How an event log summarises its sealed segments.
struct summarising_options {
  static constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();

  /// whether a thread of the log does it; else only `summarise()` does
  bool in_background = true;
  /// reads at most so fast
  std::uint64_t bytes_per_second = unlimited;
  /// a segment whose summary would take more memory while it is made has none
  std::uint64_t memory_bytes_max = std::uint64_t{256} << 20;
  /// of a segment's bytes, for its summary; what does not fit is left out
  double share_max = 0.05;
  /// of records in a block, at least 256; a record that is larger is one
  std::size_t block_bytes = 64u << 10;

  /// Returns what is out of its range; null: nothing.
  [[nodiscard]] const char* fault() const {
    if (bytes_per_second == 0) return "index.summaries.bytes_per_second must not be 0";
    if (!(share_max >= 0)) return "index.summaries.share_max must be at least 0";
    return block_bytes >= 256 ? nullptr : "index.summaries.block_bytes must be at least 256";
  }
};

/// What there is of summaries.
struct summary_stats {
  std::uint64_t segments = 0;       ///< sealed ones, of a storage that keeps summaries
  std::uint64_t summarised = 0;     ///< of those, have a summary
  std::uint64_t without = 0;        ///< of those, are to have none: it would not fit its budget
  std::uint64_t bytes_behind = 0;   ///< of those that wait for their summary
  std::uint64_t summary_bytes = 0;  ///< of summaries on disk, where the storage can tell
  std::uint64_t failures = 0;  ///< attempts of this open that failed, for want of room for example
};

namespace detail {

/// Summarises the segments of one log, the newest first. Takes no lock that an append or a seal
/// waits for.
///
/// @threads  any; one at a time makes summaries, of all processes
template <class Policies>
class summariser {
 public:
  using system = typename Policies::storage::system;
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  summariser(index_view<Policies>& view, const summarising_options& chosen,
             query::summary_options shape)
      : view_{view}, options_{chosen}, shape_{std::move(shape)} {}
  summariser(const summariser&) = delete;
  summariser& operator=(const summariser&) = delete;
  ~summariser() { stop(); }

  /// Begins the work in the background.
  void start() {
    if (!keeps_summaries<Policies> || view_.follows() || !options_.in_background) return;
    thread_ = typename system::thread{[this] { work(); }};
  }

  /// Ends what is under way; what was not finished is as it was.
  void stop() {
    if (view_.follows()) return;
    if (view_.is_forked()) return platform::forget_thread(thread_);
    stopping_.store(true, std::memory_order_release);
    view_.settled().signal();
    if (thread_.joinable()) thread_.join();
    const guard by_hand{mutex_};  // nothing may be written behind the end of the log
  }

  /// Makes all summaries that are missing, unless another process does.
  /// @errors  errc::no_space, errc::io, errc::closed; what was finished stays
  void run() {
    if constexpr (keeps_summaries<Policies>) {
      const guard lock{mutex_};
      if (is_stopping()) throw error{errc::closed, "the log was closed"};
      view_.settle_sealed();
      const auto mine = view_.take_rewrite_turn([this] { return !is_stopping(); });
      if (mine) summarise_all();
    }
  }

  [[nodiscard]] summary_stats stats() {
    summary_stats found;
    found.failures = failures_.load(std::memory_order_relaxed);
    const auto list = view_.scope().list;
    for (const auto& each : list->log) {
      if (is_summarisable(*each)) add(*each, found);
    }
    return found;
  }

 private:
  static constexpr bool is_shared = index_view<Policies>::is_shared;
  // How long a process waits that others may leave summaries to, or seal segments for.
  static constexpr std::chrono::seconds look_time{1};

  [[nodiscard]] bool is_stopping() const { return stopping_.load(std::memory_order_acquire); }

  void work() {
    while (!is_stopping()) {
      const auto ticket = view_.settled().ticket();
      try {
        const guard lock{mutex_};
        if (const auto mine = view_.take_rewrite_turn([] { return false; })) summarise_all();
      } catch (const std::exception&) {
        // The segment is read as it is; the next one that is sealed brings the next attempt.
        failures_.fetch_add(1, std::memory_order_relaxed);
      }
      if (is_stopping()) return;
      std::optional<std::chrono::nanoseconds> time;
      if (is_shared) time = look_time;
      view_.settled().wait(ticket, time);
    }
  }

  /// Removes summaries of segments that are gone, which a crash has left.
  void remove_orphans() {
    const auto list = view_.catch_up();
    for (const std::string& name : list->log.front()->volume()->names()) {
      const auto number = format::parse_summary_name(name);
      if (number && !list->has(*number)) list->log.front()->volume()->remove(name);
    }
  }

  void summarise_all() {
    if (!std::exchange(tidied_, true)) remove_orphans();
    while (!is_stopping()) {
      const auto list = view_.catch_up();
      const auto next = std::find_if(list->log.rbegin(), list->log.rend(),
                                     [](const auto& each) { return is_wanted(*each); });
      if (next == list->log.rend()) return;
      summarise(*list, **next);
    }
  }

  /// Tells whether the summary of a segment is to be made.
  static bool is_wanted(segment<Policies>& of) {
    if (!is_summarisable(of)) return false;
    summary_slot& slot = of.entries().summary();
    if (slot.known() == summary_slot::state::unknown &&
        of.volume()->exists(format::summary_name(of.number()))) {
      slot.note(summary_slot::state::there);
    }
    return slot.known() == summary_slot::state::unknown ||
           slot.known() == summary_slot::state::wanted;
  }

  void summarise(const segment_list<Policies>& list, segment<Policies>& of) {
    query::summary_builder builder{summary_identity_of(of, 0), shape_};
    const auto add = [&builder](const query::summary_record& each) { builder.add(each); };
    summary_reader<Policies, decltype(add)> reader{list, add};
    const bool whole = is_read(reader, of, [&](std::uint64_t bytes) {
      return pause(bytes) && builder.memory_bytes() <= options_.memory_bytes_max / 2;
    });
    if (is_stopping()) return;
    const auto made = whole ? builder.finish() : std::nullopt;
    summary_slot& slot = of.entries().summary();
    if (!made) return slot.note(summary_slot::state::none);
    write_summary(of, *made);
    if (slot.known() != summary_slot::state::wanted) return slot.note(summary_slot::state::there);
    // What was refused is shown no more.
    if (auto opened = open_summary_file(of, query::options_hash(shape_))) {
      slot.show(std::move(opened));
    } else {
      slot.note(summary_slot::state::none);
    }
  }

  /// Reads a segment; false: not to its end. One that is damaged or cannot be read keeps no other
  /// from its summary.
  template <class Reader, class GoesOn>
  bool is_read(Reader& reader, segment<Policies>& of, GoesOn&& goes_on) {
    try {
      return reader.read(of, goes_on);
    } catch (const error& thrown) {
      if (thrown.condition() != errc::corrupt && thrown.condition() != errc::io) throw;
    }
    failures_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }

  void add(segment<Policies>& of, summary_stats& found) {
    ++found.segments;
    const auto known = of.entries().summary().known();
    const auto name = format::summary_name(of.number());
    if (known == summary_slot::state::none) {
      ++found.without;
    } else if (known != summary_slot::state::wanted && of.volume()->exists(name)) {
      ++found.summarised;
      found.summary_bytes +=
          storage_traits<typename Policies::storage>::size_of(*of.volume(), name).value_or(0);
    } else {
      found.bytes_behind += of.end_offset();
    }
  }

  /// Waits as long as the wanted speed asks for; false: it is to end.
  bool pause(std::uint64_t bytes) {
    if (options_.bytes_per_second == summarising_options::unlimited) return !is_stopping();
    const double seconds =
        static_cast<double>(bytes) / static_cast<double>(options_.bytes_per_second);
    const auto until = system::uptime() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                              std::chrono::duration<double>{seconds});
    while (!is_stopping()) {
      const auto ticket = view_.settled().ticket();
      const auto left = until - system::uptime();
      if (left <= std::chrono::nanoseconds{0}) return true;
      if (!is_stopping()) view_.settled().wait(ticket, left);
    }
    return false;
  }

  index_view<Policies>& view_;
  summarising_options options_;
  query::summary_options shape_;
  mutex mutex_;          // one summary at a time; held over the disk
  bool tidied_ = false;  // guarded by mutex_
  platform::atomic<std::uint64_t> failures_ = 0;
  // Set by stop(), which then signals settled(): whoever took its ticket before sees it, or wakes.
  platform::atomic<bool> stopping_ = false;
  typename system::thread thread_;
};

}  // namespace detail
}  // namespace logdb
