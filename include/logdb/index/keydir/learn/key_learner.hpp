// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The keydir of one of several processes that write a log: learns what the others put, and writes
/// only on what it has learned. docs/design.md, "Many processes, one key-value log"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/keydir/learn/key_moves.hpp>
#include <logdb/index/keydir/learn/key_opening.hpp>
#include <logdb/journal/view/staged_frames.hpp>
#include <logdb/light.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/scoped_lock.hpp>

namespace logdb::detail {

/// Applies the records of all processes to one keydir in the order of their lsns.
///
/// What staging still keeps is read there, the rest in the segments. The stream position up to
/// which all is applied is compared with the shared watermark before each read: one load each.
///
/// A writer takes the append lock first and learns what is left; then nobody appends until its
/// record stands, so what it decides on is the state right before its place in the one order. The
/// keydir says the record before the position covers it: who sees it in another process and asks
/// here waits for that.
///
/// Lock order: append lock, mutex_, shards, and in none of them the disk's end is waited for.
/// @threads  any
template <class Policies>
class key_learner {
 public:
  using store_type = key_store<Policies>;
  using system = typename store_type::system;
  using mutex = platform::basic_mutex<system>;
  using guard = platform::scoped_lock<mutex>;

  explicit key_learner(store_type& store) : store_{store}, moves_{store}, frames_{store.view()} {}

  /// Takes all there is, at the open.
  /// @errors  errc::corrupt, errc::io
  void open() {
    const lsn kept = view().reached_lsn(keeps_until);  // before the list, which then covers it
    const auto list = moves_.look();
    applied_ = key_opening<Policies>{store_}.run_sealed(
        {list, list->log.front()->base(), kept, is_salvaging()});
    learn_now();
  }

  /// Applies what others have appended before this call; returns whether there may have been some.
  /// @errors  errc::corrupt, errc::io, errc::failed
  /// @cost    two loads when there is nothing
  bool catch_up() {
    view().require_own();
    // In this order: what this process appends is applied before the position covers it.
    const stream_position appended = view().reached(watermark::appended);
    if (applied_to_.load(std::memory_order_acquire) >= appended.value()) [[likely]]
      return false;
    learn_now();
    return true;
  }

  /// Runs what appends one frame at most, on the state that the frame follows: nobody appends
  /// meanwhile, in any process.
  /// @param payload_bytes  of the frame, at most
  /// @errors               errc::no_space, errc::failed, errc::closed, errc::corrupt, errc::io
  template <class Write>
  void in_turn(std::uint64_t payload_bytes, std::uint64_t count, Write&& write) {
    catch_up();  // so that little is left to do while others wait
    const auto turn = view().take_turn(payload_bytes, count);
    const guard lock{mutex_};
    learn_in_turn();
    write();
    walked_ = view().reached(watermark::appended);
    applied_ = view().reached_lsn(watermark::appended);
    applied_to_.store(walked_.value(), std::memory_order_release);  // pairs with catch_up()
  }

  /// Looks at the segments: one that has been seen so, and then is listed no more, is known to be
  /// gone. Compaction looks before it gives a segment addresses; and at what it has made before a
  /// key leads there, while no other process may compact.
  /// @errors  errc::corrupt, errc::io
  segment_list_ptr<Policies> look() { return moves_.look(); }
  /// Says that what this process has compacted came to nothing: its addresses go with the next
  /// segments that are gone.
  void note_given_up(segment_number number) { moves_.note_given_up(number); }

  /// Follows what other processes have compacted, so that old segments can go. One at a time.
  /// @errors  errc::corrupt, errc::io
  void follow() {
    const std::uint64_t generation = view().generation();
    if (generation == followed_) return;
    const auto list = moves_.look();
    learn_now();  // also waits for who still applies from an older list
    const auto gone = moves_.gone(list);
    if (!gone) return;  // looked at again meanwhile, by who was far behind
    moves_.leave(list, *gone);
    moves_.let_go(*gone);
    followed_ = generation;
  }

 private:
  static constexpr watermark keeps_until = Policies::durability::keeps_until;
  [[nodiscard]] index_view<Policies>& view() { return store_.view(); }
  [[nodiscard]] bool is_salvaging() { return view().options().recovery == recovery_mode::salvage; }

  /// Learns what was appended before this call, and waits for a thread that is just doing so.
  void learn_now() {
    for (;;) {
      {
        const guard lock{mutex_};
        if (learn()) return;
      }
      const auto turn = view().look();
      const guard lock{mutex_};
      adopt_extents();
    }
  }

  void learn_in_turn() {
    if (walked_ == view().reached(watermark::appended)) [[likely]]
      return;
    if (frames_.is_behind()) adopt_extents();
    (void)learn();
  }

  /// Learns what was appended before this call; false: segments were begun that it does not know.
  bool learn() {
    for (;;) {
      const stream_position kept = view().reached(keeps_until);
      const lsn kept_lsn = view().reached_lsn(keeps_until);  // of that position, or of a later one
      if (walked_ < kept) {
        walk_log(kept_lsn);
        walked_ = kept;
      }
      const stream_position end = view().reached(watermark::appended);
      if (frames_.is_behind()) return false;
      if (!walk_staged(end) || !settle_moves()) continue;
      applied_to_.store(end.value(), std::memory_order_release);  // pairs with catch_up()
      return true;
    }
  }

