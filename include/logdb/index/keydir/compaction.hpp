// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Compaction: writes what is still needed of some segments to a new one and drops them.

#include <algorithm>
#include <atomic>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <logdb/index/keydir/compaction_report.hpp>
#include <logdb/index/keydir/opening.hpp>
#include <logdb/index/keydir/versions.hpp>
#include <logdb/journal/footer.hpp>
#include <logdb/journal/records.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// Tells of each record of a run of segments whether the log still needs it.
///
/// Not needed are: a record that a later one replaced, unless a snapshot may see it; a tombstone,
/// or what has expired, once nothing older can hold the key. What has expired before that becomes
/// a tombstone.
template <class Policies>
class compaction_judge {
 public:
  using store_type = key_store<Policies>;

  enum class verdict : std::uint8_t { keep, keep_newest, bury, drop, drop_newest };

  /// @param older  the segments before the run
  compaction_judge(store_type& store, const segment_list<Policies>& list, std::size_t older)
      : store_{store}, list_{list}, older_{older}, held_{store.lowest_held()} {}

  /// @param at  where the record is; then what the keydir says of it, if it is the newest
  [[nodiscard]] verdict judge(std::uint64_t hash, const format::key_record& found, lsn where,
                              address& at) {
    const auto inside = store_.gate().enter();
    if (store_.table().holds(hash, at)) return judge_newest(hash, found, where);
    if (look(hash, found.key) != store_type::lookup::found) {
      // Nothing leads here any more: what erased the key has been erased itself.
      const bool tombstone = found.head.verb == format::key_verb::erase;
      return tombstone && may_be_older(hash) ? verdict::keep : verdict::drop;
    }
    const lsn newest = store_.source().lsn_of(newest_);
    if (newest == where) {  // the keydir still says where it was before a failed sync
      at = newest_.listed;
      return judge_newest(hash, found, where);
    }
    if (newest > held_) return verdict::keep;
    if (newest_.record.head.verb != format::key_verb::add) return verdict::drop;
    return where >= first_value(hash, found.key) ? verdict::keep : verdict::drop;
  }

 private:
  typename store_type::lookup look(std::uint64_t hash, bytes_view key) {
    for (;;) {
      const auto looked = store_.look(hash, key, newest_);
      if (looked != store_type::lookup::again) return looked;
    }
  }

  [[nodiscard]] verdict judge_newest(std::uint64_t hash, const format::key_record& found,
                                     lsn where) {
    const bool erased = found.head.verb == format::key_verb::erase;
    // One of several values ends alone: the others are judged when a later record replaces them.
    const bool expired = found.head.verb == format::key_verb::put && store_.is_expired(found.head);
    if (!erased && !expired) return verdict::keep_newest;
    if (where > held_) return verdict::keep_newest;
    if (!may_be_older(hash)) return verdict::drop_newest;
    return erased ? verdict::keep_newest : verdict::bury;
  }

  /// Tells whether a segment before the run may hold a key of that hash.
  [[nodiscard]] bool may_be_older(std::uint64_t hash) {
    if (hints_.empty()) load_hints();
    return std::ranges::any_of(hints_, [hash](const segment_hints& each) {
      const auto near = std::ranges::lower_bound(each.hints, hash, {}, &key_hint::hash);
      return near != each.hints.end() && near->hash == hash;
    });
  }

  void load_hints() {
    const lsn end = list_.log[older_]->base();
    for (std::size_t n = 0; n < older_; ++n) load_hints(*list_.log[n]);
    for (const auto& own : list_.attached) {
      if (own->base() < end) load_hints(*own);
    }
  }
  void load_hints(segment<Policies>& of) { hints_.emplace_back().take(of, of.end_offset()); }

