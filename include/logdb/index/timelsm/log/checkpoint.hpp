// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Writes checkpoints: what is sealed and not stored yet as a run of blocks, and the directory of
/// all blocks; then gives up the records that these stand for.

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include <logdb/index/timelsm/core.hpp>
#include <logdb/index/timelsm/log/row_marks.hpp>
#include <logdb/index/timelsm/log/runs.hpp>
#include <logdb/index/timelsm/maintain/exchange.hpp>
#include <logdb/index/timelsm/read/hidden_counts.hpp>
#include <logdb/journal/view/index_view.hpp>
#include <logdb/light.hpp>

namespace logdb::timelsm {

/// Names the cursor that stands at the last checkpoint.
inline constexpr const char* checkpoint_cursor = "logdb.checkpoint";

/// Chooses runs whose blocks are to be moved: those that are needed by less than half, and small
/// ones when there are many.
class run_choice {
 public:
  /// Counts a block that is needed.
  void see(const block_entry& one) {
    auto& use = uses_[one.file->number()];
    use.bytes = one.file->bytes();
    use.needed += one.bytes;
  }
  void choose() {
    std::vector<std::pair<std::uint64_t, segment_number>> rest;
    for (auto& [number, use] : uses_) {
      use.goes = 2 * use.needed < use.bytes;
      if (!use.goes) rest.emplace_back(use.needed, number);
    }
    if (rest.size() <= runs_max) return;
    light::sort(rest);
    rest.resize(rest.size() - runs_max / 2);
    for (const auto& one : rest) uses_[one.second].goes = true;
  }
  [[nodiscard]] bool goes(const block_entry& one) const {
    const auto found = uses_.find(one.file->number());
    return found != uses_.end() && found->second.goes;
  }

 private:
  static constexpr std::size_t runs_max = 64;

  struct run_use {
    std::uint64_t bytes = 0;
    std::uint64_t needed = 0;
    bool goes = false;
  };

  std::unordered_map<segment_number, run_use> uses_;
};

/// Writes one checkpoint.
///
/// First the run, a segment of its own that is durable before a frame of the log names it; then the
/// directory; then the cursor; only then what they stand for goes. Appends go on meanwhile.
template <class Policies, class Index>
class checkpoint_writer {
 public:
  using log_view = index_view<Policies>;

  checkpoint_writer(log_view& log, Index& index,
                    const row_marks<typename Policies::index::value_type>& marks)
      : log_{log}, index_{index}, marks_{marks} {}

  /// Seals what is to be stored.
  /// @param last  returns the last record that the index has; called while nobody writes
  template <class Last>
  void mark(Last last) {
    seen_ = index_.mark([&] { upto_ = last(); });
    before_ = index_.reach_mark();
  }
  /// Stores it. @return  the bytes of the directory
  /// @errors  errc::no_space, errc::io, errc::failed, errc::corrupt: nothing was given up
  std::uint64_t store() {
    write_run();
    directory_.deleted = deletions_of(seen_);
    at_ = write_directory({.upto = upto_, .deletions = seen_.deletions()});
    log_.set_cursor(checkpoint_cursor, at_);
    log_.sync();
    if (!exchange_.empty()) index_.exchange(exchange_);
    log_.truncate_front(upto_ + 1, needed());
    index_.counted().checkpoints.fetch_add(1, std::memory_order_relaxed);
    return bytes_;
  }
  /// Returns the lsn of the checkpoint.
  [[nodiscard]] lsn at() const { return at_; }

 private:
  using V = typename Policies::index::value_type;
  using file_type = log_run_file<Policies>;
  using attachment = detail::attachment<Policies>;

  static constexpr std::size_t piece_bytes_max = std::size_t{64} << 10;

  static fragments deletions_of(const view<V>& seen) {
    fragments all;
    seen.at->deleted->each([&all](const fragment& one) { all.push_back(one); });
    const auto recent = disjoint({seen.at->growing->recent.data(), seen.seen.deletions});
    return overlay(all, recent);
  }

  [[nodiscard]] bool is_new(const slice<V>& one) const {
    return one.stored == nullptr ||
           (choice_.goes(one.stored->where()) && is_sound(one.stored->where()));
  }

  /// Tells whether a block can be moved; a damaged one stays, and fails whatever asks for it.
  static bool is_sound(const block_entry& where) {
    try {
      return where.file->record(where.offset).size() == where.bytes;
    } catch (const error& damage) {
      if (damage.condition() != errc::corrupt) throw;
      return false;
    }
  }

  /// Writes what is not stored yet, and what is moved, as one run.
  void write_run() {
    each_sealed(*before_, [this](const slices<V>& all) {
      for (const auto* one = all.first; one != all.last; ++one) {
        if (one->stored != nullptr) choice_.see(one->stored->where());
      }
    });
    choice_.choose();
    plan(before_->l1, directory_.sealed->l1);
    auto& l0 = directory_.sealed->l0;
    l0.resize(before_->l0.size());
    for (std::size_t i = 0; i < l0.size(); ++i) plan(before_->l0[i], l0[i]);
    let_go();
    if (!pieces_.empty()) write_pieces();
    directory_.sealed->count();
  }

