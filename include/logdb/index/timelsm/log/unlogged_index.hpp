// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The index of a time log in memory: it is the whole log.

#include <memory>

#include <logdb/index/timelsm/index.hpp>
#include <logdb/index/timelsm/write/row_changes.hpp>
#include <logdb/journal/no_journal.hpp>

namespace logdb::timelsm {

template <class Policies>
class row_transaction;

/// A time index that no log stands behind.
///
/// @threads  any
template <class Policies>
class unlogged_index
    : public time_index<typename Policies::index::value_type, typename Policies::storage::system> {
 public:
  using value_type = typename Policies::index::value_type;
  using transaction_state = row_transaction<Policies>;

  /// @param log  says whether it is open, and with which options it was made
  explicit unlogged_index(const detail::no_journal<Policies>& log)
      : unlogged_index::time_index{log.options().index}, log_{log} {}

  /// Begins a transaction.
  template <class Transaction>
  [[nodiscard]] Transaction begin() {
    return Transaction{std::make_shared<typename Transaction::state_type>(*this)};
  }

  // What a transaction asks for; its writes are records in its memory only.

  /// Returns the flags of its records.
  [[nodiscard]] static std::uint8_t flags() { return 0; }
  /// @errors  errc::closed
  void require_readable() const { log_.require_usable(); }
  /// @errors  errc::closed
  void require_fits(std::uint64_t /*bytes*/) const { log_.require_usable(); }

  /// Writes that were carried out together.
  struct many_writes {
    lsn last;  // the number of the last, from 1
  };

  /// Accepts a write of nothing. @errors errc::closed
  lsn write_nothing() const {
    log_.require_usable();
    return {};
  }
  /// Carries out what records say, all or nothing. @errors errc::closed, errc::busy
  [[nodiscard]] std::unique_ptr<many_writes> put(const record_batch& records) {
    log_.require_usable();
    auto made = std::make_unique<many_writes>(many_writes{lsn{records.count()}});
    const row_changes<value_type> what{records.view()};
    unlogged none;
    this->apply(what.hidden, what.rows(), none);
    return made;
  }
  [[nodiscard]] static lsn acknowledge(const many_writes& put) { return put.last; }

 private:
  const detail::no_journal<Policies>& log_;
};

}  // namespace logdb::timelsm
