// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a control file proves about the writer that left it.

#include <logdb/types.hpp>

namespace logdb::detail {

/// Is what the control file of a dead writer proves; 0: nothing.
struct dead_writer {
  lsn durable{};   // these were on stable storage
  lsn appended{};  // with these, all in their segments now, it ended: it wrote nothing behind them
};

}  // namespace logdb::detail
