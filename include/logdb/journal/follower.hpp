// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A log opened to read only: beside a writer of another process, or of what one left behind.

#include <algorithm>
#include <iterator>
#include <memory>
#include <stop_token>
#include <utility>

#include <logdb/compiled.hpp>
#include <logdb/journal/log_state.hpp>
#include <logdb/journal/open/drain.hpp>
#include <logdb/journal/open/find_end.hpp>
#include <logdb/journal/open/rebuild.hpp>
#include <logdb/journal/open/staged_view.hpp>
#include <logdb/journal/read/verify.hpp>
#include <logdb/journal/share/bell.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/options.hpp>
#include <logdb/platform/process/fork_counter.hpp>
#include <logdb/policy/durability.hpp>
#include <logdb/policy/storage_traits.hpp>

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
  using table = known_segments<Policies>;
  using guard = typename table::guard;

  /// @errors  errc::not_found, errc::not_a_log, errc::format_mismatch, errc::corrupt
  follower(std::shared_ptr<storage> volume, const basic_options<Policies>& options)
      : volume_{std::move(volume)}, options_{options} {
    opener_.take();
    refresh();
    report_.clean = !ring_;
    report_.first = scope_.first;
    report_.last = scope_.last;
    report_.records = (scope_.last + 1) - scope_.first;
  }

  [[nodiscard]] read_scope<Policies> scope() {
    require_own();
    guard lock{mutex_};
    refresh();
    return scope_;
  }

  [[nodiscard]] lsn cursor(std::string_view name) {
    require_own();
    guard lock{mutex_};
    refresh();
    return segments_->cursor(name);
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
  [[nodiscard]] const identity& store() const { return segments_->store(); }

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
  static constexpr bool sees_accepted = Policies::durability::readable != watermark::durable &&
                                        file_traits<typename storage::file>::maps_private();

  /// Learns of what the writer did since; again if it dropped meanwhile what was to be looked at.
  void refresh();

  /// Learns of what the writer did since. The watermark comes first: the manifest then names all it
  /// covers.
  void look() {
    lsn last = look_at_watermark();
    auto found = read_manifest();
    // What was shown from staging stands in the segments by now.
    const bool outgrown = staged_ && *staged_ && last >= *staged_;
    if (!segments_ || found.generation != generation_ || outgrown) {
      // It may be another writer's by now, with a control file of its own.
      ring_ = {};
      last = look_at_watermark();
      found = read_manifest();
      reload(found);
      const bool shows = !staged_ || *staged_ > last;
      staged_ = shows && show_staged() ? walked_->place.next - 1 : lsn{};
    }
    walk(std::max(last, staged_.value_or(lsn{})));
    scope_.list = segments_->list();
    scope_.first = scope_.list->log.front()->base();
    // A control file may say anything.
    scope_.last = std::clamp(scope_.last, scope_.first - 1, format::lsn_max);
    scope_.salvage = options_.recovery == recovery_mode::salvage;
  }

  /// Shows what is only accepted, where a reader sees that; tells whether there was some.
  bool show_staged() {
    if constexpr (sees_accepted) {
      if (!ring_ || !ring_.is_known()) return false;
      if (!staged_view<stored_of<Policies>>{ring_, *segments_}.show()) return false;
      walk(watermark_lsn());
      return true;
    }
    return false;
  }

  [[nodiscard]] lsn look_at_watermark() {
    attach_control();
    return ring_ ? watermark_lsn() : lsn{};
  }

  /// To salvage a log whose manifest is gone or damaged makes one of the segments, once: a writer
  /// that does so leaves a sound one.
  [[nodiscard]] format::manifest read_manifest() {
    if (rebuilt_ && !is_manifest_sound<stored_of<Policies>>(*volume_)) return *rebuilt_;
    auto found =
        load_or_rebuild<stored_of<Policies>>(*volume_, open_mode::read_only, options_.recovery);
    if (!found) require_no_segments(*volume_);
    if (!found) {
      throw error{errc::not_found,
                  "there is no log here",
                  {.path = volume_->path(), .remedy = create_remedy}};
    }
    const bool salvages = options_.recovery == recovery_mode::salvage;
    if (salvages && !is_manifest_sound<stored_of<Policies>>(*volume_)) rebuilt_ = found;
    return *std::move(found);
  }

  void attach_control() {
    if (ring_ && ring_.header().state.load(std::memory_order_acquire) == control_state::open)
      return;
    ring_ = {};
    bell_.reset();
    asked_ = false;
    staging<storage> found;
    try {
      found = staging<storage>::open(*volume_, open_mode::read_only);
    } catch (const error& gone) {
      if (gone.condition() != errc::not_found) throw;  // else it was closed just now
    }
    if (!found || found.header().state.load(std::memory_order_acquire) != control_state::open)
      return;
    const boot_match boot = match_boot(found);
    if (boot == boot_match::same) ring_ = std::move(found);
    if (boot == boot_match::unknown) throw_boot_unknown();
  }

  [[noreturn]] void throw_boot_unknown() const {
    throw error{errc::unsupported,
                "whether the process that wrote the log is of this boot of the machine cannot be "
                "told: read it where /proc can be read",
                {.path = volume_->path() / format::control_name}};
  }

  /// Returns what writers ring; null: nothing. They are asked once they share the log.
  [[nodiscard]] std::shared_ptr<bell<storage>> find_bell() {
    guard lock{mutex_};
    if (!asked_ && ring_ && ring_.is_current() &&
        ring_.header().waiters_used.load(std::memory_order_acquire) != 0) {
      asked_ = true;
      bell_ = bell<storage>::find(*volume_);
    }
    return bell_;
  }

  /// Ends the waits of this process's threads.
  void rouse() {
    stopped_.signal();
    guard lock{mutex_};
    if (bell_) bell_->ring();
  }

  [[nodiscard]] lsn watermark_lsn() const {
    const auto& shared = ring_.header();
    const auto& last = Policies::durability::readable == watermark::durable ? shared.durable_lsn
                                                                            : shared.written_lsn;
    return lsn{last.load(std::memory_order_acquire)};
  }

  void reload(const format::manifest& found) {
    auto fresh = std::make_unique<table>(volume_, found, options_.index, options_.recovery,
                                         Policies::locking::shared_writers);
    if (segments_ && !was_replaced()) keep_known(*fresh);
    segments_ = std::move(fresh);
    generation_ = found.generation;
    walked_.reset();
    passed_to_ = {};
  }

  /// Tells whether the storage found another file in the place of its own: what is mapped of the
  /// old one no longer grows.
  [[nodiscard]] bool was_replaced() {
    const std::uint64_t now = storage_traits<storage>::replacements(*volume_);
    return std::exchange(replacements_, now) != now;
  }

  /// Takes over the segments that are known already, so that they stay mapped.
  void keep_known(table& fresh) const {
    const auto known = segments_->list();
    fresh.edit([&known](auto& list) {
      for (auto& segment : list.log) {
        const auto same = known->find_log(segment->number(), segment->salt());
        // A walk bounds what the manifest does not yet: that is to be walked again.
        const bool says_the_same = same != nullptr && !same->is_overlaid() &&
                                   segment->end() == same->end() &&
                                   segment->entry() == same->entry();
        if (says_the_same) segment = same;
      }
    });
  }

  /// Walks what the manifest does not bound, from where the last walk ended.
  void walk(lsn last) {
    const auto list = segments_->list();
    if (ring_) {
      // A frame that is just being written is no damage: the walk stops there and goes on next
      // time.
      auto walk = walked_ ? open_walk<stored_of<Policies>>{*list, std::move(*walked_)}
                          : open_walk<stored_of<Policies>>{*list};
      walk.walk_on();
      walked_ = std::move(walk.end());
      const lsn next = walked_->place.next;
      const bool is_damage = next <= last && next != passed_to_;
      if (is_damage && options_.recovery == recovery_mode::salvage) pass_damage(*list, last);
      scope_.last = last;
    } else if (!walked_) {
      walked_ = end_finder<stored_of<Policies>>{*list, options_.recovery, dead_writer{}}.run();
      scope_.last = walked_->place.next - 1;
      report_.damages = walked_->damages;
    }
    report_.scanned_bytes = walked_->scanned_bytes;
    adopt_met(*segments_, *walked_);
  }

  /// Goes on behind what is no frame, though the kernel was given records up to one behind it: no
  /// writer is just at it.
  void pass_damage(const segment_list<Policies>& list, lsn given) {
    walked_ = end_finder<stored_of<Policies>>{list, recovery_mode::salvage, {.kept = given}}.run();
    passed_to_ = walked_->place.next;
    if (scope_.list) return;  // the report is of the open
    for (const damage& each : walked_->damages) {
      if (each.kind == damage_kind::corruption) report_.damages.push_back(each);
    }
  }

  platform::claim<system> opener_;
  std::shared_ptr<storage> volume_;
  basic_options<Policies> options_;
  typename table::mutex mutex_;          // of all below
  staging<storage> ring_;                // the writer's, mapped to read; empty: there is none
  std::shared_ptr<bell<storage>> bell_;  // of the same writers; null: none rings for this process
  bool asked_ = false;                   // whether there is one
  std::unique_ptr<table> segments_;
  std::uint64_t generation_ = 0;
  std::optional<format::manifest> rebuilt_;  // of the segments, while there is no sound one
  std::uint64_t replacements_ = 0;           // of the storage's file, when segments_ was made
  std::optional<log_end<stored_of<Policies>>> walked_;  // of the open part
  lsn passed_to_{};  // of the open part, behind damage; 0: none was passed
  // The last record that was shown from staging; 0: none was; nothing: nobody has looked. Only the
  // first look shows what is staged: a writer that lives writes it soon.
  std::optional<lsn> staged_;
  read_scope<Policies> scope_;
  held_list<Policies> held_;
  recovery_report report_;
  platform::basic_atomic<system, bool> closed_ = false;
  platform::basic_event<system> stopped_;
};

template <class Policies>
LOGDB_INLINE void follower<Policies>::refresh() {
  for (;;) {
    try {
      look();
      // The writer may have dropped some of it before it was held.
      if (held_.hold(scope_.list) || read_manifest().generation == generation_) return;
    } catch (const error& missing) {
      if (missing.condition() != errc::corrupt || read_manifest().generation == generation_) throw;
    }
  }
}

}  // namespace logdb::detail