  /// Returns the lsn of the oldest value of a key that has several.
  [[nodiscard]] lsn first_value(std::uint64_t hash, bytes_view key) {
    const auto [known, fresh] = first_values_.try_emplace(hash);
    if (!fresh && is_same_key(as_bytes(known->second.first), key)) return known->second.second;
    lsn first{};
    const key_versions<Policies> chain{store_, log_snapshot<Policies>{store_.view().scope()}};
    chain.follow(store_.source().lsn_of(newest_), [&](const auto& found, const record& where) {
      if (found.head.verb != format::key_verb::erase) first = where.lsn();
      return found.head.verb == format::key_verb::add;
    });
    known->second = {std::string{as_text(key)}, first};
    return first;
  }

  store_type& store_;
  const segment_list<Policies>& list_;
  std::size_t older_;
  lsn held_;
  std::vector<segment_hints> hints_;  // of the segments before the run, once they are needed
  std::unordered_map<std::uint64_t, std::pair<std::string, lsn>> first_values_;  // by hash
  read_record<Policies> newest_;
};

/// Compacts one run of segments that follow one another.
///
/// New segment first: written, synced, named in the manifest together with the going of the old
/// ones; only then keys lead there, and only then old files go. What fails before the manifest
/// leaves everything as it was.
/// @threads  one at a time a log
template <class Policies>
class compaction {
 public:
  using store_type = key_store<Policies>;
  using verdict = typename compaction_judge<Policies>::verdict;

  /// @param first, end  of the run in the list
  compaction(store_type& store, segment_list_ptr<Policies> list, std::size_t first, std::size_t end)
      : store_{store},
        list_{std::move(list)},
        run_{list_->log.begin() + static_cast<std::ptrdiff_t>(first),
             list_->log.begin() + static_cast<std::ptrdiff_t>(end)},
        judge_{store, *list_, first} {}
  compaction(const compaction&) = delete;
  compaction& operator=(const compaction&) = delete;
  ~compaction() {
    // A manifest that names it may be on disk: then the next open removes it.
    if (fresh_ != nullptr && !fresh_->is_named()) fresh_->drop();
  }

  /// Runs to the end, or until `pause(bytes)`, which is called now and then with what was read
  /// since, says to stop; then nothing has changed.
  /// @errors  errc::corrupt, errc::io, errc::no_space; nothing has changed
  template <class Pause>
  bool run(compaction_report& report, Pause&& pause) {
    store_.refresh();           // so that the keydir knows what others appended there
    store_.wait_for_writers();  // and what this process did
    note_places();
    if (!choose(pause)) return false;
    // What goes may have been replaced by a record that a power cut would still take.
    auto& view = store_.view();
    view.wait(view.reached(watermark::appended), watermark::durable);
    write();
    store_.view().segments().replace_run(run_, fresh_);
    lead();
    forget_places();
    count(report);
    return true;
  }

 private:
  /// Is where the bytes of a segment are in memory, and their addresses.
  struct place {
    bytes_view bytes{};
    segment_number number{};
    address base = 0;
  };
  /// Is a record that stays.
  struct survivor {
    std::uint64_t hash = 0;
    address from = 0;
    address to = 0;
    bytes_view bytes{};  // in a segment of the run
    lsn at{};
    timestamp time{};
    verdict as{};
  };
  struct leaver {
    std::uint64_t hash = 0;
    address from = 0;
    bool lived = false;
  };

  static constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20;

  void note_places() {
    for (const auto& each : run_) note_place(each);
    for (const auto& own : list_->attached) {
      if (own->base() >= run_.front()->base() && own->base() < run_.back()->end()) note_place(own);
    }
    std::ranges::sort(places_, {}, [](const place& each) { return each.bytes.data(); });
  }
  void note_place(const segment_ptr<Policies>& each) {
    places_.push_back({each->bytes(), each->number(), store_.space().of(each).base()});
    bytes_read_ += each->end_offset();
  }

  [[nodiscard]] address address_of(bytes_view record) const {
    const auto past = std::ranges::upper_bound(places_, record.data(), {},
                                               [](const place& each) { return each.bytes.data(); });
    const place& in = *std::prev(past);
    return in.base + static_cast<std::uint64_t>(record.data() - in.bytes.data());
  }

