// SPDX-License-Identifier: BSL-1.0
#include <logdb/event_log.hpp>
#include <logdb/logdb.hpp>

#include "two_units.hpp"

const void* logdb::test::address_in_other_unit() { return &logdb::error_category(); }
