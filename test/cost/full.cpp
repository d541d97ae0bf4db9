// SPDX-License-Identifier: BSL-1.0
/// @file
/// Appends to the default log: what check.py must find here it must not find in least.cpp.

#include <logdb/logdb.hpp>

logdb::lsn probe(logdb::durable_wal& log, std::string_view record) { return log.append(record); }
