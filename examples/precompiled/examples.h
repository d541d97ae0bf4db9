// SPDX-License-Identifier: BSL-1.0
/// @file
/// What every example includes, parsed once for all of them.

#include <logdb/logdb.hpp>
