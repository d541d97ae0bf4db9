// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `closed_key_log`: a small key-value log with every kind of segment, and what it holds.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "crash/support/damaged_store.hpp"
#include "support/temp_dir.hpp"

namespace logdb::test {

using format::key_verb;

/// Is what one record says.
struct statement {
  key_verb verb{};
  std::string key{};
  std::string value{};
  bool expired = false;
};

/// Is what keys have when some records have been applied.
struct contents {
  std::map<std::string, std::vector<std::string>> values{};  // the oldest first; of every key
  std::set<std::string> counted{};                           // what size() counts

  void apply(const statement& said) {
    auto& now = values[said.key];
    if (said.verb != key_verb::add) now.clear();
    const bool lives = said.verb != key_verb::erase;
    if (lives && !said.expired) now.push_back(said.value);
    lives ? (void)counted.insert(said.key) : (void)counted.erase(said.key);
  }
  [[nodiscard]] std::map<std::string, std::string> newest() const {
    std::map<std::string, std::string> found;
    for (const auto& [key, all] : values) {
      if (!all.empty()) found.emplace(key, all.back());
    }
    return found;
  }
};

template <class Log>
typename Log::options options_of(open_mode mode, recovery_mode recovery) {
  auto options = smallest<Log>();
  options.mode = mode;
  options.recovery = recovery;
  options.index.compaction.dead_ratio_max = 2;  // by hand
  return options;
}

/// Is a small log that was closed: of compacted, sealed, attached and active segments.
template <class Log>
struct closed_key_log {
  closed_key_log() {
    write();
    files.emplace(place / "log");
    const Log log{files->path(), options_of<Log>(open_mode::read_only, {})};
    for (const auto& each : log.snapshot().records()) {
      const auto found = format::decode_key_record(each.bytes());
      records[each.lsn()] = {found->head.verb, std::string{as_text(found->key)},
                             std::string{as_text(found->value)},
                             found->head.expires && *found->head.expires < each.time() + hour / 2};
    }
    expected = without({});
  }

  /// Returns what the log says without some of its records.
  [[nodiscard]] contents without(const std::set<lsn>& lost) const {
    contents left;
    for (const auto& [at, said] : records) left.values[said.key];
    for (const auto& [at, said] : records) {
      if (!lost.contains(at)) left.apply(said);
    }
    return left;
  }

  /// Returns the records that damage at a place of a file may cost.
  [[nodiscard]] std::set<lsn> lost_at(const std::string& name, std::size_t at) const {
    const std::string& file = files->image().at(name);
    format::segment_header header;
    const auto bytes = as_bytes(file);
    if (format::decode(bytes, header) != format::format_fault::none) return {};
    for (const auto& frame : frames_of(file)) {
      if (at < frame.offset || at >= frame.end()) continue;
      std::uint64_t count = frame.header.count;
      lsn first = frame.header.first;
      if (frame.header.kind == format::frame_kind::attach) {
        const auto payload =
            bytes.subspan(frame.offset + format::frame_header_bytes, frame.header.payload_bytes);
        count = format::decode_attach(payload)->records;
      } else if (name == attached) {
        first = attached_at + (first - lsn{1});
      }
      std::set<lsn> lost;
      while (count-- != 0) lost.insert(first + count);
      return lost;
    }
    return {};
  }

  temp_dir place;
  std::optional<damaged_store> files;
  std::map<lsn, statement> records;
  contents expected;
  std::string attached;  // the file of a transaction of its own
  lsn attached_at{};

 private:
  static constexpr auto hour = std::chrono::minutes{60};

  void write() {
    Log log{place / "log", options_of<Log>(open_mode::read_write, {})};
    const auto fill = [&log](const char* key) { log.put(key, std::string(5000, '\0')); };
    for (int round = 0; round < 2; ++round) {
      for (int n = 0; n < 4; ++n) {
        log.put("key " + std::to_string(n), "round " + std::to_string(round));
      }
      log.put("batched", "alone " + std::to_string(round));
      log.put("erased", "value");
      fill("filler");
      fill("filler");
    }
    log.erase("erased");
    log.compact();
    log.put("many", "first");
    fill("filler");
    log.add("many", "second");
    log.put(std::vector<std::pair<std::string, std::string>>{
        {"batched", "one"}, {"key 1", "in a batch"}, {"batched", "two"}});
    fill("more");
    log.put("expired", "soon", std::chrono::nanoseconds{0});
    log.put("lasting", "for an hour", hour);
    write_attached(log);
    log.add("many", "third");
    fill("more");
    log.erase("key 2");
    log.put("key 3", "newest");
    fill("last");
    log.put("key 0", "newest");
    log.close();
  }

  void write_attached(Log& log) {
    const auto before = read_live_store(place / "log");
    auto transaction = log.begin();
    transaction.put("attached", "value");
    for (int n = 0; n < 3; ++n) {
      transaction.put("large " + std::to_string(n), std::string(6000, '\0'));
    }
    transaction.put("batched", "in a transaction");
    attached_at = transaction.commit() - 4;
    for (const auto& [name, bytes] : read_live_store(place / "log")) {
      format::segment_header header;
      const bool is_new = !before.contains(name) &&
                          format::decode(as_bytes(bytes), header) == format::format_fault::none;
      if (is_new && header.role == format::segment_role::attached) attached = name;
    }
  }
};

}  // namespace logdb::test
