// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The contract of the Index axis: how records are found, and so which verbs a log has.
/// Table: docs/policies/index.md

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/policy/policy_traits.hpp>
#include <logdb/types.hpp>

namespace logdb {

/// A known place in a segment: the frame at `offset` begins with record `first`, appended about
/// `time`.
struct index_entry {
  lsn first{};
  std::uint64_t offset = 0;
  timestamp time{};
};

/// Bytes that an index keeps in a segment's footer beside those of `encode()`.
struct index_section {
  std::uint32_t id = 1;  ///< from 1 on, a number of the index's own; whoever does not know it skips
  std::vector<std::byte> bytes{};
};

namespace detail {

struct face_archetype {};
struct log_access;

}  // namespace detail

/// The key to what an index's verbs see of a log or a transaction, `view(log_key)`. The verbs of a
/// face have it, by index_face; programs that use a log cannot make one.
class log_key {
  friend struct detail::log_access;
  explicit log_key() = default;
};

namespace detail {

struct log_access {
  /// Returns what an index's verbs see of a log or a transaction.
  template <class Target>
  static auto view(Target& of) {
    return of.view(log_key{});
  }
};

}  // namespace detail

/// The base of an index's face, and of its transaction face: gives their verbs `this->view()`, what
/// they see of the log or transaction that they are part of.
template <class Target>
class index_face {
 protected:
  [[nodiscard]] auto view() { return detail::log_access::view(static_cast<Target&>(*this)); }
  [[nodiscard]] auto view() const {
    return detail::log_access::view(static_cast<const Target&>(*this));
  }
};

/// Satisfied by what an index keeps for one segment. One thread notes, any may look up
/// meanwhile.
///
/// `due()`         the offset from which on the next frame is to be noted
/// `note(e)`       learns a frame
/// `floor(lsn)`    the last entry with `first <= lsn`; `floor(time)` the last with `time < t`
/// `encode()`      the bytes for the segment's footer; empty: nothing worth keeping
/// `decode(bytes)` takes them back; false: damaged, the segment is rescanned
template <class I>
concept segment_index = requires(I& index, const I& known, const index_entry& entry,
                                 bytes_view bytes) {
  { known.due() } -> std::same_as<std::uint64_t>;
  { index.note(entry) } -> std::same_as<void>;
  { known.floor(lsn{}) } -> std::same_as<std::optional<index_entry>>;
  { known.floor(timestamp{}) } -> std::same_as<std::optional<index_entry>>;
  { known.encode() } -> std::same_as<std::vector<std::byte>>;
  { index.decode(bytes) } -> std::same_as<bool>;
};

namespace detail {

struct index_hook_names {
  static constexpr std::array names{"compatible_with", "fault",     "require",      "log_index",
                                    "learn",           "sections",  "forget_hints", "reads_staging",
                                    "keeps_log_time",  "keeps_all", "one_writer",   "own_cursors",
                                    "never_truncates"};
};

}  // namespace detail

/// Names the optional members that an index has, and says how it differs from the least one:
/// `static constexpr index_hooks hooks{"one_writer"};`.
///
/// `compatible_with`, `fault`
///                    as for every axis: detail::policy_traits; default: fits all; no fault
/// `require`          `P::require(options)`: throws when those of the log do not fit; default: any
///                    will do
/// `log_index`        `P::log_index<Policies>`, `P::snapshot<Policies>`, `P::transaction<Log>`: a
///                    part that lives as long as the log, and what snapshot() and begin() of the
///                    log return; default: a segment's is all there is
/// `learn`            `segment_index::learn(sealed)`: reads a sealed_segment before encode();
///                    default: what it noted is enough
/// `sections`         `segment_index::sections()` and `decode_section(id, bytes)`: what a footer
///                    has beside encode(); default: nothing, and what is there is skipped
/// `forget_hints`     `segment_index::forget_hints()`: frees what only encode() needed; default:
///                    nothing
/// `reads_staging`    keeps positions of records that are still in staging and copies from there;
///                    `segment_index::forward(moved)` says where a failed sync has moved them;
///                    default: reads segments only
/// `keeps_log_time`   records carry log time, which goes on evenly; default: the wall clock's
/// `keeps_all`        holds all there is: a log in memory needs no records; default: it does not
/// `one_writer`       hears only of what its own process writes: no Locking<Fcntl>; default: hears
///                    of all
/// `own_cursors`      `P::own_cursors`, a string_view: how the names of cursors begin that are the
///                    index's own; default: all are users'
/// `never_truncates`  records are not given up by their age: truncate_front() does not compile, and
///                    the options have no retention; default: they may be
using index_hooks = detail::hook_set<detail::index_hook_names>;

namespace detail {

/// Satisfied by what has the members of an index, but for hooks.
template <class P>
concept index_form =
    // First, so that a type without them gets one error line and not two.
    requires {
  typename P::options;
  typename P::segment_index;
}
&&std::default_initializable<typename P::options>&& segment_index<typename P::segment_index>&&
    std::constructible_from<typename P::segment_index, const typename P::options&,
                            std::uint64_t>&& requires {
  { P::name } -> std::convertible_to<std::string_view>;
  { P::id } -> std::convertible_to<std::uint32_t>;
  { P::reads(std::uint32_t{}) } -> std::same_as<bool>;
  typename P::template face<face_archetype>;
  typename P::template transaction_face<face_archetype>;
};

// What only `hooks` may say.
template <class P>
concept has_plain_hooks = requires {
  P::reads_staging;
}
|| requires { P::keeps_log_time; }
|| requires { P::keeps_all; }
|| requires { P::one_writer; }
|| requires { P::may_truncate; };

template <class P>
concept has_any_of_log_index = requires {
  typename P::template log_index<face_archetype>;
}
|| requires { typename P::template snapshot<face_archetype>; }
|| requires { typename P::template transaction<face_archetype>; };
template <class P>
concept has_all_of_log_index = requires {
  typename P::template log_index<face_archetype>;
  typename P::template snapshot<face_archetype>;
  typename P::template transaction<face_archetype>;
};

template <class P>
concept has_named_log_index = (P::hooks.has("log_index") && has_all_of_log_index<P>) ||
                              (!P::hooks.has("log_index") && !has_any_of_log_index<P>);

template <class P>
concept has_named_in_index = !has_plain_hooks<P> && has_named_log_index<P>;

/// Asserts in words that a type is an index policy.
template <class P>
consteval void explain_index() {
  static_assert(index_form<P>,
                "logdb: Index<P>: P is not an index_policy; see logdb/policy/index.hpp");
  if constexpr (index_form<P>) {
    static_assert(has_hooks<P, index_hooks>,
                  "logdb: Index<P>: P needs `static constexpr logdb::index_hooks hooks{...}`, to "
                  "name the optional members");
    static_assert(!has_hooks<P, index_hooks> || names_hooks<P, index_hooks>,
                  "logdb: Index<P>: P::hooks names what is no hook of an index; see index_hooks in "
                  "logdb/policy/index.hpp");
    static_assert(!has_plain_hooks<P>,
                  "logdb: Index<P>: reads_staging, keeps_log_time, keeps_all, one_writer and "
                  "never_truncates are named in P::hooks; nothing would read a plain member");
    if constexpr (names_hooks<P, index_hooks>) {
      static_assert(has_named_log_index<P>,
                    "logdb: Index<P>: P::hooks names log_index exactly if P has "
                    "log_index<Policies>, snapshot<Policies> and transaction<Log>");
    }
  }
}

}  // namespace detail

/// Satisfied by a policy of the Index axis. The least model is `detail::no_index`.
///
/// `name`, `id`     how it is called in messages, and on disk
/// `reads(id)`      whether it can open what the index with that id wrote
/// `options`        its run-time options
/// `segment_index`  what it keeps for one segment, made from `(options, capacity in bytes)`
/// `face<Log>`      the base class that gives the log its verbs; reaches the log by index_face
/// `transaction_face<Transaction>`  the same for the write verbs of a transaction
/// `hooks`          which optional members it has, an index_hooks
template <class P>
concept index_policy =
    detail::index_form<P> && detail::names_hooks<P, index_hooks> && detail::has_named_in_index<P>;

/// The hooks of an index, each with what holds where it has none.
template <class I>
struct index_traits : detail::policy_traits<I> {
  static constexpr bool reads_staging = I::hooks.has("reads_staging");
  static constexpr bool keeps_log_time = I::hooks.has("keeps_log_time");
  static constexpr bool keeps_all = I::hooks.has("keeps_all");
  static constexpr bool one_writer = I::hooks.has("one_writer");
  static constexpr bool may_truncate = !I::hooks.has("never_truncates");
  /// Whether a part of it lives as long as the log; the default: all it has is a segment's.
  static constexpr bool has_log_index = I::hooks.has("log_index");

