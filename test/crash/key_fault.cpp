// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_fault
#include <cerrno>
#include <map>
#include <string>
#include <thread>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/failing_disk.hpp"
#include "crash/support/store.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// What a failing disk does to a key-value log: nothing that was said is lost.

namespace {

using logdb::errc;
using logdb::test::disk_call;
using logdb::test::fail_times;
using logdb::test::failing_disk;
using logdb::test::throws;

using model = std::map<std::string, std::string>;

template <class Durability>
using faulty_keys = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<failing_disk>>,
                                     logdb::Durability<Durability>, logdb::Index<logdb::KeyDir>>;
using key_logs = boost::mp11::mp_list<faulty_keys<logdb::Fsync>, faulty_keys<logdb::Async>>;

/// Is a log of keys on a disk that fails on demand, and the map that it should be.
template <class Log>
struct keys_at_risk : logdb::test::fresh_disk {
  keys_at_risk() {
    options = logdb::test::smallest<Log>();
    options.index.compaction.dead_ratio_max = 2;
    log = Log{place / "kv", options};
  }
  void put(int from, int to) {
    for (int n = from; n < to; ++n) {
      const std::string key = "key " + std::to_string(n % 40);
      model_[key] = std::to_string(n) + std::string(100, 'v');
      log.put(key, model_[key]);
    }
  }
  void check() {
    model found;
    for (const auto& [key, value] : log.entries()) found.emplace(key.text(), value.text());
    BOOST_TEST((found == model_));
    for (const auto& [key, value] : model_) BOOST_TEST_REQUIRE(log.get(key)->text() == value);
  }
  void reopen() {
    log.close();
    log = Log{place / "kv", options};
  }

  logdb::test::temp_dir place;
  typename Log::options options;
  model model_;
  Log log{place / "other"};
};

BOOST_AUTO_TEST_CASE_TEMPLATE(keys_are_found_where_a_failed_sync_has_moved_them, Log, key_logs) {
  keys_at_risk<Log> f;
  f.put(0, 50);
  for (int round = 0; round < 4; ++round) {
    failing_disk::set(fail_times(disk_call::sync, ".seg", -EIO, 1));
    f.put(50 + round * 30, 80 + round * 30);
    f.log.sync();
    failing_disk::set({});
    f.check();
  }
  BOOST_TEST(f.log.stats().heals >= 1);
  f.put(300, 320);  // what was moved is replaced
  f.check();
  BOOST_TEST(f.log.history("key 5").size() > 2);
  f.log.compact();
  f.check();
  f.put(320, 500);
  f.log.compact();
  f.check();
  f.reopen();
  f.check();
  BOOST_TEST(f.log.verify().intact());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_failed_write_loses_no_key, Log, key_logs) {
  keys_at_risk<Log> f;
  f.put(0, 50);
  failing_disk::set(fail_times(disk_call::write, ".seg", -EIO, 1));
  f.put(50, 80);
  f.log.sync();
  failing_disk::set({});
  f.check();
  f.reopen();
  f.check();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_compaction_that_fails_changes_nothing, Log, key_logs) {
  keys_at_risk<Log> f;
  f.put(0, 900);
  f.log.sync();
  using call = disk_call;
  for (const call kind :
       {call::open, call::allocate, call::write, call::sync, call::rename, call::sync_directory}) {
    const std::string ending = kind == call::rename ? "manifest" : "";
    // The active segment must get through: only then the compaction itself fails.
    for (int passed = 0; passed < 12; ++passed) {
      failing_disk::set([=, left = passed](call made, std::string_view name) mutable {
        if (made != kind || !name.ends_with(ending) || name == "control.tmp") return 0;
        return left-- == 0 ? -EIO : 0;
      });
      try {
        f.log.compact();
      } catch (const logdb::error&) {
        // It says so; what it was about to do is not done.
      }
      failing_disk::set({});
      f.check();
      f.put(1000 + passed * 10, 1200 + passed * 10);
      f.log.sync();
    }
  }
  f.log.compact();
  f.check();
  f.reopen();
  f.check();
  BOOST_TEST(f.log.verify().intact());
}

}  // namespace
