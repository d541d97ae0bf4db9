// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What the two units of `two_units` tell each other.

namespace logdb::test {

/// Returns where the other unit sees the error category.
const void* address_in_other_unit();

}  // namespace logdb::test
