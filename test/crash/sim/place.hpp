// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Where a simulated log keeps its files: in a directory, or in one file and beside it.

#include <algorithm>
#include <array>
#include <concepts>
#include <map>
#include <string>
#include <string_view>

#include <logdb/format/files/names.hpp>
#include <logdb/format/files/single_file.hpp>
#include <logdb/storage/single_file.hpp>

#include "disk.hpp"
#include "system.hpp"

namespace logdb::sim {

inline constexpr const char* log_path = "/sim/log";

template <class Log>
inline constexpr bool is_one_file =
    std::same_as<typename Log::policies::storage, BasicSingleFile<sim_system>>;

/// Is the directory in which a log's control file stands.
template <class Log>
inline constexpr const char* control_directory = is_one_file<Log> ? disk::root : log_path;

template <class Log>
std::string control_name() {
  return (is_one_file<Log> ? "log-" : "") + std::string{format::control_name};
}

inline std::string_view text_of(const inode& file) {
  return as_text({file.cache()->data(), static_cast<std::size_t>(file.size())});
}

using inner_files = std::map<std::string, std::string_view>;

/// Returns the files within a file, by the newest head and table that are whole.
inline inner_files files_within(std::string_view file) {
  inner_files found;
  std::uint64_t newest = 0;
  for (std::size_t slot = 0; slot < format::single_file_heads; ++slot) {
    const std::size_t at = std::min<std::size_t>(slot * format::region_alignment, file.size());
    format::single_file_head head;
    const auto bytes = as_bytes(file.substr(at, format::single_file_head_bytes));
    if (format::decode(bytes, head) != format::format_fault::none) continue;
    const std::size_t table_at = std::min<std::size_t>(head.table_offset, file.size());
    const auto entries =
        format::decode_table(head, as_bytes(file.substr(table_at, head.table_bytes)));
    if (!entries || head.generation <= newest) continue;
    newest = head.generation;
    found.clear();
    for (const auto& entry : *entries) {
      const std::size_t begin = std::min<std::size_t>(entry.offset, file.size());
      found[entry.name] = file.substr(begin, entry.size);
    }
  }
  return found;
}

/// Returns the files of a log by their names.
template <class Log>
inner_files files_of(disk& storage) {
  inner_files found;
  if constexpr (is_one_file<Log>) {
    found = files_within(text_of(*storage.find(disk::root)->now.at("log")));
  } else {
    for (const auto& [name, file] : storage.find(log_path)->now) found[name] = text_of(*file);
  }
  return found;
}

}  // namespace logdb::sim
