// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a transaction of a time log holds: rows and deletions that reach the log together, or the
/// index, where that is the whole log.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <logdb/index/timelsm/columns/codec.hpp>
#include <logdb/index/timelsm/read/snapshot.hpp>
#include <logdb/index/timelsm/write/own_rows.hpp>
#include <logdb/index/timelsm/write/row_changes.hpp>
#include <logdb/journal/write/batch_builder.hpp>

namespace logdb::timelsm {

/// The writes of a transaction and of those nested in it, as records, in memory.
///
/// @threads  one at a time
template <class Policies>
class row_transaction {
 public:
  using index_type = typename Policies::index::template log_index<Policies>;
  using value_type = typename Policies::index::value_type;

  explicit row_transaction(index_type& of) : index_{of} {}

  [[nodiscard]] std::uint64_t records() const { return writes_.count(); }
  [[nodiscard]] std::size_t depth() const { return savepoints_.size(); }
  void push() { savepoints_.push_back({writes_.count(), found_}); }
  void pop() { savepoints_.pop_back(); }
  /// Takes back what was written since the last push().
  void rollback() noexcept {
    writes_.truncate(savepoints_.back().records);
    found_ = savepoints_.back().found;
  }

  // The verbs of rows; each returns the number of its record, from 1.

  lsn append(time_type time, const value_type& value) {
    return add(encode_row(time, value, index_.flags()).bytes());
  }
  template <class Rows>
  lsn append_batch(const Rows& rows) {
    if (rows.size() == 0) return lsn{records()};
    batch_encoder<value_type, Rows> encoder{rows};
    return add(encoder.run(record_kind::rows, index_.flags()).bytes());
  }
  lsn erase(const bounds& in) {
    return in.empty() ? lsn{records()} : add(encode_deletion(in).bytes());
  }
  [[nodiscard]] time_type now() const { return index_.now(); }

  /// Returns the rows of the log as they stand now, with what was written here behind them.
  /// @errors  errc::closed
  /// @cost    that of the log's snapshot(), and of own_rows for what was written since the last one
  [[nodiscard]] time_snapshot<value_type> snapshot() {
    index_.require_readable();
    find_written();
    return time_snapshot<value_type>{found_.rows.over(index_.snapshot().seen())};
  }

  /// Puts all into the log and the index. @errors as an append of the log; nothing was put
  lsn place() {
    if (writes_.empty()) return index_.write_nothing();
    put_ = index_.put(writes_);
    return lsn{};
  }
  /// Waits as the durability says. @errors errc::failed
  lsn acknowledge(lsn nothing) { return put_ ? index_.acknowledge(*put_) : nothing; }

 private:
  /// What reads find of the first records: those that were written when the last read came.
  struct found_rows {
    own_rows<value_type> rows{};
    std::size_t records = 0;
    std::size_t bytes = 0;
  };
  struct savepoint {
    std::size_t records = 0;
    found_rows found{};
  };

  void find_written() {
    if (found_.records == writes_.count()) return;
    const row_changes<value_type> more{
        {writes_.bytes().subspan(found_.bytes), writes_.lengths().subspan(found_.records)}};
    found_.rows.add(more.hidden, {more.times.data(), more.values.data(), more.times.size()});
    found_.records = writes_.count();
    found_.bytes = writes_.bytes().size();
  }

  lsn add(bytes_view record) {
    index_.require_fits(record.size());
    writes_.add(record);
    return lsn{records()};
  }

  index_type& index_;
  detail::batch_builder writes_;
  found_rows found_;
  std::vector<savepoint> savepoints_;
  std::unique_ptr<typename index_type::many_writes> put_;  // null: not committed, or nothing was
};

}  // namespace logdb::timelsm
