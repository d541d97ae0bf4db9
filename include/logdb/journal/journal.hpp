// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A log opened to write: what its parts do together.

#include <memory>
#include <stop_token>
#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/journal/open/recovery.hpp>
#include <logdb/journal/read/verify.hpp>
#include <logdb/journal/share/joining.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/journal/write/appender.hpp>
#include <logdb/journal/write/attachment.hpp>
#include <logdb/journal/write/workers.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

/// The writing half of a log.
///
/// @threads  any, for every member
template <class Policies>
class journal {
 public:
  using core_type = journal_state<Policies>;
  using storage = typename Policies::storage;
  using guard = typename core_type::guard;
  using append_guard = typename core_type::append_guard;

  journal(std::shared_ptr<storage> volume, const basic_options<Policies>& options)
      : lease_{std::in_place, examined(*volume, options.recovery), options.locking},
        core_{volume, options, recovery<Policies>::start(*volume, options.recovery, &*lease_)},
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
  [[nodiscard]] read_scope<Policies> scope() {
    core_.life.require_usable();
    return last_scope();
  }

  /// Does so of a log that was closed, too: what it had then.
  [[nodiscard]] read_scope<Policies> last_scope() {
    core_.life.require_own();
    const lsn last = readable();
    // After the watermark: the list then holds every segment that it covers.
    auto list = view_.catch_up();
    const lsn first = list->log.front()->base();
    // Others may have gone on meanwhile, and given up all that was there.
    return {std::move(list), first, std::max(last, first - 1),
            core_.options.recovery == recovery_mode::salvage};
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

  /// Waits until a reader may see more than up to `seen`; false when there will be no more, or on a
  /// stop.
  [[nodiscard]] bool wait_beyond(lsn seen, const std::stop_token& stop) {
    core_.life.require_own();
    if (!core_.life.is_open()) return false;
    const std::stop_callback wake{stop, [this] { core_.signals.progress().signal(); }};
    const watching scope{core_};
    for (;;) {
      const auto ticket = core_.signals.progress().ticket();
      core_.life.look_for_failure();
      if (stop.stop_requested() || !core_.life.is_open()) return false;
      if (core_.reached_lsn(Policies::durability::readable) > seen) return true;
      if constexpr (core_type::is_shared) {
        core_.signals.watch();
        core_.signals.progress().wait(ticket, core_.signals.watch_time / 2);
      } else {
        core_.signals.progress().wait(ticket);
      }
    }
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
  void close() {
    if (core_.life.is_forked())
      return workers_.abandon();  // all of it is the parent's, the lock too
    guard lock{close_mutex_};
    if (std::exchange(closed_, true)) return;
    refuse_appends();
    workers_.stop();
    core_.signals.progress().signal();
    bool last = true;  // of those that have it open
    try {
      if constexpr (core_type::is_shared) last = lease_->try_close();
      last ? settle() : leave();
    } catch (...) {
      end(false);
      throw;
    }
    end(last);
  }

 private:
  /// Counts a reader that waits, and makes the next append notice.
  struct watching {
    explicit watching(core_type& watched) : core{watched} {
      core.signals.count_reader();
      append_guard lock{core.append_mutex};
      core.limit_appends({});
      core.signals.work.signal();
    }
    watching(const watching&) = delete;
    watching& operator=(const watching&) = delete;
    ~watching() { core.signals.forget_reader(); }
    core_type& core;
  };

  /// Refuses a place that is no log before a lock file is made in it.
  static storage& examined(storage& volume, recovery_mode mode) {
    storage::system::count_forks();
    (void)recovery<Policies>::start(volume, mode);
    return volume;
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

  void refuse_appends() {
    append_guard lock{core_.append_mutex};
    core_.life.begin_close();
    core_.limit_appends({});
  }

  /// Returns up to where the segments may be read, brought up to date if the policy shows more.
  [[nodiscard]] lsn readable() {
    if constexpr (Policies::durability::readable != watermark::durable) {
      const log_state now = core_.life.now();
      if (now == log_state::open || now == log_state::closed) {
        commits_.wait(core_.reached(watermark::appended), watermark::written);
        return core_.reached_lsn(watermark::written);
      }
      // What was closed as it should be has been brought to the segments, all of it.
      if (now == log_state::ended && core_.control().failed.load(std::memory_order_acquire) == 0)
        return core_.reached_lsn(watermark::written);
    }
    return durable_lsn();
  }

  /// Ends the right to write, in this one place: nothing leads, publishes or unlinks any more when
  /// the lease is given back, also of a log that has failed.
  void end(bool settled) {
    commits_.end();
    keeper_.end();
    core_.signals.progress().signal();
    storage& volume = *core_.segments.volume();
    storage_traits<storage>::close(volume, settled);
    if constexpr (core_type::is_shared) {
      if (settled) lease_->discard();
    }
    lease_.reset();
  }

  /// Brings a core to where it takes appends: alone, or beside the others that have the log open.
  recovery_report begin() {
    core_type::system::count_forks();
    core_.life.claim();
    if constexpr (core_type::is_shared) {
      auto report =
          lease_->is_first() ? recovery<Policies>{core_}.run() : joining<Policies>{core_}.run();
      commits_.sit_at(lease_->place());
      view_.catch_up();
      return report;
    } else {
      return recovery<Policies>{core_}.run();
    }
  }

  /// Brings all that was appended to where it should be before the log is left.
  void bring(watermark level) {
    core_.life.require_writable();
    commits_.wait(core_.reached(watermark::appended), level);
  }

  /// Leaves the log to the others that have it open.
  void leave() { bring(watermark::durable); }

  /// Leaves the store so that the next open begins where this one ends, without a scan.
  void settle() {
    constexpr bool syncs = has_step<durability_point::close_sync>;
    bring(syncs ? watermark::durable : watermark::written);
    keeper_.chores();
    settle_active();
    core_.segments.publish();
    core_.control().state.store(control_state::closed, std::memory_order_release);
    core_.signals.progress().signal();  // readers look for the next one's
    core_.segments.volume()->remove(format::control_name);
  }

  void settle_active() {
    append_guard lock{core_.append_mutex};
    const auto& active = core_.append.extents.back();
    // The one that the manifest is made of; where others write, too, it is another object.
    const auto listed = core_.segments.list()->find_log(active.segment->number());
    // It was listed before a record went into it, and chores() has learned of every manifest since.
    LOGDB_EXPECTS(listed != nullptr);
    listed->seal(last_lsn() + 1, core_.reached(watermark::appended) - active.base);
    settle_whole(core_.segments, *listed);
  }

  using lease = typename Policies::locking::template lease<storage>;

  std::optional<lease> lease_;
  core_type core_;
  committer<Policies> commits_{core_};
  view_of<Policies> view_{core_};
  keeper<Policies> keeper_{core_, commits_, view_};
  appender<Policies> appender_{core_, commits_, keeper_};
  recovery_report report_;
  workers<Policies> workers_{core_, commits_, keeper_};
  typename core_type::mutex close_mutex_;
  bool closed_ = false;  // guarded by close_mutex_
};

}  // namespace logdb::detail