  /// Learns in which segments the stream lies. Under the append lock.
  void adopt_extents() {
    frames_.adopt([this](const auto& each) {
      auto& in = store_.space().of(each.segment);
      if (!is_mapped(in, each.end)) return false;
      in.set_stream(each.base);
      return true;
    });
  }

  /// Maps a segment while it cannot go; false: it was durable to its end, and may have gone.
  [[nodiscard]] bool is_mapped(stretch<Policies>& in, stream_position end) {
    try {
      (void)in.bytes();
      return true;
    } catch (const error& gone) {
      if (gone.condition() != errc::corrupt || end > view().reached(watermark::durable)) throw;
      return false;
    }
  }

  /// Applies the records up to one from the segments.
  void walk_log(lsn last) {
    if (applied_ >= last) return;
    const auto list = moves_.look();
    const lsn first = std::max(applied_ + 1, list->log.front()->base());
    places_.note(*list, store_.space(), is_salvaging(), first);
    const read_scope<Policies> scope{list, list->log.front()->base(), last, is_salvaging()};
    for (const record& each : record_range<Policies>{scope, first}) {
      point_key(store_, each, places_);
    }
    // What was compacted before it was learned lacks tombstones: keys may have gone unseen.
    const bool has_gaps = light::any_of(list->log, [first](const auto& each) {
      return each->role() == format::segment_role::compacted && each->end() > first;
    });
    if (has_gaps) moved_ = list;
    applied_ = last;
  }

  /// Forgets keys that compaction has dropped before they were learned; false: learn once more.
  bool settle_moves() {
    if (moved_ == nullptr) return true;
    const auto gone = moves_.gone(moved_);
    if (!gone) return moved_ = moves_.look(), false;
    moves_.leave(moved_, *gone);
    moved_ = nullptr;
    return true;
  }

  /// Applies the frames up to a stream position from staging; false: staging has given some up.
  bool walk_staged(stream_position end) {
    return frames_.walk(walked_, end, [this](const auto& found) {
      const std::uint64_t records = records_of(found.frame);
      if (records == 0 || found.frame.header.first + records <= applied_ + 1) return;
      take_records(found);
      applied_ = found.frame.header.first + (records - 1);
    });
  }

  void take_records(const staged_frame<Policies>& found) {
    const auto& frame = found.frame;
    if (frame.header.kind == format::frame_kind::attach) return take_attached(frame);
    any_stretch* const known = found.in->entries().stretch();
    const address begin = stretch_of(store_, found.in, known).base() + found.offset;
    learned_.clear();
    for_each_key_record(
        found.bytes, frame, frame.header.first,
        [&](const auto& record, std::uint64_t where, lsn number) {
          learned_.push_back({store_.hash(record.key), record, begin + where, number});
        });
    apply();
  }

  /// Applies a transaction in a segment of its own, which was durable before this frame was put.
  void take_attached(const format::frame_view& frame) {
    const auto said = format::decode_attach(frame.payload);
    if (!said) frames_.throw_overwritten();
    const auto entry = format::attached_segment(*said, frame.header.first);
    auto& in = store_.space().of(view().attached(entry));
    const auto there = std::min<std::uint64_t>(said->end_offset, in.bytes().size());
    const bytes_view all = in.bytes().first(there);
    learned_.clear();
    auto from = in.segment()->start();
    const auto stop = scan(
        all, in.segment()->seed(), from, format::read_frame, [&](const auto& part, const auto& at) {
          const lsn first = entry.base + (at.next - lsn{1});
          for_each_key_record(
              all, part, first, [&](const auto& found, std::uint64_t where, lsn at_lsn) {
                learned_.push_back({store_.hash(found.key), found, in.base() + where, at_lsn});
              });
        });
    if (from.offset != said->end_offset && !is_salvaging()) {
      throw error{errc::corrupt, "the log is damaged: " + std::string{reason(stop)},
                  in.segment()->site(from.offset)};
    }
    apply();
  }

  /// Brings the records of one frame to the keydir, at once for readers of more than one key.
  void apply() {
    const shards_changing readers_wait{store_.table(), learned_};
    for (const auto& each : learned_)
      point_key(store_, each.hash, each.found, each.at, each.number);
  }

  /// A record that was learned; views the chunk, or a mapped segment.
  struct learned_record {
    std::uint64_t hash = 0;
    format::key_record found{};
    address at = 0;
    lsn number{};
  };

  store_type& store_;
  key_moves<Policies> moves_;
  alignas(64) platform::atomic<std::uint64_t> applied_to_ = 0;  // stream position
  alignas(64) mutex mutex_;   // of what follows, and of who applies and who appends
  stream_position walked_{};  // up to which frames were met
  lsn applied_{};             // the last record that was applied
  staged_frames<Policies> frames_;
  std::vector<learned_record> learned_;
  record_places<Policies> places_;
  segment_list_ptr<Policies> moved_;  // compaction in it is to be followed; null: none
  std::uint64_t followed_ = 0;        // generation of the manifest; follow()'s alone
};

}  // namespace logdb::detail