  /// How the names of the cursors begin that are the index's own; empty, the default: it has none.
  static consteval std::string_view own_cursors() {
    constexpr bool has = requires { I::own_cursors; };
    static_assert(I::hooks.has("own_cursors") == has,
                  "logdb: Index<P>: P::hooks names own_cursors exactly if it has own_cursors");
    if constexpr (has) {
      return I::own_cursors;
    } else {
      return {};
    }
  }

  /// Looks at the options of a log before anything is opened; the default: any will do.
  /// @errors  errc::invalid_argument
  template <class Options>
  static void require(const Options& chosen) {
    constexpr bool has = requires { I::require(chosen); };
    static_assert(I::hooks.has("require") == has,
                  "logdb: Index<P>: P::hooks names require exactly if it has require(options)");
    if constexpr (has) I::require(chosen);
  }

  /// Whether it reads a whole segment once that is sealed; the default: what it noted is enough.
  template <class Entries, class Sealed>
  static consteval bool learns() {
    constexpr bool has = requires(Entries & entries, const Sealed& sealed) {
      entries.learn(sealed);
    };
    static_assert(I::hooks.has("learn") == has,
                  "logdb: Index<P>: P::hooks names learn exactly if its segment_index has "
                  "learn(sealed)");
    return has;
  }

