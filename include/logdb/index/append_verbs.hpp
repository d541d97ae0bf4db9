// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The verb `append`, shared by the indexes whose records are plain bytes.

#include <ranges>
#include <utility>

#include <logdb/journal/write/batch_builder.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Satisfied by a range of things that can be appended, such as std::vector<std::string>.
template <class R>
concept range_of_bytes = std::ranges::input_range<R> && !bytes_like<R> &&
                         bytes_like<std::remove_cvref_t<std::ranges::range_reference_t<R>>>;

/// Gives `append` to a log or a transaction, by its narrow view.
template <class Target>
class append_verbs {
 public:
  /// Appends one record and returns its lsn; within a transaction, its number there, from 1.
  ///
  /// @param record   payload, 0 .. options::record_bytes_max bytes; copied, may be reused on return
  /// @return         the lsn given to it: the previous one + 1
  /// @errors         errc::record_too_large, errc::no_space, errc::failed, errc::closed,
  ///                 errc::read_only; nothing was appended
  /// @durability     as the durability policy promises: docs/policies/durability.md
  /// @threads        any
  /// @blocks         for the append lock; for a sync if the policy waits for one
  /// @cost           O(bytes); amortised no system call
  /// @source         group commit: DeWitt et al., SIGMOD 1984
  template <bytes_like Bytes>
  lsn append(const Bytes& record) {
    return log_access::view(self()).append(to_bytes(record));
  }

  /// Appends the records of a range as one batch, atomically: after a crash all of them are there
  /// or none.
  ///
  /// @param records  any range of things that `append` takes; an empty one appends nothing
  /// @return         the lsn of the last of them; of an empty range, `last_lsn()`
  /// @errors         as for one record
  /// @cost           O(bytes); 2 to 4 bytes a record on disk, and 24 for the batch
  template <range_of_bytes Range>
  lsn append(Range&& records) {
    batch_builder batch;
    for (auto&& record : records) batch.add(to_bytes(record));
    return log_access::view(self()).append(std::move(batch));
  }

 private:
  Target& self() { return static_cast<Target&>(*this); }
};

}  // namespace logdb::detail
