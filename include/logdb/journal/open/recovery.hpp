// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Opens a log to write: makes a new one, or finds where the last writer stopped and makes that the
/// start.

#include <algorithm>
#include <bit>
#include <iterator>
#include <string>
#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/journal/open/find_end.hpp>
#include <logdb/journal/open/inheritance.hpp>
#include <logdb/journal/open/orphans.hpp>
#include <logdb/journal/open/rebuild.hpp>
#include <logdb/journal/segments/footer.hpp>
#include <logdb/journal/segments/retention.hpp>
#include <logdb/journal/state.hpp>
#include <logdb/light.hpp>
#include <logdb/policy/storage_traits.hpp>

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
  using core_type = journal_state<Policies>;
  using system = typename core_type::system;

  explicit recovery(core_type& core) : core_{core} {}

  /// Returns the manifest to start from: what is there, or one of a new store.
  /// @param held  the lock; null: others may be at it
  /// @errors  errc::not_a_log, errc::format_mismatch, errc::corrupt, errc::io
  static format::manifest start(
      const typename Policies::storage& volume, recovery_mode mode,
      const typename Policies::locking::template lease<typename Policies::storage>* held =
          nullptr) {
    bool is_alone = held != nullptr;
    if constexpr (core_type::is_shared) is_alone = is_alone && held->is_first();
    const auto load = [&] {
      return load_or_rebuild<stored_of<Policies>>(volume, open_mode::read_write, mode, is_alone);
    };
    if (auto found = load()) return *found;
    try {
      require_vacant(volume);
      require_nothing_staged(volume);
    } catch (const error&) {
      // Another process may have made the log just now.
      if (auto found = load()) return *found;
      throw;
    }
    format::manifest fresh{.store = random_identity<system>(), .next_segment = 1};
    fresh.index_id = Policies::index::id;
    fresh.first = lsn{1};
    return fresh;
  }

  /// @errors  errc::corrupt unless it salvages, errc::no_space, errc::io
  recovery_report run() {
    learn_boot();
    reserve_numbers();
    make_staging();
    try {
      note_rebuilt();
      core_.segments.list()->log.empty() ? begin() : resume();
      remove_orphans(core_.segments,
                     {.is_rebuilt = is_rebuilt_, .next = next_segment_, .end = end_.place.next});
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

  /// Throws where there is no store, and a control file of this boot holds what one accepted: its
  /// file was renamed, or removed.
  static void require_nothing_staged(const typename Policies::storage& volume) {
    const auto ring = staging_type::open(volume, open_mode::read_only);
    if (!is_of_this_boot(ring) || !ring.may_hold_accepted()) return;
    throw error{errc::corrupt,
                "there is no log, but a control file with records that one had accepted: bring the "
                "log back, or remove the control file",
                {.path = volume.path() / format::control_name}};
  }

  /// @errors  errc::unsupported: what was only accepted could not be told from another boot's
  void learn_boot() {
    constexpr bool needs_boot =
        Policies::storage::persistent &&
        (core_type::is_shared || Policies::durability::readable != watermark::durable);
    if (read_boot<system>(boot_)) return;
    boot_ = {};
    if (needs_boot) throw_boot_unknown();
  }

  [[noreturn]] void throw_boot_unknown() const {
    throw error{errc::unsupported,
                "which boot of the machine this is cannot be read (/proc/sys/kernel/random/boot_id "
                "and /proc/stat), so that records that were only accepted may be lost: show /proc, "
                "or use Durability<Fsync> with one writing process",
                {.path = core_.segments.volume()->path()}};
  }

  /// Takes the room for staging before anything is changed; on a full disk later, when there is
  /// some.
  void make_staging() {
    auto& volume = *core_.segments.volume();
    try {
      core_.ring = staging_type::create(volume, ring_bytes());
    } catch (const error& failure) {
      staging_type::discard(volume);
      const bool is_new = core_.segments.list()->log.empty();
      if (failure.condition() != errc::no_space || is_new) throw;
    }
  }

  /// Gives up the dead writer's staging on a full disk, when all of it is in the segments for good.
  void give_up_left(const segment_list<Policies>& list) {
    if (!left_) return;
    make_durable(*list.log[end_.segment], end_.place.offset);
    left_.end();
    core_.segments.volume()->remove(format::control_name);
  }

  /// Takes the room for staging on a disk that was full, of what retention no longer wants.
  void make_late_staging() {
    auto& volume = *core_.segments.volume();
    const auto list = core_.segments.list();
    const lsn keep = first_kept(*list, retention_of(core_.options), system::now(), end_.place.next);
    if (keep) core_.segments.drop_front(keep);
    core_.ring = staging_type::create(volume, ring_bytes());
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

  /// Puts a damaged manifest aside that salvage has made anew.
  void note_rebuilt() {
    auto& volume = *core_.segments.volume();
    if (core_.options.recovery == recovery_mode::refuse || core_.segments.list()->log.empty()) {
      return;
    }
    const bool is_there = volume.exists(format::manifest_name);
    if (is_there && is_ruling<stored_of<Policies>>(volume, core_.segments.generation())) return;
    is_rebuilt_ = true;
    if (is_there) put_aside(volume, std::string{format::manifest_name});
    report_.damages.push_back({.kind = damage_kind::corruption,
                               .reason = "the manifest was gone or damaged, and made anew"});
  }

  void resume() {
    const auto list = core_.segments.list();
    claim(*list);
    const dead_writer proven = left_.drain();
    end_ = end_finder<stored_of<Policies>>{*list, core_.options.recovery, proven}.run();
    report_.scanned_bytes = end_.scanned_bytes;
    for (auto& each : end_.damages) report_.damages.push_back(std::move(each));
    adopt_met(core_.segments, *list, end_);
    settle_sealed(*list);
    if (!core_.ring) give_up_left(*list);
    if (end_.tail_is_zero && has_room(*list) && may_go_on_in(*list->log[end_.segment])) {
      continue_segment(*list);
    } else {
      replace_tail(*list);
    }
    drop_uncommitted();
    core_.segments.publish();
    for (const auto& segment : gone_) segment->drop();
    if (!core_.ring) make_late_staging();
  }

  /// Opens to write what may be written before anything is mapped: where a file system makes a copy
  /// of a file that is first opened to write (overlayfs), a mapping from before shows the old one.
  void claim(const segment_list<Policies>& list) {
    for (auto each = list.log.begin(); each != list.log.end(); ++each) {
      const auto next = std::next(each);
      const bool bounded = (*each)->end() && next != list.log.end() && (*next)->base();
      if (bounded) continue;
      (*each)->claim();
      if (core_.options.recovery == recovery_mode::salvage) restore_size(**each);
    }
  }

  /// Gives a file its size back that somebody cut, to salvage: what is drained has its place behind
  /// the cut.
  void restore_size(segment<Policies>& part) {
    const bool is_sane = part.capacity() <= core_.options.segment_bytes;
    if (!is_sane || !core_.segments.volume()->exists(format::segment_name(part.number()))) return;
    auto& file = part.writable();
    const std::uint64_t size = file.size();
    if (size >= part.capacity()) return;
    file.resize(part.capacity());
    report_.damages.push_back({.kind = damage_kind::corruption,
                               .at = {part.number(), size},
                               .bytes = part.capacity() - size,
                               .reason = "the file was cut"});
  }

  /// Makes what a dead process had only given to the kernel durable, before anything builds on it.
  void make_durable(segment<Policies>& part, std::uint64_t end) {
    if (part.bytes().empty()) return;  // salvaged, without its file
    auto& file = part.writable();
    if (left_.rewrites()) {
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

  /// Tells whether a segment may be written: it is all there, and no other directory has it, as a
  /// copy made of hard links has.
  [[nodiscard]] static bool may_go_on_in(segment<Policies>& part) {
    if (part.bytes_left() < part.capacity()) return false;
    auto& file = part.writable();
    using file_type = typename Policies::storage::file;
    return file_traits<file_type>::identify(file, platform::file_identity{}).names <= 1;
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
    const bool follows = ready->number() > active_->number() && may_go_on_in(*ready);
    if (follows) {
      // The manifest may say with which record it was to begin: those before it were lost.
      ready->begin(lsn{}, end_.place.time);
      (void)ready->writable();  // now: where it is needed nothing may fail but the disk
      core_.append.next = ready;
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
      light::move_if(list.attached, gone_, is_lost);
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
      const auto number = format::parse_segment_name(name);
      if (number) next_segment_ = std::min(next_segment_, core_.segments.reserve(*number));
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
    shared.boot = boot_;
    shared.keeps = 1 + static_cast<std::uint16_t>(Policies::durability::keeps_until);
    shared.shows = 1 + static_cast<std::uint16_t>(Policies::durability::readable);
    shared.opened_at = system::uptime().count();
    shared.state.store(control_state::open, std::memory_order_relaxed);  // until publish()
    const std::uint64_t last = end_.place.next.value() - 1;
    shared.appended_lsn.store(last, std::memory_order_relaxed);
    shared.appended.store(stream_begin.value(), std::memory_order_relaxed);
    core_.append.marks.time = end_.place.time;
    core_.append.marks.leapt_from = last_leap();
    core_.clock_start = std::max(end_.place.time, system::now()) - system::uptime();
    shared.clock_start.store(core_.clock_start.time_since_epoch().count(),
                             std::memory_order_relaxed);
    core_.begin_extent(active_, stream_begin - end_.place.offset, stream_begin);
    cover_all(shared, stream_begin);
    if constexpr (core_type::is_shared) {
      core_.admit_others();
    } else {
      shared.generation.store(core_.segments.generation(), std::memory_order_relaxed);
      core_.segments.tell(shared);
    }
    staging_type::publish(volume);
    left_.end();
  }

  core_type& core_;
  log_end<stored_of<Policies>> end_{};
  recovery_report report_{};
  inheritance<Policies> left_{core_, report_};
  identity boot_{};                          // of the machine; 0: it cannot be told
  bool is_rebuilt_ = false;                  // the manifest is made of the segments
  std::uint64_t next_segment_ = UINT64_MAX;  // by the manifest's word
  segment_ptr<Policies> active_;
  std::vector<segment_ptr<Policies>> gone_;
};

}  // namespace logdb::detail
