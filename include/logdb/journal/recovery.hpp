// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Opens a log to write: makes a new one, or finds where the last writer stopped and makes that the
/// start.

#include <bit>
#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/journal/core.hpp>
#include <logdb/journal/drain.hpp>
#include <logdb/journal/find_end.hpp>
#include <logdb/journal/footer.hpp>
#include <logdb/journal/manifest_file.hpp>

namespace logdb::detail {

/// Draws the identity of a new store.
template <class System>
identity random_identity() {
  identity store{};
  if (const int failed = System::random(store.data(), store.size()); failed < 0) {
    throw_errno(-failed, "cannot draw a store's identity");
  }
  return store;
}

/// Brings a core from what is on disk to where it can take appends.
///
/// Every step may be cut by a crash and repeated: draining writes the same bytes again, and what is
/// decided takes effect with the manifest, at once.
template <class Policies>
class recovery {
 public:
  using core_type = journal_core<Policies>;
  using system = typename core_type::system;

  explicit recovery(core_type& core) : core_{core} {}

  /// Returns the manifest to start from: what is there, or one of a new store.
  static format::manifest start(const typename Policies::storage& volume) {
    if (auto found = load_manifest<Policies>(volume, open_mode::read_write)) return *found;
    try {
      require_vacant(volume);
    } catch (const error&) {
      // Another process may have made the log just now.
      if (auto found = load_manifest<Policies>(volume, open_mode::read_write)) return *found;
      throw;
    }
    format::manifest fresh{.store = random_identity<system>(), .next_segment = 1};
    fresh.index_id = Policies::index::id;
    fresh.first = lsn{1};
    return fresh;
  }

  /// @errors  errc::corrupt unless it salvages, errc::no_space, errc::io
  recovery_report run() {
    reserve_numbers();
    make_staging();
    try {
      core_.segments.list()->log.empty() ? begin() : resume();
      remove_orphans();
      open_staging();
    } catch (...) {
      staging_type::discard(*core_.segments.volume());
      throw;
    }
    report_.first = core_.segments.list()->log.front()->base();
    report_.last = end_.place.next - 1;
    report_.records = end_.place.next - report_.first;
    return std::move(report_);
  }

 private:
  using staging_type = staging<typename Policies::storage>;

  /// Takes the room for staging before anything is changed.
  void make_staging() {
    auto& volume = *core_.segments.volume();
    try {
      core_.ring = staging_type::create(volume, ring_bytes());
    } catch (...) {
      staging_type::discard(volume);
      throw;
    }
  }

  /// Makes a new store; what fails half-way leaves none.
  void begin() {
    add_segment({.base = lsn{1}});
    try {
      core_.segments.publish();
    } catch (...) {
      core_.segments.volume()->remove(format::manifest_draft_name);
      if (!active_->is_named()) active_->drop();
      throw;
    }
  }

  void resume() {
    const auto list = core_.segments.list();
    claim(*list);
    const dead_writer proven = drain();
    end_ = end_finder<Policies>{*list, core_.options.recovery, proven}.run();
    report_.scanned_bytes = end_.scanned_bytes;
    report_.damages = end_.damages;
    adopt_met(core_.segments, *list, end_);
    settle_sealed(*list);
    if (end_.tail_is_zero && has_room(*list)) {
      continue_segment(*list);
    } else {
      replace_tail(*list);
    }
    drop_uncommitted();
    core_.segments.publish();
    for (const auto& segment : gone_) segment->drop();
  }

  /// Opens to write what may be written before anything is mapped: where a file system makes a copy
  /// of a file that is first opened to write (overlayfs), a mapping from before shows the old one.
  void claim(const segment_list<Policies>& list) {
    for (auto each = list.log.begin(); each != list.log.end(); ++each) {
      const auto next = std::next(each);
      const bool bounded = (*each)->end() && next != list.log.end() && (*next)->base();
      if (!bounded) (*each)->claim();
    }
  }

  /// Brings what a dead writer left in staging to its segments; returns what that proves.
  dead_writer drain() {
    const auto& volume = *core_.segments.volume();
    report_.clean = !volume.exists(format::control_name);
    left_ = staging_type::open(volume, open_mode::read_write);
    if (!drainer<Policies>::is_alive(left_, core_.segments.store())) return {};
    of_this_boot_ = true;
    const auto list = core_.segments.list();
    const drained result = drainer<Policies>{left_, *list}.run();
    report_.drained_bytes = result.bytes;
    return result.proof;
  }

  /// Makes what a dead process had only given to the kernel durable, before anything builds on it.
  void make_durable(segment<Policies>& part, std::uint64_t end) {
    auto& file = part.writable();
    if (!core_type::syncs && of_this_boot_) {
      // Staging no longer had it to be written again: after a sync that failed, the kernel calls
      // clean what it has not brought to disk.
      constexpr std::uint64_t begin = format::segment_header_bytes;
      file.write(begin, part.bytes().subspan(begin, end - begin));
    }
    file.sync();
  }

  /// Gives the segments before the last their bounds for good.
  void settle_sealed(const segment_list<Policies>& list) {
    for (std::size_t i = 0; i < end_.segment; ++i) {
      auto& sealed = *list.log[i];
      if (sealed.settled()) continue;
      make_durable(sealed, sealed.end_offset());
      settle_whole(core_.segments, sealed, write_footer(sealed));
      sealed.release();
    }
  }

  /// Tells whether a seal fits behind the end, as behind every frame that a writer placed.
  [[nodiscard]] bool has_room(const segment_list<Policies>& list) const {
    return end_.place.offset + core_type::seal_frame_bytes <= list.log[end_.segment]->capacity();
  }

