// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The axes that what is stored depends on.

namespace logdb::detail {

/// Stands for the policies of a log where its storage and its index are all that matters: what
/// names no more than these is one type for all durabilities and lockings.
template <class Storage, class Index>
struct stored {
  using storage = Storage;
  using index = Index;
};

/// Leaves of a policy set what is stored; of a `stored` itself.
template <class Policies>
using stored_of = stored<typename Policies::storage, typename Policies::index>;

}  // namespace logdb::detail