  /// Seals the active segment if it alone keeps more than `segment_bytes` that nobody needs: runs
  /// and large batches go with the segment that commits them, and that would take none else.
  void let_go() {
    const auto list = log_.scope().list;
    lsn active{};
    for (const auto& each : list->log) active = std::max(active, each->base());
    const auto kept = needed();
    std::uint64_t bytes = 0;
    for (const auto& own : list->attached) {
      const bool goes_with_it = active <= own->base() && own->base() <= upto_;
      if (goes_with_it && !std::binary_search(kept.begin(), kept.end(), own->number()))
        bytes += own->end_offset();
    }
    if (bytes > log_.options().segment_bytes) log_.seal_active();
  }

  /// Rows that become a block.
  struct piece {
    const slice<V>* from = nullptr;
    std::size_t begin = 0;
    std::size_t end = 0;
    sorted_run<V>* run = nullptr;  // of the directory
    std::size_t place = 0;         // in it
  };

  /// Makes a place in the directory for each block there is to be.
  void plan(const sorted_run<V>& run, sorted_run<V>& to) {
    for (const auto& one : run) {
      if (!is_new(one)) {
        to.push_back(one);
        continue;
      }
      for (std::size_t at = 0, end = 0; at < one.size; at = end) {
        end = one.stored != nullptr ? one.size : at + index_.rows_of_block(one.rows().drop(at));
        pieces_.push_back({&one, at, end, &to, to.size()});
        to.emplace_back();
      }
    }
  }

  void write_pieces() {
    attachment own = log_.begin_attached();
    add(own, run_mark{pieces_.size()}.encode().bytes());
    std::vector<block_entry> written;
    written.reserve(pieces_.size());
    for (const piece& one : pieces_) written.push_back(write(own, one));
    log_.append(own);
    const auto file = open_run(own.number());
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      written[i].file = file;
      settle(pieces_[i], std::move(written[i]));
    }
    hand_over();
  }

  static void add(attachment& own, bytes_view record) {
    detail::batch_builder alone;
    alone.add(record);
    own.add(std::move(alone));
  }

  block_entry write(attachment& own, const piece& one) {
    block_entry made{.offset = own.place().offset, .rows = one.end - one.begin};
    if (one.from->stored != nullptr) {
      const block_entry& where = one.from->stored->where();
      const bytes_view record = where.file->record(where.offset);
      made.bytes = record.size();
      made.first = where.first, made.last = where.last;
      add(own, record);
    } else {
      const columns<V> rows = one.from->rows().drop(one.begin).take(made.rows);
      const column_pair<V> shown{{rows.times, rows.size}, {rows.values, rows.size}};
      const auto record =
          batch_encoder<V, column_pair<V>>{shown}.run(record_kind::block, marks_.flags());
      made.bytes = record.bytes().size();
      made.first = rows.times[0], made.last = rows.times[rows.size - 1];
      add(own, record.bytes());
    }
    index_.counted().rows_stored.fetch_add(made.rows, std::memory_order_relaxed);
    index_.counted().bytes_stored.fetch_add(made.bytes, std::memory_order_relaxed);
    return made;
  }

  [[nodiscard]] run_file_ptr open_run(segment_number number) {
    const auto own = log_.scope().list->find_attached(number);
    if (own == nullptr) throw error{errc::corrupt, "a run is missing"};
    return std::make_shared<file_type>(own);
  }

  void settle(const piece& one, block_entry entry) {
    (*one.run)[one.place] = make_slice<V>(
        std::make_shared<stored_block<V>>(index_.cache(), std::move(entry)), one.from->applied);
  }

  /// Says which slices of the tree the blocks stand for.
  void hand_over() {
    for (std::size_t i = 0; i < pieces_.size();) {
      const slice<V>* const from = pieces_[i].from;
      sorted_run<V> parts;
      for (; i < pieces_.size() && pieces_[i].from == from; ++i) {
        parts.push_back((*pieces_[i].run)[pieces_[i].place]);
      }
      exchange_.add(*from, std::move(parts));
    }
  }

  /// @return  the lsn of the mark
  lsn write_directory(checkpoint_mark mark) {
    const auto coded = directory_encoder<V>{directory_}.run();
    bytes_ = mark.bytes = coded.size();
    mark.records = (coded.size() + piece_bytes_max - 1) / piece_bytes_max;
    detail::batch_builder whole;
    whole.add(mark.encode().bytes());
    bytes_view left = coded;
    while (!left.empty()) {
      const auto bytes = std::min(left.size(), piece_bytes_max);
      record_buffer part{sizeof(std::uint64_t) + bytes};
      part.put(marks_.directory_head());
      part.put(left.first(bytes));
      whole.add(part.bytes());
      left = left.subspan(bytes);
    }
    return log_.append(whole) - mark.records;
  }

  /// Returns the segments that the directory needs, but for a run that is not written yet.
  [[nodiscard]] std::vector<segment_number> needed() const {
    std::vector<segment_number> all;
    directory_.each_run([&all](const sorted_run<V>& run) {
      for (const auto& one : run) {
        if (one.stored != nullptr) all.push_back(one.stored->where().file->number());
      }
    });
    light::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  log_view& log_;
  Index& index_;
  const row_marks<V>& marks_;
  view<V> seen_{};
  lsn upto_{};
  lsn at_{};
  std::shared_ptr<const tree<V>> before_;
  run_choice choice_;
  directory<V> directory_;
  std::vector<piece> pieces_;
  slice_exchange<V> exchange_;
  std::uint64_t bytes_ = 0;
};

}  // namespace logdb::timelsm