  /// Goes on where the last writer stopped: nothing was ever written behind that place.
  void continue_segment(const segment_list<Policies>& list) {
    active_ = list.log[end_.segment];
    if constexpr (has_step<durability_point::resume_sync>) {
      make_durable(*active_, end_.place.offset);
    }
    active_->reopen();
    if (end_.segment + 1 == list.log.size()) return;
    const auto& ready = list.log[end_.segment + 1];
    // Numbers ascend along the stream: one that a healing overtook is of no use.
    const bool follows = ready->number() > active_->number();
    if (follows) {
      // The manifest may say with which record it was to begin: those before it were lost.
      ready->begin(lsn{}, end_.place.time);
      (void)ready->writable();  // now: where it is needed nothing may fail but the disk
      core_.next = ready;
    }
    drop_behind(list, end_.segment + (follows ? 2 : 1));
  }

  /// Bounds the torn segment at its last whole frame and goes on in a new one, which says so.
  void replace_tail(const segment_list<Policies>& list) {
    auto& torn = *list.log[end_.segment];
    segment_plan plan{.base = end_.place.next};
    const bool holds_records = end_.place.next > torn.base();
    if (holds_records) {
      plan.predecessor = torn.number();
      plan.predecessor_end = end_.place.offset;
      if constexpr (has_step<durability_point::torn_sync>) make_durable(torn, end_.place.offset);
      if constexpr (has_step<durability_point::bound_behind_torn>) {
        torn.seal(end_.place.next, end_.place.offset);
        settle_whole(core_.segments, torn);
      }
      torn.release();
    }
    drop_behind(list, end_.segment + (holds_records ? 1 : 0));
    add_segment(plan);
  }

  void drop_behind(const segment_list<Policies>& list, std::size_t first) {
    gone_.assign(list.log.begin() + static_cast<std::ptrdiff_t>(first), list.log.end());
    core_.segments.edit([&](auto& edited) { edited.log.resize(first); });
  }

  /// Gives up attached segments whose commit was lost though the manifest had come to name them.
  void drop_uncommitted() {
    core_.segments.edit([this](auto& list) {
      const auto is_lost = [this](const auto& own) { return own->base() >= end_.place.next; };
      std::ranges::copy_if(list.attached, std::back_inserter(gone_), is_lost);
      std::erase_if(list.attached, is_lost);
    });
  }

  void add_segment(segment_plan plan) {
    plan.capacity = std::min(core_.options.segment_bytes, ring_bytes() / 2);
    plan.zero_fill = Policies::durability::prewrites;
    active_ = core_.segments.create(plan);
    const timestamp now = std::max(end_.place.time, system::now());
    active_->begin(plan.base, now);
    core_.segments.edit([&](auto& list) { list.log.push_back(active_); });
    end_.place = {.next = plan.base, .time = now};
  }

  [[nodiscard]] std::uint64_t ring_bytes() const {
    return std::bit_floor(std::min<std::uint64_t>(core_.options.durability.staging_bytes,
                                                  2 * core_.options.segment_bytes));
  }

  /// Returns the time before a leap ahead that the log's times end with; 0: there is none.
  [[nodiscard]] timestamp last_leap() const {
    believed_clock times{clock_slack};
    for (const auto& segment : core_.segments.list()->log) {
      if (!segment->base()) break;
      times.go_to(segment->time_first());
      times.go_to(segment->time_last());
    }
    return times.has_leapt() ? times.before() : timestamp{};
  }

  /// A file of a dead writer may have a number that the manifest had not learned yet.
  void reserve_numbers() {
    for (const std::string& name : core_.segments.volume()->names()) {
      if (const auto number = format::parse_segment_name(name)) core_.segments.reserve(*number);
    }
  }

  void remove_orphans() {
    const auto list = core_.segments.list();
    auto& volume = *core_.segments.volume();
    for (const std::string& name : volume.names()) {
      const auto number = format::parse_segment_name(name);
      if (!number) continue;
      const auto is_it = [number](const auto& segment) { return segment->number() == *number; };
      const bool live =
          std::ranges::any_of(list->log, is_it) || std::ranges::any_of(list->attached, is_it);
      if (!live) volume.remove(name);
    }
  }

  /// Begins the stream anew, at the end that was found.
  void open_staging() {
    auto& volume = *core_.segments.volume();
    auto& shared = core_.control();
    shared.magic = control_magic;
    shared.layout = control_layout;
    shared.writer = system::process_id();
    shared.store = core_.segments.store();
    if (system::boot_id(shared.boot) < 0) shared.boot = {};  // then nobody ever believes it
    shared.state = control_state::open;
    const std::uint64_t last = end_.place.next.value() - 1;
    shared.appended_lsn = last;
    shared.appended = stream_begin;
    core_.marks.time = end_.place.time;
    core_.marks.leapt_from = last_leap();
    core_.clock_start = std::max(end_.place.time, system::now()) - system::uptime();
    shared.clock_start.store(core_.clock_start.time_since_epoch().count());
    core_.begin_extent(active_, stream_begin - end_.place.offset, stream_begin);
    core_.publish_durable(stream_begin);
    if constexpr (core_type::is_shared) core_.admit_others();
    staging_type::publish(volume);
    // Readers that follow the dead writer's control file now look for this one.
    if (left_) left_.header().state = control_state::closed;
    if (left_) left_.header().progress.signal();
    left_ = {};
  }

  core_type& core_;
  staging_type left_;  // the control file of a writer that died
  log_end<Policies> end_{};
  recovery_report report_{};
  bool of_this_boot_ = false;  // the dead writer was: the kernel has what it wrote
  segment_ptr<Policies> active_;
  std::vector<segment_ptr<Policies>> gone_;
};

}  // namespace logdb::detail
