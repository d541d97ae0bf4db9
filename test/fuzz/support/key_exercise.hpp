// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `key_exercise`: opens the files of a key-value log of unknown content, reads it in every way,
/// writes, and opens it again.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "disk.hpp"
#include "survey.hpp"

namespace logdb::fuzz {

template <class Order>
using key_log = basic_log<Storage<Disk>, Durability<Async>, Index<BasicKeyDir<Order>>>;

/// Makes a small key-value log, always with the same bytes: compacted, sealed, attached and active
/// segments, closed or as a writer that was killed leaves it.
template <class Log>
file_set_ptr make_key_store(bool closes) {
  fuzz_system::reset();
  auto files = std::make_shared<file_set>();
  auto chosen = small_options<Log>(files);
  chosen.index.compaction.dead_ratio_max = 2;
  Log log{"log", chosen};
  const auto fill = [&log] { log.put("filler", std::string(5000, '\0')); };
  for (const char* const value : {"old", "new"}) {
    for (const char* const key : {"a", "b", "c", "erased"}) log.put(key, value);
    fill();
    fill();
  }
  log.erase("erased");
  log.compact();
  log.add("a", "more");
  log.put(std::vector<std::pair<std::string, std::string>>{{"b", "1"}, {"d", "2"}, {"b", "3"}});
  log.put("mortal", "x", std::chrono::hours{1});
  fill();
  auto transaction = log.begin();
  for (const char* const key : {"x", "y"}) transaction.put(key, std::string(6000, '\0'));
  transaction.put("b", "large");
  transaction.commit();
  fill();
  log.add("a", "last");
  log.erase("c");
  if (!closes) return files->copy();
  log.close();
  return files;
}

/// Puts one set of files through the life of a key-value log.
template <class Log>
class key_exercise {
 public:
  key_exercise(file_set_ptr files, bool salvages)
      : files_{std::move(files)}, salvages_{salvages}, bytes_max_{files_->bytes()} {}

  void run() {
    const justified scope{bytes_max_};
    read_beside();
    (void)error_of([&] { write(); });
    read_beside();
  }

 private:
  using pairs = std::map<std::string, std::string>;

  [[nodiscard]] typename Log::options options(open_mode mode) const {
    auto chosen = small_options<Log>(files_);
    chosen.mode = mode;
    chosen.recovery = salvages_ ? recovery_mode::salvage : recovery_mode::refuse;
    chosen.index.compaction.dead_ratio_max = 2;
    return chosen;
  }

  void read_beside() {
    const auto before = files_->contents();
    (void)error_of([&] {
      const Log log{"log", options(open_mode::read_only)};
      examine(log);
    });
    require(files_->contents() == before, "reading writes nothing");
  }

  void write() {
    Log log{"log", options(open_mode::read_write)};
    examine(log);
    // What is damaged may be in the way of a write, but not of what the write did.
    const auto thrown = error_of([&] { use(log); });
    if (thrown) require_damage(*thrown);
    examine(log);
    const auto stopped = error_of([&] { (void)log.compact(); });
    if (stopped) require_damage(*stopped);
    log.close();
  }

  void use(Log& log) {
    log.put("a", "fresh");
    require(text_of(log, "a") == "fresh", "what was put is there");
    log.add("a", "second");
    log.put(pairs{{"b", "fresh"}, {"new", "fresh"}});
    require(text_of(log, "b") == "fresh" && text_of(log, "new") == "fresh", "a batch is there");
    log.erase("a");
    require(!log.contains("a"), "what was erased is gone");
    const auto now = log.get("new");
    require(log.compare_and_put("new", now->lsn(), "later").has_value(), "the lsn is the newest");
  }

  [[nodiscard]] static std::string text_of(const Log& log, const std::string& key) {
    const auto found = log.get(key);
    return found ? std::string{found->text()} : "none";
  }

  /// Asks everything: each answer agrees with the others, or is an error that damage explains.
  void examine(const Log& log) const {
    std::optional<pairs> walked;
    ask([&] { walked = pairs_of(log.entries()); });
    for (const char* const key : {"a", "b", "c", "erased", "mortal", "x", "never", ""}) {
      ask([&] { ask_for(log, key, walked); });
    }
    if constexpr (Log::policies::index::is_ordered) {
      ask([&] {
        const pairs ordered = pairs_of(log.lower_bound(""));
        require(!walked || !salvages_ || ordered == *walked, "an ordered walk gives the same");
        require(pairs_of(log.lower_bound("").reversed()) == ordered, "and so does one back");
      });
    }
    ask([&] { log.snapshot().for_each([](const auto&, const auto&) {}); });
    (void)log.size();
    (void)log.verify();
  }

  void ask_for(const Log& log, const std::string& key, const std::optional<pairs>& walked) const {
    const auto value = log.get(key);
    require(value.has_value() == log.contains(key), "contains agrees with get");
    if (walked && salvages_) {
      const auto known = walked->find(key);
      require(value.has_value() == (known != walked->end()), "a walk gives what get gives");
      if (value) require(value->text() == known->second, "a walk gives the value of get");
    }
    (void)log.values(key);
    (void)log.history(key);
    (void)log.get(key, log.first_lsn());
    (void)log.get(key, timestamp::max());
  }

  template <class Range>
  [[nodiscard]] pairs pairs_of(Range&& range) const {
    pairs found;
    for (const auto& [key, value] : range) {
      require(found.size() <= bytes_max_, "a walk gives no more keys than fit");
      found.insert_or_assign(std::string{key.text()}, std::string{value.text()});
    }
    return found;
  }

  template <class Question>
  static void ask(Question question) {
    const auto thrown = error_of(question);
    if (thrown) require_damage(*thrown);
  }

  file_set_ptr files_;
  bool salvages_;
  std::size_t bytes_max_;
};

}  // namespace logdb::fuzz
