// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A log opened to write: what its parts do together.

#include <memory>
#include <stop_token>
#include <utility>

#include <logdb/journal/closing.hpp>
#include <logdb/journal/open/start.hpp>
#include <logdb/journal/read/verify.hpp>
#include <logdb/journal/recover/recovery.hpp>
#include <logdb/journal/share/joining.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/journal/view/shown_records.hpp>
#include <logdb/journal/write/appender.hpp>
#include <logdb/journal/write/attachment.hpp>
#include <logdb/journal/write/workers.hpp>

namespace logdb::detail {

/// The writing half of a log.
///
/// @threads  any, for every member
template <class Policies>
class journal {
 public:
  using core_type = journal_state<Policies>;
  using storage = typename Policies::storage;

  journal(std::shared_ptr<storage> volume, const basic_options<Policies>& options)
      : lease_{std::in_place, examined(*volume, options.recovery), options.locking},
        core_{volume, options,
              starting_manifest<stored_of<Policies>>(*volume, options.recovery, is_first())},
        report_{begin()} {
    if constexpr (core_type::is_shared) lease_->admit_others();
    keeper_.retain();
    workers_.start();
  }
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;
  ~journal() {
    try {
      close();
    } catch (const std::exception&) {
      // close() is where errors are seen; what was accepted is in staging for the next opener.
    }
  }

  /// @errors  errc::record_too_large
  void require_size(std::uint64_t bytes) const {
    if (bytes <= core_.options.record_bytes_max) [[likely]]
      return;
    throw error{errc::record_too_large,
                "a record of " + std::to_string(bytes) + " bytes; record_bytes_max is " +
                    std::to_string(core_.options.record_bytes_max),
                {.path = core_.segments.volume()->path()}};
  }

  lsn append(bytes_view record) {
    core_.life.require_own();
    require_size(record.size());
    const std::size_t length = record.size();
    if (!appender_.fits(length)) return acknowledge(place_attached({record, {&length, 1}}));
    return acknowledge(appender_.put(format::frame_kind::record, 1, record));
  }

  lsn append(const batch_builder& batch) { return acknowledge(place(batch)); }
  /// Commits what was gathered in a segment of its own.
  lsn append(attachment<Policies>& large) { return acknowledge(place(large)); }

  /// Puts a batch into the log.
  /// @errors  as append(); nothing was put, and the batch is what it was
  ticket place(const batch_builder& batch) {
    core_.life.require_own();
    if (batch.empty()) {
      core_.life.require_open();
      return {last_lsn(), {}};
    }
    require_size(batch.longest());
    const auto table = batch.table();
    if (batch.count() > format::frame_count_max ||
        !appender_.fits(table.size() + batch.bytes().size())) {
      return place_attached(batch.view());
    }
    return appender_.put(batch.kind(), static_cast<std::uint32_t>(batch.count()), table,
                         batch.bytes());
  }
  ticket place(attachment<Policies>& large) {
    core_.life.require_open();
    const std::uint64_t records = large.records();
    if (records == 0) return {last_lsn(), {}};
    const ticket put = appender_.put_attached(large.finish(), records);
    large.release();
    return put;
  }
  /// Waits as the durability policy says. @errors errc::failed
  lsn acknowledge(const ticket& put) {
    Policies::durability::acknowledge(commits_, put.end.value());
    return put.last;
  }

  /// Moves a named cursor. @errors errc::invalid_argument beyond the last record, and as append()
  void set_cursor(const format::cursor& cursor) {
    core_.life.require_open();
    require_appended(cursor.at);
    acknowledge(appender_.put_cursor(cursor));
  }
  [[nodiscard]] lsn cursor(std::string_view name) {
    core_.life.require_usable();
    if constexpr (core_type::is_shared) (void)scope();  // the last may be another process's
    return core_.segments.cursor(name);
  }

  void sync() {
    core_.life.require_open();
    commits_.wait(core_.reached(watermark::appended), watermark::durable);
  }

  void wait_durable(lsn at) {
    require_appended(at);
    if (at > durable_lsn()) commits_.wait(core_.reached(watermark::appended), watermark::durable);
  }

  [[nodiscard]] lsn last_lsn() const { return core_.reached_lsn(watermark::appended); }
  [[nodiscard]] lsn durable_lsn() const { return core_.reached_lsn(watermark::durable); }
  [[nodiscard]] lsn first_lsn() {
    core_.segments.refresh();
    return core_.segments.list()->log.front()->base();
  }

  /// Returns what a reader may see now; brings it from staging to the segments first.
  [[nodiscard]] read_scope<Policies> scope() { return shown_.scope(); }
  /// Does so of a log that was closed, too: what it had then.
  [[nodiscard]] read_scope<Policies> last_scope() { return shown_.last_scope(); }
  /// Waits until a reader may see more than up to `seen`; false when there will be no more, or on a
  /// stop.
  [[nodiscard]] bool wait_beyond(lsn seen, const std::stop_token& stop) {
    return shown_.wait_beyond(seen, stop);
  }

  /// Learns what others did to the segments, and returns them; brings nothing there from staging.
  [[nodiscard]] segment_list_ptr<Policies> catch_up() { return view_.catch_up(); }

  /// Returns the word in which this process says what its snapshots keep from compaction.
  [[nodiscard]] auto& held_word() { return core_.control().waiters[lease_->place()].held; }

