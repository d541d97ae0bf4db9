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
#include <logdb/index/keydir/compact/compacted_run.hpp>
#include <logdb/index/keydir/compact/compaction_judge.hpp>
#include <logdb/index/keydir/compact/compaction_report.hpp>
#include <logdb/index/keydir/compact/survivors.hpp>
#include <logdb/journal/read/records.hpp>
#include <logdb/light.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// Compacts one run of segments that follow one another.
///
/// New segment first: written, synced, named in the manifest together with the going of the old
/// ones; only then keys point there, and only then old files go. What fails before the manifest
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
        judge_{store, *list_, first},
        segments_{store} {}
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
    segments_.note(*list_, run_);
    if (!choose(pause)) return false;
    segments_.settle_accounts();
    if (!is_worth()) return true;
    // What goes may have been replaced by a record that a power cut would still take.
    auto& view = store_.view();
    if constexpr (has_step<durability_point::replacement_durable>) {
      view.wait(view.reached(watermark::appended), watermark::durable);
    }
    replace_run();
    if constexpr (store_type::is_shared) (void)store_.learner().look();
    point();
    segments_.leave();
    count(report);
    return true;
  }

 private:
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
    auto& in = segments_.of(each.found.bytes);
    address at = in.address_of(each.found.bytes);
    const ruling ruled = judge_.judge(each.hash, each.found, each.at, at);
    in.count(each.found, ruled);
    if (ruled.as == verdict::drop) return;
    if (ruled.as == verdict::drop_newest) {
      return gone_.push_back({each.hash, at, each.found.head.verb != format::key_verb::erase});
    }
    kept_.add({.hash = each.hash,
               .from = at,
               .bytes = each.found.bytes,
               .at = each.at,
               .time = each.time,
               .ruled = ruled});
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
    const auto base_of = [this](const auto& made) { return store_.space().of(made).base(); };
    kept_.write(rewrite_, store_.view().options().index.stride_bytes, base_of);
  }

  /// Points the keys at the survivors.
  void point() {
    auto& in = store_.space().of(rewrite_.segment());
    segment_account later{.before = newest_before(*list_, run_.front()->base())};
    for (std::size_t n = 0; n < kept_.size(); ++n) {
      if (n % waiting_max == 0) expect(n);
      point(kept_[n], in);
      kept_[n].ruled.note_in(later, format::frame_bytes(kept_[n].bytes_after()));
    }
    in.settle(0, 0, std::move(later));
    for (const leaver& each : gone_) store_.drop(each.hash, each.from, each.lived);
  }

  void point(const survivor& each, stretch<Policies>& in) {
    const verdict as = each.ruled.as;
    if (as == verdict::keep) return;
    const auto after = as == verdict::bury ? std::optional{format::key_verb::erase} : std::nullopt;
    // What was written meanwhile stays where it is.
    if (!store_.move(each.hash, each.from, each.to, after)) in.add_dead(each.bytes.size());
  }

  /// Has the processor fetch what pointing the next ones will need.
  void expect(std::size_t from) {
    const auto inside = store_.gate().enter();
    for (std::size_t n = from; n < std::min(from + waiting_max, kept_.size()); ++n) {
      judge_.expect(kept_[n].hash);
    }
  }

  void count(compaction_report& report) {
    report.segments_read += run_.size();
    report.records_read += records_read_;
    report.records_kept += kept_.size();
    report.bytes_read += segments_.bytes_read();
    ++report.segments_written;
    report.bytes_written += rewrite_.segment()->end_offset();
  }

  store_type& store_;
  segment_list_ptr<Policies> list_;
  std::vector<segment_ptr<Policies>> run_;
  segment_rewrite<Policies> rewrite_;
  compaction_judge<Policies> judge_;
  compacted_run<Policies> segments_;
  std::vector<read_one> waiting_;
  survivors<Policies> kept_;
  std::vector<leaver> gone_;
  std::uint64_t records_read_ = 0;
};

}  // namespace logdb::detail
