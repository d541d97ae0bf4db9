// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a control file proves about the writer that left it.

#include <logdb/types.hpp>

namespace logdb::detail {

/// What the control file of a dead writer proves; 0: nothing.
struct dead_writer {
  lsn kept{};      // these the kernel had at least, of this boot
  lsn appended{};  // with these, all in their segments now, it ended: it wrote nothing behind them
  bool is_copy =
      false;  // the segments are copies that were made while it wrote: they may have holes
};

}  // namespace logdb::detail