  /// Judges every record; every checksum is verified on the way.
  template <class Pause>
  bool choose(Pause&& pause) {
    read_scope<Policies> scope{list_, run_.front()->base(), run_.back()->end() - 1};
    std::uint64_t unpaused = 0;
    for (const record& each : record_range<Policies>{scope, scope.first}) {
      ++records_read_;
      unpaused += each.size();
      if (unpaused >= piece_bytes && !pause(std::exchange(unpaused, 0))) return false;
      choose(each);
    }
    return pause(unpaused);
  }

  void choose(const record& each) {
    const auto found = format::decode_key_record(each.bytes());
    if (!found) {
      throw error{errc::corrupt, "a record of a key-value log is no key's", {.at = each.lsn()}};
    }
    const std::uint64_t hash = store_.hash(found->key);
    address at = address_of(each.bytes());
    const auto as = judge_.judge(hash, *found, each.lsn(), at);
    if (as == verdict::drop) return;
    if (as == verdict::drop_newest) {
      return gone_.push_back({hash, at, found->head.verb != format::key_verb::erase});
    }
    kept_.push_back({.hash = hash,
                     .from = at,
                     .bytes = each.bytes(),
                     .at = each.lsn(),
                     .time = each.time(),
                     .as = as});
  }

  /// Writes the survivors, with their lsns and times, and syncs them.
  void write() {
    segment_plan plan{.role = format::segment_role::compacted, .base = run_.front()->base()};
    plan.capacity = format::segment_header_bytes;
    for (const survivor& each : kept_) plan.capacity += room_for(each);
    fresh_ = store_.view().segments().create(plan);
    const timestamp begun = run_.front()->time_first();
    fresh_->begin(plan.base, begun);
    fresh_->see(run_.back()->time_last());
    const address base = store_.space().of(fresh_).base();
    place_ = {.next = plan.base, .time = begun};
    for (survivor& each : kept_) each.to = base + put(each);
    flush();
    fresh_->writable().sync();
    fresh_->seal(run_.back()->end(), place_.offset);
    fresh_->adopt_entries();
    store_.view().segments().settle(*fresh_, write_footer(*fresh_));
    fresh_->release();
    (void)fresh_->bytes();  // mapped before another process can compact it once more
  }

  static std::uint64_t room_for(const survivor& each) {
    return format::frame_bytes(each.bytes.size()) + format::frame_bytes(format::mark_bytes);
  }

  /// Puts one record, behind a mark if its time is another; returns the record's offset.
  std::uint64_t put(const survivor& each) {
    place_.next = each.at;
    if (each.time != place_.time || place_.offset == format::segment_header_bytes) {
      place_.time = each.time;
      const auto mark = format::encode(format::mark{fresh_->base() - 1, place_.time});
      put_frame(format::frame_kind::mark, 0, mark);
    }
    const auto found = format::decode_key_record(each.bytes);
    if (each.as == verdict::bury) return put_frame(format::frame_kind::record, 1, bury(*found));
    if (found->head.batched) return put_frame(format::frame_kind::record, 1, alone(*found));
    return put_frame(format::frame_kind::record, 1, each.bytes);
  }

  /// Makes of a record in a batch one that stands alone.
  static std::vector<std::byte> alone(const format::key_record& found) {
    std::vector<std::byte> record{found.bytes.begin(), found.bytes.end()};
    format::finish_batched(record, found.head.previous, found.head.near,
                           static_cast<std::uint32_t>(format::frame_header_bytes), 0);
    return record;
  }

  /// Makes a tombstone of a record.
  static std::vector<std::byte> bury(const format::key_record& found) {
    format::key_record_head head{.key_bytes = found.head.key_bytes,
                                 .verb = format::key_verb::erase,
                                 .previous = found.head.previous,
                                 .near = found.head.near};
    std::vector<std::byte> tombstone(head.record_bytes());
    format::encode_key_head(tombstone.data(), head);
    std::ranges::copy(found.key,
                      tombstone.begin() + static_cast<std::ptrdiff_t>(head.head_bytes()));
    return tombstone;
  }