  /// Returns what it keeps in a footer beside encode(); the default: nothing.
  template <class Entries>
  static std::vector<index_section> sections(const Entries& entries) {
    constexpr bool has = requires { entries.sections(); };
    static_assert(I::hooks.has("sections") == has,
                  "logdb: Index<P>: P::hooks names sections exactly if its segment_index has "
                  "sections()");
    if constexpr (has) {
      return entries.sections();
    } else {
      return {};
    }
  }
  /// Gives it back a section; the default: whatever it is is skipped. Returns false for damage.
  template <class Entries>
  static bool decode_section(Entries& entries, std::uint32_t id, bytes_view bytes) {
    constexpr bool has = requires { entries.decode_section(id, bytes); };
    static_assert(I::hooks.has("sections") == has,
                  "logdb: Index<P>: P::hooks names sections exactly if its segment_index has "
                  "decode_section(id, bytes)");
    if constexpr (has) {
      return entries.decode_section(id, bytes);
    } else {
      return true;
    }
  }

  /// Frees what only encode() needed; the default: there is no such thing.
  template <class Entries>
  static void forget_hints(Entries& entries) {
    constexpr bool has = requires { entries.forget_hints(); };
    static_assert(I::hooks.has("forget_hints") == has,
                  "logdb: Index<P>: P::hooks names forget_hints exactly if its segment_index has "
                  "forget_hints()");
    if constexpr (has) entries.forget_hints();
  }

  /// Says where the frames of a segment went whose sync failed. Requires reads_staging.
  template <class Entries, class Moved>
  static void forward(Entries& entries, Moved moved) noexcept {
    constexpr bool has = requires { entries.forward(std::move(moved)); };
    static_assert(has,
                  "logdb: Index<P>: P::hooks names reads_staging, so its segment_index needs "
                  "forward(moved)");
    if constexpr (has) entries.forward(std::move(moved));
  }
};

/// What an index with a `log_index` names as its `transaction<Log>` if it has none: then begin()
/// does not compile.
struct no_transaction {};

namespace detail {

/// Satisfied where an index is the whole log, so that a journal would only hold it twice: it
/// keeps everything, and nothing is made durable.
template <class Policies>
concept without_journal =
    index_traits<typename Policies::index>::keeps_all && !Policies::storage::persistent;

}  // namespace detail

}  // namespace logdb
