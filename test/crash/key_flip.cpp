// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_flip
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/closed_key_log.hpp"
#include "crash/support/quick_system.hpp"

// A key-value log that is harmed at one bit or cut at one byte: who does not salvage is told, or
// has the right answer; who salvages has what the intact records say.

namespace {

using logdb::errc;
using logdb::recovery_mode;
using logdb::test::closed_key_log;
using logdb::test::contents;
using logdb::test::options_of;

template <class Order>
using kv_of =
    logdb::basic_log<logdb::Storage<logdb::BasicDirectory<logdb::test::quick_system>>,
                     logdb::Durability<logdb::Async>, logdb::Index<logdb::BasicKeyDir<Order>>,
                     logdb::Locking<logdb::Flock>>;
using plain = kv_of<logdb::Unordered>;
using ordered = kv_of<logdb::Ordered>;
using logs = boost::mp11::mp_list<plain, ordered>;

bool is_about_damage(errc condition) {
  return condition == errc::corrupt || condition == errc::not_a_log ||
         condition == errc::format_mismatch;
}

/// Calls; returns whether it was told of damage.
template <class Call>
bool is_refused(Call call) {
  try {
    call();
    return false;
  } catch (const logdb::error& failure) {
    if (!is_about_damage(failure.condition())) throw;
    return true;
  }
}

std::map<std::string, std::string> entries_of(const auto& log) {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : log.entries()) {
    BOOST_TEST_REQUIRE(found.emplace(key.text(), value.text()).second);
  }
  return found;
}

std::vector<std::string> texts_of(const std::vector<logdb::key_value>& values) {
  std::vector<std::string> texts;
  for (const auto& each : values) texts.emplace_back(each.text());
  return texts;
}

template <class Log>
std::map<std::string, std::string> in_order(const Log& log) {
  if constexpr (Log::policies::index::is_ordered) {
    std::map<std::string, std::string> found;
    std::string last;
    for (const auto& [key, value] : log.lower_bound("")) {
      BOOST_TEST_REQUIRE((found.empty() || last < key.text()));
      last = key.text();
      found.emplace(key.text(), value.text());
    }
    return found;
  } else {
    return entries_of(log);
  }
}

/// Says what is wrong with the answers about one key; nothing: each is right, or is an error.
template <class Log>
std::optional<std::string> wrong_key(const Log& log, const contents& right, const std::string& key,
                                     bool may_fail) {
  const auto& all = right.values.at(key);
  std::optional<std::string> wrong;
  const bool refused = is_refused([&] {
    const auto value = log.get(key);
    if (value.has_value() == all.empty() || (value && value->text() != all.back())) {
      wrong =
          "get of " + key + (value ? " gives '" + std::string{value->text()} + "'" : " gives none");
    } else if (log.contains(key) == all.empty()) {
      wrong = "contains " + key;
    } else if (const auto found = texts_of(log.values(key)); found != all) {
      // Behind a version that is lost there is no way to those before it.
      const bool is_end =
          found.size() <= all.size() && std::equal(found.rbegin(), found.rend(), all.rbegin());
      if (may_fail || !is_end || found.empty() != all.empty()) wrong = "values of " + key;
    }
  });
  if (refused && !may_fail) return "salvage throws for " + key;
  return wrong;
}

/// Says what is wrong with a log; nothing: each answer is right, or is an error if it may be.
template <class Log>
std::optional<std::string> wrong_in(const Log& log, const contents& right, bool may_fail) {
  for (const auto& [key, all] : right.values) {
    if (auto wrong = wrong_key(log, right, key, may_fail)) return wrong;
  }
  if (log.get("never put")) return "there is a key that was never put";
  std::optional<std::string> wrong;
  const auto newest = right.newest();
  const auto expect = [&](bool holds, const char* what) {
    if (!holds && !wrong) wrong = what;
  };
  const auto ask = [&](auto question) {
    if (is_refused(question)) expect(may_fail, "salvage throws in a walk");
  };
  ask([&] { expect(entries_of(log) == newest, "entries"); });
  ask([&] { expect(in_order(log) == newest, "order"); });
  ask([&] { expect(log.size() == right.counted.size(), "size"); });
  ask([&] {
    const auto now = log.snapshot();
    std::size_t count = 0;
    now.for_each([&](const auto& key, const auto& value) {
      const auto known = newest.find(std::string{key.text()});
      expect(known != newest.end() && known->second == value.text(), "snapshot");
      ++count;
    });
    expect(count == newest.size(), "keys of a snapshot");
  });
  return wrong;
}

