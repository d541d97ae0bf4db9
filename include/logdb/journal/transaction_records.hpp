// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a transaction sees: the log as it stands, then its own records.

#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>

#include <logdb/journal/read/records.hpp>
#include <logdb/journal/write/batch_builder.hpp>

namespace logdb::detail {

/// The records of a log followed by those of a transaction on it.
/// @threads  as record_range
template <class Policies>
class transaction_records : public std::ranges::view_base {
 public:
  transaction_records() = default;
  transaction_records(read_scope<Policies> log, std::optional<read_scope<Policies>> spilled,
                      const batch_builder& pending)
      : log_{log, log.first},
        end_{log.last},
        pending_{std::make_shared<const batch_builder>(pending)} {
    if (spilled) spilled_ = record_range<Policies>{*spilled, lsn{1}};
  }

  class iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = record;
    using difference_type = std::ptrdiff_t;
    using reference = const record&;
    using pointer = const record*;

    iterator() = default;
    reference operator*() const { return current_; }
    pointer operator->() const { return &current_; }
    iterator& operator++() {
      if (in_log_ != std::default_sentinel) {
        ++in_log_;
      } else if (in_spilled_ != std::default_sentinel) {
        ++in_spilled_;
      } else {
        offset_ += pending_->lengths()[place_++];
      }
      return settle();
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, std::default_sentinel_t) { return a.done_; }
    friend bool operator==(const iterator& a, const iterator& b) {
      return a.done_ == b.done_ && (a.done_ || a.current_.lsn() == b.current_.lsn());
    }

   private:
    friend class transaction_records;
    explicit iterator(const transaction_records& range)
        : in_log_{range.log_.begin()},
          in_spilled_{range.spilled_.begin()},
          pending_{range.pending_},
          next_{range.end_} {
      settle();
    }

    /// Points at whichever record comes first now.
    iterator& settle() {
      done_ = false;
      if (in_log_ != std::default_sentinel) {
        current_ = *in_log_;
      } else if (in_spilled_ != std::default_sentinel) {
        current_ = *in_spilled_;
        current_.move_to(current_.bytes(), ++next_, current_.time());
      } else if (pending_ != nullptr && place_ < pending_->count()) {
        const bytes_view bytes = pending_->bytes().subspan(offset_, pending_->lengths()[place_]);
        current_ = record{pending_, bytes, ++next_, timestamp{}};
      } else {
        done_ = true;
      }
      return *this;
    }

    typename record_range<Policies>::iterator in_log_;
    typename record_range<Policies>::iterator in_spilled_;
    std::shared_ptr<const batch_builder> pending_;
    std::size_t place_ = 0;   // in pending_
    std::size_t offset_ = 0;  // of its bytes
    lsn next_{};              // given to the last one of the transaction's own
    record current_;
    bool done_ = true;
  };

  [[nodiscard]] iterator begin() const { return iterator{*this}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  record_range<Policies> log_;
  record_range<Policies> spilled_;
  lsn end_{};  // the log's last record
  std::shared_ptr<const batch_builder> pending_;
};

}  // namespace logdb::detail
