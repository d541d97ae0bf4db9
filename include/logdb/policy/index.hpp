// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The contract of the Index axis: how records are found, and so which verbs a log has.
/// Table: docs/policies/index.md

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <logdb/types.hpp>

namespace logdb {

/// Is a known place in a segment: the frame at `offset` begins with record `first`, appended about
/// `time`.
struct index_entry {
  lsn first{};
  std::uint64_t offset = 0;
  timestamp time{};
};

namespace detail {

struct face_archetype {};

}  // namespace detail

/// Is satisfied by what an index keeps for one segment. One thread notes, any may look up
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

/// Is satisfied by a policy of the Index axis. The least model is `detail::no_index`.
///
/// `name`, `id`     how it is called in messages, and on disk
/// `reads(id)`      whether it can open what the index with that id wrote
/// `options`        its run-time options
/// `segment_index`  what it keeps for one segment, made from `(options, capacity in bytes)`
/// `face<Log>`      the base class that gives the log its verbs; reaches the log by `Log::view()`
/// `transaction_face<Transaction>`  the same for the write verbs of a transaction
template <class P>
concept index_policy =
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
  typename P::template face<detail::face_archetype>;
  typename P::template transaction_face<detail::face_archetype>;
};

/// What an index with a `log_index` names as its `transaction<Log>` if it has none: then begin()
/// does not compile.
struct no_transaction {};

namespace detail {

/// Is satisfied where an index is the whole log, so that a journal would only hold it twice: it
/// keeps everything, and nothing is made durable.
template <class Policies>
concept without_journal = requires {
  requires Policies::index::template keeps_all<Policies>;
}
&&!Policies::storage::persistent;

}  // namespace detail

}  // namespace logdb
