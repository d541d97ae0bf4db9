// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Compaction: writes what is still needed of some segments to a new one and drops them.

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/index/keydir/compact/compaction_judge.hpp>
#include <logdb/index/keydir/compact/compaction_report.hpp>
#include <logdb/journal/read/records.hpp>
#include <logdb/light.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

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
  using verdict = ruling::verdict;

  /// @param first, end  of the run in the list
  compaction(store_type& store, segment_list_ptr<Policies> list, std::size_t first, std::size_t end)
      : store_{store},
        list_{std::move(list)},
        run_{list_->log.begin() + static_cast<std::ptrdiff_t>(first),
             list_->log.begin() + static_cast<std::ptrdiff_t>(end)},
        rewrite_(store.view().rewrite(run_)),
        judge_{store, *list_, first} {}
  compaction(const compaction&) = delete;
  compaction& operator=(const compaction&) = delete;

  /// Runs to the end, or until `pause(bytes)`, which is called now and then with what was read
  /// since, says to stop; then nothing has changed. `is_worth()` is asked once it is known of each
  /// segment what can go: if not, that alone has changed.
  /// @errors  errc::corrupt, errc::io, errc::no_space; nothing has changed
  template <class Pause, class IsWorth>
  bool run(compaction_report& report, Pause&& pause, IsWorth&& is_worth) {
    store_.refresh();                   // so that the keydir knows what others appended there
    store_.table().wait_for_writers();  // and what this process did
    note_places();
    if (!choose(pause)) return false;
    settle_accounts();
    if (!is_worth()) return true;
    // What goes may have been replaced by a record that a power cut would still take.
    auto& view = store_.view();
    if constexpr (has_step<durability_point::replacement_durable>) {
      view.wait(view.reached(watermark::appended), watermark::durable);
    }
    replace_run();
    if constexpr (store_type::is_shared) (void)store_.learner().look();
    lead();
    forget_places();
    count(report);
    return true;
  }

 private:
  /// Where the bytes of a segment are in memory, their addresses, and what of them can go.
  struct place {
    bytes_view bytes{};
    segment_number number{};
    address base = 0;
    stretch<Policies>* in = nullptr;
    std::uint64_t counted = 0;  // as dead, before
    std::uint64_t dead = 0;
    segment_account later{};
  };
  /// A record that stays.
  struct survivor {
    std::uint64_t hash = 0;
    address from = 0;
    address to = 0;
    bytes_view bytes{};  // in a segment of the run
    lsn at{};
    timestamp time{};
    ruling ruled{};
  };
  /// A record that was read and waits to be judged.
  struct read_one {
    std::uint64_t hash = 0;
    format::key_record found{};
    lsn at{};
    timestamp time{};
  };
  struct leaver {
    std::uint64_t hash = 0;
    address from = 0;
    bool lived = false;
  };

  static constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20;
  static constexpr std::size_t waiting_max = 32;  // more than a processor fetches at once

  void note_places() {
    for (const auto& each : run_) note_place(each);
    for (const auto& own : list_->attached) {
      if (own->base() >= run_.front()->base() && own->base() < run_.back()->end()) note_place(own);
    }
    light::sort(places_, [](const place& each) { return each.bytes.data(); });
  }
  void note_place(const segment_ptr<Policies>& each) {
    auto& in = store_.space().of(each);
    auto& next = places_.emplace_back();
    next.bytes = each->bytes();
    next.number = each->number();
    next.base = in.base();
    next.in = &in;
    next.counted = in.dead();
    next.later.before = newest_before(*list_, each->base());
    bytes_read_ += each->end_offset();
  }

  [[nodiscard]] place& place_of(bytes_view record) {
    const auto past = light::upper_bound(places_, record.data(),
                                         [](const place& each) { return each.bytes.data(); });
    return *std::prev(past);
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
      take(each);
      if (waiting_.size() == waiting_max) choose();
    }
    choose();
    return pause(unpaused);
  }

  void take(const record& each) {
    auto& next = waiting_.emplace_back();
    if (!format::decode_key_record(each.bytes(), next.found)) {
      throw error{errc::corrupt, "a record of a key-value log is no key's", {.at = each.lsn()}};
    }
    next.hash = store_.hash(next.found.key);
    next.at = each.lsn();
    next.time = each.time();
  }

  /// Judges those that wait. First all that the keydir has on them is fetched, so that they wait
  /// for memory together.
  void choose() {
    {
      const auto inside = store_.gate().enter();
      for (const read_one& each : waiting_) judge_.expect(each.hash);
    }
    for (const read_one& each : waiting_) choose(each);
    waiting_.clear();
  }

  void choose(const read_one& each) {
    place& in = place_of(each.found.bytes);
    address at = in.base + static_cast<std::uint64_t>(each.found.bytes.data() - in.bytes.data());
    const ruling ruled = judge_.judge(each.hash, each.found, each.at, at);
    note(each.found, ruled, in);
    if (ruled.as == verdict::drop) return;
    if (ruled.as == verdict::drop_newest) {
      return gone_.push_back({each.hash, at, each.found.head.verb != format::key_verb::erase});
    }
    kept_.push_back({.hash = each.hash,
                     .from = at,
                     .bytes = each.found.bytes,
                     .at = each.at,
                     .time = each.time,
                     .ruled = ruled});
  }

  /// Counts a record for its segment.
  static void note(const format::key_record& found, const ruling& ruled, place& in) {
    const std::uint64_t bytes = disk_bytes_of(found);
    if (ruled.as == verdict::drop || ruled.as == verdict::drop_newest) {
      in.dead += bytes;
      return;
    }
    const std::uint64_t saved = ruled.as == verdict::bury ? found.head.value_bytes : 0;
    in.dead += saved;
    ruled.note_in(in.later, bytes - saved);
  }

  void settle_accounts() {
    for (place& each : places_) each.in->settle(each.counted, each.dead, std::move(each.later));
  }

  /// Puts a segment of the survivors in the place of the run; what fails gives its addresses back.
  void replace_run() {
    try {
      write();
      rewrite_.publish();
    } catch (...) {
      if (rewrite_.segment() != nullptr) give_up(rewrite_.segment()->number());
      throw;
    }
  }
  void give_up(segment_number made) {
    if constexpr (store_type::is_shared) {
      store_.learner().note_given_up(made);  // another thread may have led keys there
    } else if (const auto unused = store_.space().remove(made)) {
      store_.space().reuse(*unused);
    }
  }

  /// Writes the survivors, with their lsns and times, and syncs them.
  void write() {
    rewrite_.begin(room());
    const address base = store_.space().of(rewrite_.segment()).base();
    for (survivor& each : kept_) each.to = base + put(each);
    rewrite_.finish();
  }

  /// Returns what the new segment takes, with its footer.
  [[nodiscard]] std::uint64_t room() const {
    rewrite_size size;
    for (const survivor& each : kept_) size.add(each.time, bytes_of(each));
    const std::uint64_t entries = size.frames() / store_.view().options().index.stride_bytes + 1;
    return size.capacity(entries * sizeof(index_entry) + kept_.size() * sizeof(key_hint));
  }

  static std::uint64_t bytes_of(const survivor& each) {
    return each.ruled.as == verdict::bury ? bury(*format::decode_key_record(each.bytes)).size()
                                          : each.bytes.size();
  }

  /// Puts one record and returns its offset.
  std::uint64_t put(const survivor& each) {
    const auto found = format::decode_key_record(each.bytes);
    if (each.ruled.as == verdict::bury) return rewrite_.put(each.at, each.time, bury(*found));
    if (found->head.batched) return rewrite_.put(each.at, each.time, alone(*found));
    return rewrite_.put_as_it_stands(each.at, each.time, each.bytes);
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
    std::copy(found.key.begin(), found.key.end(),
              tombstone.begin() + static_cast<std::ptrdiff_t>(head.head_bytes()));
    return tombstone;
  }

  /// Leads the keys to their new places.
  void lead() {
    auto& in = store_.space().of(rewrite_.segment());
    segment_account later{.before = newest_before(*list_, run_.front()->base())};
    for (std::size_t n = 0; n < kept_.size(); ++n) {
      if (n % waiting_max == 0) expect(n);
      lead(kept_[n], in);
      kept_[n].ruled.note_in(later, format::frame_bytes(bytes_of(kept_[n])));
    }
    in.settle(0, 0, std::move(later));
    for (const leaver& each : gone_) store_.drop(each.hash, each.from, each.lived);
  }

  void lead(const survivor& each, stretch<Policies>& in) {
    const verdict as = each.ruled.as;
    if (as == verdict::keep) return;
    const auto after = as == verdict::bury ? std::optional{format::key_verb::erase} : std::nullopt;
    // What was written meanwhile stays where it is.
    if (!store_.move(each.hash, each.from, each.to, after)) in.add_dead(each.bytes.size());
  }

  /// Has the processor fetch what leading the next ones will need.
  void expect(std::size_t from) {
    const auto inside = store_.gate().enter();
    for (std::size_t n = from; n < std::min(from + waiting_max, kept_.size()); ++n) {
      judge_.expect(kept_[n].hash);
    }
  }

  /// Says in the keydir where records are that a failed sync has moved, instead of where they were.
  void lead_on(address base, const relocation& moved) {
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
    report.bytes_written += rewrite_.segment()->end_offset();
  }

  store_type& store_;
  segment_list_ptr<Policies> list_;
  std::vector<segment_ptr<Policies>> run_;
  segment_rewrite<Policies> rewrite_;
  compaction_judge<Policies> judge_;
  std::vector<place> places_;
  std::vector<read_one> waiting_;
  std::vector<survivor> kept_;
  std::vector<leaver> gone_;
  std::uint64_t records_read_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace logdb::detail
