// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A log opened to read only: beside a writer of another process, or of what one left behind.

#include <chrono>
#include <memory>
#include <stop_token>
#include <string_view>
#include <utility>

#include <logdb/journal/log_state.hpp>
#include <logdb/journal/read/verify.hpp>
#include <logdb/journal/share/followed_log.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/process/fork_counter.hpp>
#include <logdb/policy/durability.hpp>

namespace logdb::detail {

/// The reading half of a log: takes no lock, writes nothing, needs no permission to write.
///
/// The writer's control file says how far records may be read. Without one - closed, or the machine
/// was restarted since - the end is found by a scan.
///
/// @threads  any, for every member
template <class Policies>
class follower {
 public:
  using storage = typename Policies::storage;
  using system = typename storage::system;
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  /// @errors  errc::not_found, errc::not_a_log, errc::format_mismatch, errc::corrupt
  follower(std::shared_ptr<storage> volume, const basic_options<Policies>& options)
      : volume_{std::move(volume)},
        options_{options},
        log_{volume_,
             {.index = options.index,
              .recovery = options.recovery,
              .readable = Policies::durability::readable,
              .has_many_writers = Policies::locking::shared_writers}} {
    opener_.take();
    log_.refresh();
    store_ = log_.segments().store();
    report_ = log_.report();
    report_.clean = !log_.writers();
    report_.first = log_.scope().first;
    report_.last = log_.scope().last;
    report_.records = (report_.last + 1) - report_.first;
  }

  [[nodiscard]] read_scope<Policies> scope() {
    require_own();
    guard lock{mutex_};
    log_.refresh();
    return log_.scope();
  }

  [[nodiscard]] lsn cursor(std::string_view name) {
    require_own();
    guard lock{mutex_};
    log_.refresh();
    return log_.segments().cursor(name);
  }

  /// Waits until there is more, or a stop is requested: until a writer rings, or where none does,
  /// or not for this process, looks each millisecond.
  [[nodiscard]] bool wait_beyond(lsn seen, const std::stop_token& stop) {
    require_own();
    const std::stop_callback wake{stop, [this] { rouse(); }};
    for (;;) {
      const auto ticket = stopped_.ticket();
      const auto woken = find_bell();
      const auto rung = woken ? woken->ticket() : 0;
      if (stop.stop_requested() || closed_.load(std::memory_order_acquire)) return false;
      if (scope().last > seen) return true;
      if (find_bell() != woken) continue;  // other writers by now
      woken ? woken->wait(rung) : (void)stopped_.wait(ticket, std::chrono::milliseconds{1});
    }
  }

  /// Returns what an index that lives as long as the log sees of it.
  [[nodiscard]] index_view<Policies> view() { return index_view<Policies>{*this}; }
  [[nodiscard]] const basic_options<Policies>& options() const { return options_; }
  [[nodiscard]] const identity& store() const { return store_; }

  void close() {
    if (!opener_.is_own()) return;
    closed_.store(true, std::memory_order_release);
    rouse();
  }

  [[nodiscard]] bool is_closed() const { return closed_.load(std::memory_order_acquire); }
  /// Throws in a child of the process that opened the log. @errors errc::closed
  void require_own() const {
    if (!opener_.is_own()) throw_in_child(path());
  }
  void require_usable() const {
    require_own();
    if (is_closed()) throw_closed(path());
  }
  [[nodiscard]] const std::filesystem::path& path() const { return volume_->path(); }
  [[nodiscard]] verification verify() { return verifier<Policies>{scope()}.run(); }
  [[nodiscard]] const recovery_report& report() const { return report_; }

  [[nodiscard]] log_stats stats() {
    const auto now = scope();
    log_stats stats{.records = (now.last + 1) - now.first};
    stats.segments = now.list->log.size() + now.list->attached.size();
    for (const auto& segment : now.list->log) stats.bytes_on_disk += segment->capacity();
    for (const auto& segment : now.list->attached) stats.bytes_on_disk += segment->capacity();
    return stats;
  }

 private:
  [[nodiscard]] auto find_bell() {
    guard lock{mutex_};
    return log_.writers().find_bell();
  }

  /// Ends the waits of this process's threads.
  void rouse() {
    stopped_.signal();
    guard lock{mutex_};
    log_.writers().ring_bell();
  }

  platform::claim<system> opener_;
  std::shared_ptr<storage> volume_;
  basic_options<Policies> options_;
  mutex mutex_;
  followed_log<stored_of<Policies>> log_;  // guarded by mutex_
  platform::basic_atomic<system, bool> closed_ = false;
  platform::basic_event<system> stopped_;
  recovery_report report_;  // of the open
  identity store_{};
};

}  // namespace logdb::detail
