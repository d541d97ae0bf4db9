// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a log with some policies is made of, and what says why it lacks a verb.

#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>

#include <logdb/journal/follower.hpp>
#include <logdb/journal/journal.hpp>
#include <logdb/journal/no_journal.hpp>
#include <logdb/journal/read/snapshot.hpp>
#include <logdb/journal/transaction.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// In the place of the part that lives as long as its log, of an index that has none.
template <class Policies>
struct no_log_index {};

template <class Policies>
concept has_log_index = index_traits<typename Policies::index>::has_log_index;

// Why a log has no such verb.

template <class... Given>
void refuse_without_records() {
  static_assert(never<Given...>,
                "logdb: a log in memory with this index has no records; read it with the index's "
                "verbs, such as range() or all()");
}
template <class... Given>
void refuse_without_storage() {
  static_assert(never<Given...>,
                "logdb: nothing of a log in memory with this index is ever durable; use a log on "
                "Storage<Directory>");
}
template <class... Given>
void refuse_transactions() {
  static_assert(
      never<Given...>,
      "logdb: a log with this index has no transactions; append a range, which is atomic");
}
template <class... Given>
void refuse_truncation() {
  static_assert(never<Given...>,
                "logdb: a log with this index gives up no record by its age: use erase() and "
                "compact()");
}

template <class... Given>
void refuse_view() {
  static_assert(never<Given...>,
                "logdb: view() of a log is for the verbs of its index: use the log's own verbs, or "
                "derive the face of an index from index_face");
}

/// The verbs that a log does not have, of those of every log: their use does not compile, and says
/// why.
template <bool HasRecords, bool HasTransactions, bool MayTruncate>
class refused_verbs {
 public:
  template <class... Given>
  requires(!HasRecords) void records(const Given&...) const { refuse_without_records<Given...>(); }
  template <class... Given>
  requires(!HasRecords) void tail(const Given&...) const { refuse_without_records<Given...>(); }
  template <class... Given>
  requires(!HasRecords) void cursor(const Given&...) const { refuse_without_records<Given...>(); }
  template <class... Given>
  requires(!HasRecords) void first_lsn(const Given&...) const {
    refuse_without_records<Given...>();
  }
  template <class... Given>
  requires(!HasRecords) void last_lsn(const Given&...) const { refuse_without_records<Given...>(); }
  template <class... Given>
  requires(!HasRecords) void identity(const Given&...) const { refuse_without_records<Given...>(); }
  template <class... Given>
  requires(!HasRecords) void continues(const Given&...) const {
    refuse_without_records<Given...>();
  }
  template <class... Given>
  requires(!HasRecords) void verify(const Given&...) const { refuse_without_records<Given...>(); }
  template <class... Given>
  requires(!HasRecords) void recovery(const Given&...) const { refuse_without_storage<Given...>(); }
  template <class... Given>
  requires(!HasRecords) void sync(const Given&...) const { refuse_without_storage<Given...>(); }
  template <class... Given>
  requires(!HasRecords) void wait_durable(const Given&...) const {
    refuse_without_storage<Given...>();
  }
  template <class... Given>
  requires(!HasRecords) void durable_lsn(const Given&...) const {
    refuse_without_storage<Given...>();
  }
  template <class... Given>
  requires(!HasRecords) void loss_window(const Given&...) const {
    refuse_without_storage<Given...>();
  }
  template <class... Given>
  void view(const Given&...) const {
    refuse_view<Given...>();
  }
  template <class... Given>
  requires(!HasTransactions) void begin(const Given&...) const { refuse_transactions<Given...>(); }
  template <class... Given>
  requires(!MayTruncate) void truncate_front(const Given&...) const {
    refuse_truncation<Given...>();
  }
};

/// The index's part of a log: it lives as long as the log, or is nothing.
template <class Policies, class Log>
struct index_parts {
  using snapshot = log_snapshot<Policies>;
  using transaction = logdb::transaction<Log>;
  using index = no_log_index<Policies>;
};
template <has_log_index Policies, class Log>
struct index_parts<Policies, Log> {
  using snapshot = typename Policies::index::template snapshot<Policies>;
  using transaction = typename Policies::index::template transaction<Log>;
  using index = std::unique_ptr<typename Policies::index::template log_index<Policies>>;
};

/// The parts of a log.
template <class Policies, class Log>
struct log_parts : index_parts<Policies, Log> {
  static constexpr bool has_records = !without_journal<Policies>;
  static constexpr bool has_index = has_log_index<Policies>;
  static constexpr bool has_transactions =
      !std::is_same_v<typename index_parts<Policies, Log>::transaction, no_transaction>;
  static constexpr bool may_truncate =
      has_records && index_traits<typename Policies::index>::may_truncate;

  using writer = std::conditional_t<has_records, journal<Policies>, no_journal<Policies>>;
  using reader =
      std::conditional_t<has_records, std::unique_ptr<follower<Policies>>, std::nullptr_t>;
  using refused = refused_verbs<has_records, has_transactions, may_truncate>;
};

}  // namespace logdb::detail