  std::uint64_t put_frame(format::frame_kind kind, std::uint32_t count, bytes_view payload) {
    format::frame_header header{
        .payload_crc = format::crc32c(payload), .count = count, .kind = kind};
    header.payload_bytes = static_cast<std::uint32_t>(payload.size());
    header.first = place_.next;
    const std::uint64_t at = place_.offset;
    const std::uint64_t bytes = format::frame_bytes(payload.size());
    const std::size_t begin = buffer_.size();
    buffer_.resize(begin + bytes);
    format::encode_header(buffer_.data() + begin, header, fresh_->seed(), at);
    std::ranges::copy(payload, buffer_.begin() + static_cast<std::ptrdiff_t>(begin) +
                                   static_cast<std::ptrdiff_t>(format::frame_header_bytes));
    if (at + bytes > fresh_->entries().due())
      fresh_->entries().note({place_.next, at, place_.time});
    place_.offset += bytes;
    if (buffer_.size() >= piece_bytes) flush();
    return at + format::frame_header_bytes;
  }

  void flush() {
    fresh_->writable().write(place_.offset - buffer_.size(), buffer_);
    buffer_.clear();
  }

  /// Leads the keys to their new places.
  void lead() {
    auto& in = store_.space().of(fresh_);
    for (const survivor& each : kept_) {
      if (each.as == verdict::keep) continue;
      const auto after =
          each.as == verdict::bury ? std::optional{format::key_verb::erase} : std::nullopt;
      // What was written meanwhile stays where it is.
      if (!store_.move(each.hash, each.from, each.to, after)) in.add_dead(each.bytes.size());
    }
    for (const leaver& each : gone_) store_.drop(each.hash, each.from, each.lived);
  }

  /// Says in the keydir where records are that a failed sync has moved, instead of where they were.
  void lead_on(address base, const forwarding& moved) {
    auto& to = store_.space().of(std::static_pointer_cast<segment<Policies>>(moved.to));
    const auto seed = to.segment()->seed();
    format::frame_view frame;
    for (const auto& each : moved.moves) {
      if (format::read_header(to.bytes(), each.to, seed, frame) != format::frame_fault::none) {
        continue;
      }
      for_each_key_record(to.bytes(), frame, lsn{1}, [&](const auto& found, auto offset, lsn) {
        store_.move(store_.hash(found.key), base + each.from + (offset - each.to),
                    to.base() + offset, std::nullopt);
      });
    }
  }

  /// Lets the old segments go once nobody looks into them.
  void forget_places() {
    std::vector<std::shared_ptr<stretch<Policies>>> gone;
    for (const place& each : places_) {
      if (const auto* const moved = store_.space().find(each.number)->moved()) {
        lead_on(each.base, *moved);
      }
    }
    for (const place& each : places_) gone.push_back(store_.space().remove(each.number));
    store_.gate().wait_for_readers();
    for (const auto& each : gone) store_.space().reuse(*each);
  }

  void count(compaction_report& report) {
    report.segments_read += run_.size();
    report.records_read += records_read_;
    report.records_kept += kept_.size();
    report.bytes_read += bytes_read_;
    ++report.segments_written;
    report.bytes_written += fresh_->end_offset();
  }

  store_type& store_;
  segment_list_ptr<Policies> list_;
  std::vector<segment_ptr<Policies>> run_;
  compaction_judge<Policies> judge_;
  std::vector<place> places_;
  std::vector<survivor> kept_;
  std::vector<leaver> gone_;
  segment_ptr<Policies> fresh_;  // null: not made yet
  scan_place place_{};           // in fresh_
  std::vector<std::byte> buffer_;
  std::uint64_t records_read_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace logdb::detail
