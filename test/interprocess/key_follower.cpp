// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE key_follower
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/store.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// A key-value log that is open to read sees what another one writes, erases and compacts.

namespace {

using logdb::errc;
using logdb::kv_store;
using logdb::test::temp_dir;
using logdb::test::throws;

kv_store::options small() {
  kv_store::options options;
  options.segment_bytes = 16u << 10;
  options.durability.staging_bytes = 32u << 10;
  options.index.compaction.dead_ratio_max = 2;
  return options;
}

kv_store::options reading() {
  auto options = small();
  options.mode = logdb::open_mode::read_only;
  return options;
}

std::map<std::string, std::string> contents(const kv_store& log) {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : log.entries()) found.emplace(key.text(), value.text());
  return found;
}

BOOST_AUTO_TEST_CASE(a_reader_sees_each_write_once_it_is_written) {
  const temp_dir place;
  kv_store writer{place / "kv", small()};
  writer.put("a", "one");
  writer.sync();
  kv_store reader{place / "kv", reading()};
  BOOST_TEST(reader.get("a")->text() == "one");
  writer.put("a", "two");
  writer.put("b", std::string(1000, 'b'));
  writer.sync();
  BOOST_TEST(reader.get("a")->text() == "two");
  BOOST_TEST(reader.get("b")->size() == 1000);
  BOOST_TEST(reader.size() == 2);
  writer.erase("a");
  writer.sync();
  BOOST_TEST(!reader.contains("a"));
  BOOST_TEST(reader.size() == 1);
  BOOST_TEST(reader.history("a").size() == 3);
  auto batch = writer.begin();
  for (int n = 0; n < 2000; ++n) batch.put("key " + std::to_string(n), std::to_string(n));
  batch.commit();
  writer.sync();
  BOOST_TEST(reader.get("key 1999")->text() == "1999");
  BOOST_TEST((contents(reader) == contents(writer)));
}

BOOST_AUTO_TEST_CASE(a_reader_follows_compaction_and_lets_old_segments_go) {
  const temp_dir place;
  kv_store writer{place / "kv", small()};
  writer.put("first", "x");
  writer.sync();
  kv_store reader{place / "kv", reading()};
  for (int round = 0; round < 6; ++round) {
    for (int n = 0; n < 600; ++n) {
      writer.put("key " + std::to_string(n % 80), std::to_string(round) + std::string(90, 'v'));
      if (n % 7 == 0) writer.erase("key " + std::to_string(n % 40));
    }
    writer.sync();
    BOOST_TEST((contents(reader) == contents(writer)));
    writer.compact();
    BOOST_TEST((contents(reader) == contents(writer)));
    BOOST_TEST(reader.size() == writer.size());
  }
}

/// Spoils the bytes of a text in whichever file has it.
void spoil(const std::filesystem::path& path, const std::string& text) {
  for (const auto& [name, bytes] : logdb::test::read_store(path)) {
    const auto at = bytes.find(text);
    if (at == std::string::npos) continue;
    std::fstream file{path / name, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(static_cast<std::streamoff>(at));
    file.put('?');
  }
}

BOOST_AUTO_TEST_CASE(a_reader_does_not_read_again_what_a_compaction_left_alone) {
  const temp_dir place;
  kv_store writer{place / "kv", small()};
  const auto put_all = [&writer](int first) {
    for (int n = first; n < 400; ++n) writer.put("key " + std::to_string(n), std::string(90, 'v'));
  };
  writer.put("apart", "a value of its own");
  put_all(0);
  put_all(200);
  writer.compact();
  writer.sync();
  kv_store reader{place / "kv", reading()};
  BOOST_TEST(reader.get("apart")->text() == "a value of its own");
  spoil(place / "kv", "a value of its own");
  for (int round = 0; round < 3; ++round) {
    writer.put("fresh", "old");
    writer.put("fresh", "new");
    const auto before = writer.compacted().segments_written;
    writer.compact();
    writer.sync();
    BOOST_TEST(writer.compacted().segments_written > before);
    BOOST_TEST(reader.get("fresh")->text() == "new");
  }
  BOOST_TEST(throws(errc::corrupt, [&] { (void)reader.get("apart"); }));
}

BOOST_AUTO_TEST_CASE(what_a_closed_or_killed_writer_left_is_read) {
  const temp_dir place;
  std::map<std::string, std::string> wanted;
  {
    kv_store writer{place / "kv", small()};
    for (int n = 0; n < 1000; ++n) writer.put("key " + std::to_string(n % 100), std::to_string(n));
    wanted = contents(writer);
    writer.close();
  }
  BOOST_TEST((contents(kv_store{place / "kv", reading()}) == wanted));
}

BOOST_AUTO_TEST_CASE(a_reader_writes_nothing_and_says_so) {
  const temp_dir place;
  { kv_store{place / "kv", small()}.put("a", "b"); }
  kv_store reader{place / "kv", reading()};
  BOOST_TEST(throws(errc::read_only, [&] { reader.put("a", "c"); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.erase("a"); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.compare_and_put("a", logdb::lsn{1}, "c"); }));
  BOOST_TEST(throws(errc::read_only, [&] { (void)reader.begin(); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.compact(); }));
  BOOST_TEST(reader.get("a")->text() == "b");
  BOOST_TEST(reader.snapshot().get("a")->text() == "b");
  reader.close();
  BOOST_TEST(throws(errc::closed, [&] { (void)reader.get("a"); }));
}

BOOST_AUTO_TEST_CASE(many_threads_read_while_another_log_writes) {
  const temp_dir place;
  kv_store writer{place / "kv", small()};
  writer.put("n", 0);
  writer.sync();
  kv_store reader{place / "kv", reading()};
  std::atomic<bool> done = false;
  std::atomic<int> backwards = 0;
  const auto read = [&] {
    for (int last = 0; !done.load();) {
      const int now = reader.get<int>("n").value_or(-1);
      if (now < last) backwards.fetch_add(1);
      last = now;
    }
  };
  std::thread first{read};
  std::thread second{read};
  for (int n = 1; n <= 3000; ++n) {
    writer.put("n", n);
    if (n % 500 == 0) writer.compact();
  }
  writer.sync();
  BOOST_TEST(reader.get<int>("n").value_or(-1) == 3000);
  done.store(true);
  first.join();
  second.join();
  BOOST_TEST(backwards.load() == 0);
}

}  // namespace
