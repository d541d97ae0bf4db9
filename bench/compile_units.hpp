// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The small units that bench/compile has compiled: logdb's presets and what stands beside them.

#include <string>
#include <vector>

namespace bench {

/// A unit to compile: the header that it includes, and functions that use what is in it.
struct unit {
  std::string name;
  std::string header;
  std::string code{};           ///< empty: the header is included and not used
  bool takes_compiled = false;  ///< liblogdb has the preset: LOGDB_COMPILED
};

namespace detail {

/// Writes a function around the steps of a use; they may speak of `path` and add to `bytes`.
inline std::string use(const std::string& name, const std::string& steps) {
  return "std::size_t use_" + name + "(const char* path) {\n  std::size_t bytes = 0;\n" + steps +
         "  return bytes;\n}\n";
}

inline std::string use_records(const std::string& preset) {
  return use(preset, "  logdb::" + preset + R"( log{path};
  log.append("one");
  for (const auto& record : log.records()) bytes += record.size();
  log.close();
)");
}

inline std::string use_events(const std::string& preset) {
  return use(preset, "  logdb::" + preset + R"( log{path};
  log.append({{"level", "INFO"}, {"ms", 12}});
  for (const auto& record : log.records()) bytes += record.size();
  log.close();
)");
}

inline std::string use_keys(const std::string& preset) {
  return use(preset, "  logdb::" + preset + R"( log{path};
  log.put("key", "value");
  log.erase("another");
  if (const auto found = log.get("key")) bytes += found->size();
  log.close();
)");
}

inline std::string use_times(const std::string& preset) {
  return use(preset, "  logdb::" + preset + R"( log{path};
  log.append(1, "one");
  log.erase(5, 6);
  for (const auto row : log.range(0, 9)) bytes += row.time == 1 ? 1 : 0;
  log.close();
)");
}

}  // namespace detail

/// Lists each preset, used by its own header.
inline std::vector<unit> presets() {
  std::vector<unit> all;
  for (const std::string name : {"durable_wal", "async_wal", "shared_wal"})
    all.push_back({name, "logdb/" + name + ".hpp", detail::use_records(name)});
  all.push_back({"event_log", "logdb/event_log.hpp", detail::use_events("event_log")});
  for (const std::string name : {"kv_store", "shared_kv"})
    all.push_back({name, "logdb/" + name + ".hpp", detail::use_keys(name)});
  for (const std::string name : {"timelog", "memory_timelog"})
    all.push_back({name, "logdb/" + name + ".hpp", detail::use_times(name)});
  return all;
}

/// Returns a unit as it is for a program that takes the presets from liblogdb.
inline unit compiled(unit each) {
  each.name += ", of liblogdb";
  each.takes_compiled = true;
  return each;
}

/// Makes one unit of all presets that logdb.hpp has.
inline unit all_presets() {
  unit all{"all presets", "logdb/logdb.hpp"};
  for (const unit& each : presets()) {
    if (each.name != "event_log") all.code += each.code;
  }
  return all;
}

/// Lists what stands beside logdb; the first is what ratios are told to.
inline std::vector<unit> peers() {
  return {{"nlohmann/json, used", "nlohmann/json.hpp", detail::use("json", R"(
  auto value = nlohmann::json::parse(path);
  value["more"] = {1, 2, 3};
  bytes += value.dump().size();
)")},
          {"nlohmann/json, unused", "nlohmann/json.hpp"},
          {"rocksdb/db.h, used", "rocksdb/db.h", detail::use("rocksdb", R"(
  rocksdb::DB* store = nullptr;
  if (!rocksdb::DB::Open({}, path, &store).ok()) return 0;
  std::string value;
  if (store->Put({}, "key", "value").ok() && store->Get({}, "key", &value).ok())
    bytes += value.size();
  delete store;
)")},
          {"spdlog, used", "spdlog/spdlog.h", detail::use("spdlog", R"(
  spdlog::info("{} of {}", 1, path);
)")}};
}

}  // namespace bench
