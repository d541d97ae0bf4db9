// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What an index that lives as long as its log sees of it: three parts, by what is done with it.

#include <logdb/journal/view/index_read.hpp>
#include <logdb/journal/view/index_rewrite.hpp>
#include <logdb/journal/view/index_write.hpp>

namespace logdb {

/// A log as its index sees it: what a `log_index<Policies>` is made from. Copies see the same log,
/// for as long as that is open.
///
/// What needs one part alone takes an index_read, index_write or index_rewrite. The contract:
/// docs/policies/index.md
/// @threads  any
template <class Policies>
class index_view : public index_read<Policies>,
                   public index_write<Policies>,
                   public index_rewrite<Policies> {
 public:
  index_view(detail::journal<Policies>& owner, detail::journal_state<Policies>& core,
             detail::committer<Policies>& commits, detail::keeper<Policies>& keep,
             detail::appender<Policies>& append)
      : index_read<Policies>{owner, core, commits},
        index_write<Policies>{owner, core, commits, append},
        index_rewrite<Policies>{owner, core, keep, append} {}
  explicit index_view(detail::follower<Policies>& owner) : index_read<Policies>{owner} {}
};

}  // namespace logdb
