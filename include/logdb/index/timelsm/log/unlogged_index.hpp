// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The index of a time log in memory: it is the whole log.

#include <logdb/index/timelsm/index.hpp>

namespace logdb::timelsm {

/// A time index that no log stands behind.
///
/// @threads  any
template <class Policies>
class unlogged_index
    : public time_index<typename Policies::index::value_type, typename Policies::storage::system> {
 public:
  /// @param log  says with which options it was made
  template <class Log>
  explicit unlogged_index(const Log& log) : unlogged_index::time_index{log.options().index} {}
};

}  // namespace logdb::timelsm