  /// Returns the lowest record at which some other process has a snapshot; one above all: none has.
  [[nodiscard]] lsn lowest_held_elsewhere() {
    lsn lowest = format::lsn_max;
    auto& shared = core_.control();
    const std::size_t used = std::min<std::size_t>(
        shared.waiters_used.load(std::memory_order_acquire), shared.waiters.size());
    for (std::size_t place = 0; place < used; ++place) {
      auto& held = shared.waiters[place].held;
      if (place == lease_->place() || held.load(std::memory_order_seq_cst) == 0) continue;
      lease_->if_gone(place, [&held] { held.store(0, std::memory_order_seq_cst); });
      // Again, and once: it may have come to hold less, or none.
      const std::uint64_t now = held.load(std::memory_order_seq_cst);
      if (now != 0) lowest = std::min(lowest, lsn{now - 1});
    }
    return lowest;
  }

  /// Gives up whole sealed segments below a record, and what is attached to them but for `kept`.
  /// Where no record is to stay, the active segment is sealed first and goes, too.
  lsn truncate_front(lsn first_kept, std::span<const segment_number> kept = {}) {
    core_.life.require_open();
    const lsn end = last_lsn() + 1;
    if (first_kept >= end) view().seal_active();
    core_.segments.drop_front(std::min(first_kept, end), kept);
    return first_lsn();
  }

  [[nodiscard]] loss_window window() const {
    const lsn durable = durable_lsn();
    const stream_position reached = core_.reached(watermark::durable);
    loss_window now{.records = last_lsn() - durable};
    now.bytes = core_.reached(watermark::appended) - reached;
    const auto age = core_.age_of_oldest().value_or(std::chrono::nanoseconds{0});
    if (now.bytes != 0 && age != std::chrono::nanoseconds::max()) now.age = age;
    return now;
  }

  [[nodiscard]] log_stats stats() {
    if constexpr (core_type::is_shared) (void)scope();  // attached segments are met in the log
    const auto list = core_.segments.list();
    log_stats now{.records = (last_lsn() + 1) - list->log.front()->base()};
    now.records_appended = last_lsn() - report_.last;
    now.bytes_appended = core_.reached(watermark::appended) - stream_begin +
                         core_.counters.attached_bytes.load(std::memory_order_relaxed);
    now.groups = core_.counters.groups.load(std::memory_order_relaxed);
    now.syncs = core_.counters.syncs.load(std::memory_order_relaxed);
    now.heals = core_.control().heals.load(std::memory_order_relaxed);
    now.segments = list->log.size() + list->attached.size();
    now.bytes_on_disk = core_.ring.bytes();
    for (const auto& segment : list->log) now.bytes_on_disk += segment->disk_bytes();
    for (const auto& segment : list->attached) now.bytes_on_disk += segment->disk_bytes();
    const auto age_max = retention_of(core_.options).age_max;
    now.clock_leapt = segment_ages<Policies>{*list, age_max, core_type::system::now()}.leapt();
    return now;
  }

  [[nodiscard]] verification verify() { return verifier<Policies>{scope()}.run(); }
  void require_own() const { core_.life.require_own(); }
  void require_usable() const { core_.life.require_usable(); }
  [[nodiscard]] const std::filesystem::path& path() const {
    return core_.segments.volume()->path();
  }
  [[nodiscard]] const recovery_report& report() const { return report_; }
  [[nodiscard]] core_type& core() { return core_; }
  /// Returns what an index that lives as long as the log sees of it.
  [[nodiscard]] index_view<Policies> view() { return {*this, core_, commits_, keeper_, appender_}; }

  /// Brings everything to stable storage and ends the log. Again: does nothing.
  void close() { closing_.run(); }

 private:
  /// Refuses a place that is no log before a lock file is made in it.
  static storage& examined(storage& volume, recovery_mode mode) {
    storage::system::count_forks();
    (void)starting_manifest<stored_of<Policies>>(volume, mode, false);
    return volume;
  }

  /// Tells whether no other process has the log open to write.
  [[nodiscard]] bool is_first() const {
    if constexpr (core_type::is_shared) return lease_->is_first();
    return true;
  }

  void require_appended(lsn at) const {
    const lsn last = last_lsn();
    if (at <= last) return;
    throw error{errc::invalid_argument,
                "no record was appended there yet; the last is lsn " + std::to_string(last.value()),
                {.path = path(), .at = at, .remedy = "give an lsn up to last_lsn()"}};
  }

  ticket place_attached(const batch_view& batch) {
    attachment<Policies> large{core_};
    large.add(batch);
    return place(large);
  }

  /// Brings a core to where it takes appends: alone, or beside the others that have the log open.
  recovery_report begin() {
    core_type::system::count_forks();
    core_.life.claim();
    if constexpr (core_type::is_shared) {
      auto report = is_first() ? recovery<Policies>{core_}.run() : joining<Policies>{core_}.run();
      commits_.sit_at(lease_->place());
      view_.catch_up();
      return report;
    } else {
      return recovery<Policies>{core_}.run();
    }
  }

  using lease = typename Policies::locking::template lease<storage>;

  std::optional<lease> lease_;
  core_type core_;
  committer<Policies> commits_{core_};
  view_of<Policies> view_{core_};
  keeper<Policies> keeper_{core_, commits_, view_};
  appender<Policies> appender_{core_, commits_, keeper_};
  shown_records<Policies> shown_{core_, commits_, view_};
  recovery_report report_;
  workers<Policies> workers_{core_, commits_, keeper_};
  closing<Policies> closing_{core_, commits_, keeper_, workers_, lease_};
};

}  // namespace logdb::detail
