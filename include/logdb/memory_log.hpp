// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The log that is nothing but its index: where nothing is made durable and the index keeps all.

#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/options.hpp>
#include <logdb/policies.hpp>

namespace logdb {

namespace detail {

/// Is satisfied where an index is the whole log, so that a journal would only hold it twice.
template <class Policies>
concept without_journal = requires {
  requires Policies::index::template keeps_all<Policies>;
}
&&!Policies::storage::persistent;

template <class>
inline constexpr bool never = false;

}  // namespace detail

/// Is a log in memory whose index keeps everything: named through `basic_log<...>` or a preset.
///
/// It has no records: nothing is numbered, framed or checksummed, since there is nothing to read it
/// back from. What the index has is what there is.
///
/// @threads  every member from any thread; only moving and destroying need to be alone
template <class Policies>
requires detail::without_journal<Policies>
class log_engine<Policies> : public Policies::index::template face<log_engine<Policies>> {
 public:
  using policies = Policies;
  using index_policy = typename Policies::index;
  using options = basic_options<Policies>;

  /// Is this log with some policies replaced.
  template <class... Arguments>
  using with = detail::resolve_t<Policies, Arguments...>;

  /// Makes an empty log.
  ///
  /// @param label   names it in messages; nothing is opened
  /// @errors        errc::invalid_argument, also for retention; errc::not_found to read only: there
  ///                is never one yet
  explicit log_engine(const std::filesystem::path& label = {}, const options& chosen = {})
      : index_{std::make_unique<index_type>(label, examined(label, chosen))} {}
  log_engine(log_engine&&) noexcept = default;
  log_engine& operator=(log_engine&&) noexcept = default;
  ~log_engine() = default;

  /// Returns the log as it stands now, with every verb that reads.
  [[nodiscard]] auto snapshot() const { return view().snapshot(); }
  [[nodiscard]] auto stats() const { return view().index().stats(); }

  /// Ends the log: every later use throws errc::closed, but ranges and snapshots that were taken
  /// before can still be read. Closing again does nothing.
  void close() {
    if (index_ == nullptr) return;
    index_->kept.close();
    index_->closed.store(true);
  }

  template <class Never = void>
  void records() const {
    static_assert(detail::never<Never>,
                  "logdb: a log in memory with this index has no records; read it with the "
                  "index's verbs, such as range() or all()");
  }
  template <class Never = void>
  void tail() const {
    static_assert(detail::never<Never>,
                  "logdb: a log in memory with this index has no records; tail() needs a log on "
                  "Storage<Directory>");
  }
  template <class Never = void>
  void sync() const {
    static_assert(detail::never<Never>,
                  "logdb: nothing of a log in memory is ever durable; sync() needs a log on "
                  "Storage<Directory>");
  }

  /// Is what the face sees of the log.
  template <class Index>
  class view_type {
   public:
    explicit view_type(Index& kept) : kept_{kept} {}
    [[nodiscard]] Index& index() const { return kept_; }
    [[nodiscard]] auto snapshot() const { return kept_.snapshot(); }

    template <class Time, class Value>
    void append(Time time, const Value& value) const {
      kept_.append(time, value);
    }
    template <class Rows>
    void append_batch(const Rows& rows) const {
      kept_.append_batch(rows);
    }
    template <class Bounds>
    void erase(const Bounds& in) const {
      kept_.erase(in);
    }

   private:
    Index& kept_;
  };
  [[nodiscard]] auto view() { return view_type<kept_type>{open().kept}; }
  [[nodiscard]] auto view() const { return view_type<const kept_type>{open().kept}; }

 private:
  using kept_type = typename index_policy::template index<typename Policies::storage::system>;

  struct index_type {
    index_type(std::filesystem::path name, const options& chosen)
        : label{std::move(name)}, kept{chosen.index} {}

    std::filesystem::path label;
    kept_type kept;
    std::atomic<bool> closed = false;
  };

  static const options& examined(const std::filesystem::path& label, const options& chosen) {
    if (chosen.mode == open_mode::read_only) {
      throw error{errc::not_found, "a log in memory is empty when it is made", {.path = label}};
    }
    if (!chosen.retention.keeps_all()) {
      throw error{errc::invalid_argument,
                  "a log without records has none to give up: erase rows instead of retention",
                  {.path = label}};
    }
    return chosen;
  }

  [[nodiscard]] index_type& open() const {
    if (index_ == nullptr) throw error{errc::closed, "the log was moved from"};
    if (index_->closed.load(std::memory_order_relaxed)) [[unlikely]]
      throw error{errc::closed, "the log was closed", {.path = index_->label}};
    return *index_;
  }

  std::unique_ptr<index_type> index_;
};

}  // namespace logdb
