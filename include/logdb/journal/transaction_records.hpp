// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a transaction sees: the log as it stands, then its own records.

#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>

#include <logdb/journal/read/snapshot.hpp>
#include <logdb/journal/write/batch_builder.hpp>

namespace logdb::detail {

/// The records of a log followed by those of a transaction on it.
/// @threads  as record_range
template <class Policies>
class transaction_records : public std::ranges::view_base {
 public:
  transaction_records() = default;
  /// @param pending  those of the transaction; copied
  transaction_records(const log_snapshot<Policies>& log, const batch_builder& pending)
      : transaction_records{log.scope(), std::nullopt, pending} {}
  transaction_records(read_scope<Policies> log, std::optional<read_scope<Policies>> spilled,
                      const batch_builder& pending)
      : log_{log, log.first},
        end_{log.last},
        pending_{std::make_shared<const batch_builder>(pending)} {
    if (spilled) spilled_ = record_range<Policies>{*spilled, lsn{1}};
  }

  /// Walks one part after the other.
  class walker {
   public:
    walker() = default;
    explicit walker(const transaction_records& range)
        : in_log_{range.log_.begin()},
          in_spilled_{range.spilled_.begin()},
          pending_{range.pending_},
          next_{range.end_} {}

    /// Gives the next record; false: there is none. @errors as record_range
    bool next(record& out) {
      if (std::exchange(begun_, true)) advance();
      return give(out);
    }

   private:
    void advance() {
      if (in_log_ != std::default_sentinel) {
        ++in_log_;
      } else if (in_spilled_ != std::default_sentinel) {
        ++in_spilled_;
      } else {
        offset_ += pending_->lengths()[place_++];
      }
    }
    bool give(record& out) {
      if (in_log_ != std::default_sentinel) {
        out = *in_log_;
      } else if (in_spilled_ != std::default_sentinel) {
        out = *in_spilled_;
        out.move_to(out.bytes(), ++next_, out.time());
      } else if (pending_ != nullptr && place_ < pending_->count()) {
        const bytes_view bytes = pending_->bytes().subspan(offset_, pending_->lengths()[place_]);
        out = record{pending_, bytes, ++next_, timestamp{}};
      } else {
        return false;
      }
      return true;
    }

    typename record_range<Policies>::iterator in_log_;
    typename record_range<Policies>::iterator in_spilled_;
    std::shared_ptr<const batch_builder> pending_;
    std::size_t place_ = 0;   // in pending_
    std::size_t offset_ = 0;  // of its bytes
    lsn next_{};              // given to the last one of the transaction's own
    bool begun_ = false;
  };
  using iterator = record_iterator<walker>;

  [[nodiscard]] iterator begin() const { return iterator{walker{*this}}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  record_range<Policies> log_;
  record_range<Policies> spilled_;
  lsn end_{};  // the log's last record
  std::shared_ptr<const batch_builder> pending_;
};

}  // namespace logdb::detail

namespace logdb {

/// What `records()` of a transaction gives: made of a log_snapshot, and of a record_batch that is
/// to follow it.
template <class Policies>
using transaction_records = detail::transaction_records<Policies>;

}  // namespace logdb
