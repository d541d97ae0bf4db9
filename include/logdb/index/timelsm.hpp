// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Index<TimeLSM>: a multimap from times to values; `BasicTimeLSM<V>` for values of a type, whose
/// columns a scan yields as spans.

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <logdb/fwd.hpp>
#include <logdb/index/none.hpp>
#include <logdb/index/timelsm/face.hpp>
#include <logdb/index/timelsm/index.hpp>
#include <logdb/index/timelsm/log/logged_index.hpp>
#include <logdb/index/timelsm/log/unlogged_index.hpp>
#include <logdb/index/timelsm/share/shared_index.hpp>
#include <logdb/index/timelsm/write/row_transaction.hpp>
#include <logdb/journal/transaction.hpp>
#include <logdb/policy/index.hpp>

namespace logdb {

/// Keeps rows of a time and a value of type V, found by time. Equal times keep the order of their
/// insertion; a deletion hides what was inserted before it. With a storage V is no pointer and no
/// view.
template <class V>
struct BasicTimeLSM {
  static_assert(column_value<V>,
                "logdb: BasicTimeLSM<V>: V is bytes_value, or a type that is trivially copyable "
                "and has a default");

  using value_type = V;
  using options = timelsm_options<V>;

  static constexpr std::string_view name = "TimeLSM";
  static constexpr std::uint32_t id = 3;

  static constexpr bool reads(std::uint32_t written_by) { return written_by == id; }

  // Where nothing is made durable it is the whole log: a journal would hold each row a second time
  // and take most of an append's time.
  static constexpr index_hooks hooks{"fault", "log_index", "keeps_all", "own_cursors",
                                     "never_truncates"};

  using segment_index = detail::no_index::segment_index;

  /// Cursors whose names begin so are the index's own.
  static constexpr std::string_view own_cursors = "logdb.";

  /// The part that lives as long as the log.
  template <class Policies>
  using log_index = std::conditional_t<
      detail::without_journal<Policies>, timelsm::unlogged_index<Policies>,
      std::conditional_t<timelsm::has_many_writers<Policies>, timelsm::shared_index<Policies>,
                         timelsm::logged_index<Policies>>>;
  template <class Policies>
  using snapshot = time_snapshot<V>;
  template <class Log>
  using transaction = logdb::transaction<Log>;

  template <class Log>
  class face : public timelsm::write_face<Log, V>, public timelsm::read_face<Log, V> {};

  template <class Transaction>
  class transaction_face : public timelsm::row_verbs<Transaction, V>,
                           public timelsm::row_reads<Transaction, V> {};
};

}  // namespace logdb
