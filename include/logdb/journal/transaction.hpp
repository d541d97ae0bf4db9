// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Transactions: records that reach the log together or not at all.

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <logdb/journal/journal.hpp>
#include <logdb/journal/nested.hpp>
#include <logdb/journal/transaction_records.hpp>
#include <logdb/policy/index.hpp>

namespace logdb {

namespace detail {

/// What a transaction and those nested in it share: what was appended, and where each began.
template <class Policies>
class transaction_state {
 public:
  explicit transaction_state(journal<Policies>& target) : target_{target} {}

  [[nodiscard]] const basic_options<Policies>& options() const { return target_.core().options; }
  [[nodiscard]] std::uint64_t records() const { return spilled() + pending_.count(); }
  [[nodiscard]] std::size_t depth() const { return savepoints_.size(); }
  void push() { savepoints_.push_back({records(), spilled_place()}); }
  void pop() { savepoints_.pop_back(); }

  lsn add(bytes_view record) {
    const std::size_t length = record.size();
    return add(batch_view{record, {&length, 1}});
  }
  /// Adds all records of a batch, or none.
  lsn add(const batch_view& more) {
    target_.require_usable();
    target_.require_size(more.longest());
    const bool is_large = more.footprint() >= memory_bytes_max();
    // Before anything of it is taken: whether it is, must not depend on this.
    if (is_large || pending_.footprint() >= memory_bytes_max()) spill();
    is_large ? large_->add(more) : pending_.add(more);
    return lsn{records()};
  }

  /// Takes back what was appended since the last push().
  void rollback() noexcept {
    const savepoint& to = savepoints_.back();
    if (to.records >= spilled()) {
      pending_.truncate(static_cast<std::size_t>(to.records - spilled()));
    } else {
      large_->rollback(to.place);
      pending_.truncate(0);
    }
  }

  /// Appends all to the log. @errors as append(); nothing was appended, and nothing has changed
  ticket place() {
    if (!large_) return target_.place(pending_);
    spill();
    return target_.place(*large_);
  }
  lsn acknowledge(const ticket& put) { return target_.acknowledge(put); }

  [[nodiscard]] transaction_records<Policies> view() const {
    auto scope = target_.scope();
    return {std::move(scope), large_ ? std::optional{large_->scope()} : std::nullopt, pending_};
  }

 private:
  struct savepoint {
    std::uint64_t records;
    scan_place place;  // valid once what stood before it has spilled
  };

  [[nodiscard]] std::uint64_t spilled() const { return large_ ? large_->records() : 0; }
  [[nodiscard]] scan_place spilled_place() const { return large_ ? large_->place() : scan_place{}; }
  [[nodiscard]] std::uint64_t memory_bytes_max() const {
    return target_.core().inline_bytes_max() / 2;
  }

  /// Moves what is in memory to the segment, with a frame's end at each savepoint; all or nothing.
  void spill() {
    if (!large_) large_.emplace(target_.core());
    const scan_place before = large_->place();
    try {
      batch_view rest = pending_.view();
      for (savepoint& point : savepoints_) {
        if (point.records < spilled()) continue;
        large_->add(rest.split_front(static_cast<std::size_t>(point.records - spilled())));
        point.place = large_->place();
      }
      large_->add(rest);
    } catch (...) {
      large_->rollback(before);
      if (spilled() == 0) large_.reset();
      throw;
    }
    pending_.truncate(0);
  }

  journal<Policies>& target_;
  batch_builder pending_;
  std::optional<attachment<Policies>> large_;
  std::vector<savepoint> savepoints_;
};

/// What a transaction and those nested in it share: records, or what the index's `log_index` names.
template <class Policies, bool HasLogIndex>
struct transaction_state_of : std::type_identity<transaction_state<Policies>> {};
template <class Policies>
struct transaction_state_of<Policies, true>
    : std::type_identity<
          typename Policies::index::template log_index<Policies>::transaction_state> {};

}  // namespace detail

/// A unit of records: visible, and after a crash there, all together or not at all.
///
/// Built without holding any lock, so it delays nobody's appends. Any size that the disk holds:
/// what outgrows memory goes to a segment of its own. Rolled back when it is destroyed. The log
/// must outlive it, and may be closed or moved before; its `records()` may outlive both.
/// @threads  one at a time
template <class Log>
class transaction : public Log::index_policy::template transaction_face<transaction<Log>> {
 public:
  using policies = typename Log::policies;
  using state_type = typename detail::transaction_state_of<
      policies, index_traits<typename policies::index>::has_log_index>::type;

  /// For the log.
  explicit transaction(std::shared_ptr<state_type> state) : mine_{std::move(state)} {}

  /// Begins a transaction within this one: its rollback takes back only what it added, its commit
  /// hands that to this one. Until it ends, this one may not be written to.
  /// @errors  errc::invalid_argument: this one is over, or has another one within it
  [[nodiscard]] transaction begin() { return transaction{mine_.begin()}; }

  /// Hands the records on: to the log, or to the transaction around this one.
  ///
  /// @return  the lsn of the last record; of a nested one, or where the log has no records, its
  ///          number in the outermost
  /// @errors  as append(); nothing of it is in the log, and it may be committed again, or rolled
  ///          back: all that is left after a failed sync of what it had written (errc::io). With
  ///          errc::failed it is over, and may be there after the next open, whole
  lsn commit() {
    state_type& state = mine_.require_innermost();
    if (mine_.is_inner()) {
      state.pop();
      return lsn{mine_.end()->records()};
    }
    const auto put = state.place();
    return mine_.end()->acknowledge(put);
  }

  /// Takes everything back. What was written for it is unlinked.
  /// @errors  errc::invalid_argument: it is over, or one within it is open
  void rollback() {
    (void)mine_.require_innermost();
    mine_.abandon();
  }

  /// Returns how many records it holds, those of the transactions around it included.
  [[nodiscard]] std::uint64_t size() const { return mine_.require_begun().records(); }

  /// Returns the log's records and behind them its own, with the lsns that they would get now.
  ///
  /// The range stays as it is when the transaction goes on.
  /// @cost  copies what the transaction holds in memory
  [[nodiscard]] auto records() const requires requires(const state_type& own) { own.view(); }
  { return mine_.require_begun().view(); }

  /// Returns what the log's snapshot() shows now, with the writes of this transaction over it, and
  /// of those nested in it that are open. It stays as it is when the transaction goes on, and may
  /// outlive it.
  /// @errors  errc::closed
  [[nodiscard]] auto snapshot() const requires requires(state_type& own) { own.snapshot(); }
  { return mine_.require_begun().snapshot(); }

  /// The narrow view for the index's verbs.
  class view_type {
   public:
    explicit view_type(transaction& self) : self_{self} {}
    lsn append(bytes_view record) { return self_.mine_.require_innermost().add(record); }
    lsn append(const detail::batch_builder& batch) {
      return self_.mine_.require_innermost().add(batch.view());
    }

    /// Returns the options of the log.
    [[nodiscard]] const basic_options<policies>& options() const {
      return self_.mine_.require_innermost().options();
    }
    /// Returns what an index with a state of its own keeps of the transaction.
    [[nodiscard]] state_type& index() const { return self_.mine_.require_innermost(); }

   private:
    transaction& self_;
  };
  [[nodiscard]] view_type view(log_key) { return view_type{*this}; }

 private:
  explicit transaction(detail::nested<state_type> inner) : mine_{std::move(inner)} {}

  detail::nested<state_type> mine_;
};

}  // namespace logdb