/// Says what is wrong with the store as it is, for who does not salvage.
template <class Log>
std::optional<std::string> wrong_if_refusing(const closed_key_log<Log>& was,
                                             logdb::open_mode mode) {
  std::optional<std::string> wrong;
  (void)is_refused([&] {
    Log log{was.files->path(), options_of<Log>(mode, recovery_mode::refuse)};
    wrong = wrong_in(log, was.expected, true);
    if (wrong || mode == logdb::open_mode::read_only) return;
    for (const auto& [key, all] : was.expected.values) {
      if (is_refused([&, &key = key] { log.put(key, "written anew"); })) continue;
      const auto found = log.get(key);
      if (!found || found->text() != "written anew") wrong = "put of " + key;
    }
  });
  return wrong;
}

template <class Log>
std::optional<std::string> wrong_if_salvaging(const closed_key_log<Log>& was, logdb::open_mode mode,
                                              const contents& right) {
  try {
    const Log log{was.files->path(), options_of<Log>(mode, recovery_mode::salvage)};
    return wrong_in(log, right, false);
  } catch (const logdb::error& failure) {
    return failure.what();
  }
}

void require_right(const std::optional<std::string>& wrong, const std::string& name, std::size_t at,
                   int bit) {
  if (!wrong) return;
  BOOST_ERROR(*wrong + ": " + name + " byte " + std::to_string(at) + " bit " + std::to_string(bit));
}

constexpr auto reads = logdb::open_mode::read_only;
constexpr auto writes = logdb::open_mode::read_write;

// The ordered log has the same files: fewer of its bits are tried.
template <class Log>
constexpr std::size_t share = Log::policies::index::is_ordered ? 40 : 10;

BOOST_AUTO_TEST_CASE_TEMPLATE(the_log_has_every_kind_of_segment, Log, logs) {
  const closed_key_log<Log> was;
  std::set<logdb::format::segment_role> roles;
  for (const auto& [name, bytes] : was.files->image()) {
    logdb::format::segment_header header;
    if (logdb::format::decode(logdb::as_bytes(bytes), header) ==
        logdb::format::format_fault::none) {
      roles.insert(header.role);
    }
  }
  BOOST_TEST(roles.size() == 3U);
  BOOST_TEST(!was.attached.empty());
  BOOST_TEST(was.expected.values.at("many").size() == 3U);
  BOOST_TEST(was.expected.values.at("expired").empty());
  for (const auto mode : {reads, writes}) {
    BOOST_TEST(wrong_if_salvaging(was, mode, was.expected).value_or("") == "");
    BOOST_TEST(wrong_if_refusing(was, mode).value_or("") == "");
    was.files->restore();
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_flipped_bit_is_an_error_or_harmless_to_a_reader, Log, logs) {
  const closed_key_log<Log> was;
  was.files->for_each_bit(share<Log>, [&](const std::string& name, std::size_t at, int bit) {
    was.files->with_flip(name, at, bit,
                         [&] { require_right(wrong_if_refusing(was, reads), name, at, bit); });
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_flipped_bit_is_an_error_or_harmless_to_a_writer, Log, logs) {
  const closed_key_log<Log> was;
  was.files->for_each_bit(8 * share<Log>, [&](const std::string& name, std::size_t at, int bit) {
    was.files->with_flip_to_write(
        name, at, bit, [&] { require_right(wrong_if_refusing(was, writes), name, at, bit); });
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(salvage_gives_what_the_intact_records_say, Log, logs) {
  const closed_key_log<Log> was;
  was.files->for_each_bit(share<Log>, [&](const std::string& name, std::size_t at, int bit) {
    if (name == "manifest") return;
    const contents right = was.without(was.lost_at(name, at));
    was.files->with_flip(name, at, bit, [&] {
      require_right(wrong_if_salvaging(was, reads, right), name, at, bit);
    });
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_salvages_to_write_has_the_same, Log, logs) {
  const closed_key_log<Log> was;
  was.files->for_each_bit(8 * share<Log>, [&](const std::string& name, std::size_t at, int bit) {
    if (name == "manifest") return;
    const contents right = was.without(was.lost_at(name, at));
    was.files->with_flip_to_write(name, at, bit, [&] {
      require_right(wrong_if_salvaging(was, writes, right), name, at, bit);
    });
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_file_that_was_cut_is_an_error_or_harmless, Log, logs) {
  const closed_key_log<Log> was;
  const std::size_t step = logdb::test::harms_every_bit() ? 1 : 37 * share<Log>;
  for (const auto& [name, bytes] : was.files->image()) {
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      was.files->with_cut(name, at, [&, &name = name] {
        require_right(wrong_if_refusing(was, reads), name, at, 0);
      });
    }
  }
}

}  // namespace
