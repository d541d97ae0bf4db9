// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE single_file_shared
#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/storage/single_file.hpp>

#include "support/single_file.hpp"
#include "support/throws.hpp"

// Two that change one file, as two processes do, with what they have in common in memory.

namespace {

using logdb::as_bytes;
using logdb::errc;
using logdb::open_mode;
using logdb::test::faulty_system;
using logdb::test::one_file;
using logdb::test::put;
using logdb::test::text_of;
using logdb::test::throws;

using storage = logdb::BasicSingleFile<faulty_system>;

struct two_writers : one_file {
  // Before what uses it: it stays until both are closed.
  std::unique_ptr<storage::shared_line> line = std::make_unique<storage::shared_line>();
  storage first{path, open_mode::read_write};
  storage second = join();

  ~two_writers() {
    second.close(false);
    first.close(false);
  }

  [[nodiscard]] storage join() {
    if (!first.exists("begin")) {
      put(first, "begin", "begun");
      first.share(*line, true);
    }
    storage joined{path, open_mode::read_write};
    joined.share(*line, false);
    return joined;
  }
  [[nodiscard]] storage read() const { return storage{path, open_mode::read_only}; }
};

BOOST_FIXTURE_TEST_SUITE(two, two_writers)

BOOST_AUTO_TEST_CASE(no_room_is_taken_twice) {
  std::vector<std::pair<std::string, storage::file>> files;
  for (int i = 0; i < 12; ++i) {
    const std::string name = std::to_string(i);
    files.emplace_back(name, (i % 2 == 0 ? first : second).create(name));
  }
  // All grow by turns, so all are moved.
  for (std::uint64_t round = 0; round < 20; ++round) {
    for (auto& [name, file] : files) {
      file.write(round * 1000, as_bytes(std::string(1000, name.back())));
    }
  }
  for (const storage* each : {&first, &second}) {
    for (const auto& [name, file] : files) {
      BOOST_TEST((text_of(*each, name) == std::string(20'000, name.back())));
    }
  }
  BOOST_TEST(read().names().size() == 13U);
}

BOOST_AUTO_TEST_CASE(each_sees_at_once_what_the_other_did) {
  put(first, "a", "of the first");
  BOOST_TEST(text_of(second, "a") == "of the first");
  second.rename("a", "b");
  BOOST_TEST(!first.exists("a"));
  BOOST_TEST(text_of(first, "b") == "of the first");
  BOOST_CHECK_THROW((void)first.create("b"), logdb::error);
  first.remove("b");
  BOOST_TEST(!second.exists("b"));
  BOOST_TEST(text_of(read(), "begin") == "begun");
}

BOOST_AUTO_TEST_CASE(an_open_file_grows_with_what_the_other_writes_and_survives_its_removal) {
  auto file = first.create("a");
  file.allocate(100);
  const auto same = second.open("a", open_mode::read_only);
  file.write(100, as_bytes("behind"));
  BOOST_TEST(second.exists("a"));  // looks
  BOOST_TEST(same.size() == 106U);
  second.remove("a");
  put(second, "a", "another");
  BOOST_TEST(text_of(same).substr(100) == "behind");
  BOOST_TEST(text_of(file).substr(100) == "behind");
  BOOST_TEST(text_of(first, "a") == "another");
}

BOOST_AUTO_TEST_CASE(what_a_failed_sync_of_one_may_have_lost_the_other_does_not_sync) {
  put(first, "a", "of the first");
  auto found = second.open("a", open_mode::read_write);
  auto own = second.create("b");
  own.write(0, as_bytes("of the second"));
  faulty_system::faults.sync.failure = -EIO;
  BOOST_TEST(throws(errc::io, [&] { own.sync(); }));
  faulty_system::faults.sync.failure = 0;
  BOOST_TEST(throws(errc::io, [&] { found.sync(); }));
  BOOST_TEST(throws(errc::io, [&] { first.open("a", open_mode::read_write).sync(); }));
  // What is written from now on is sound, for who writes it and for who finds it.
  put(second, "d", "");
  put(first, "c", "anew");
  first.open("c", open_mode::read_write).sync();
  second.open("c", open_mode::read_write).sync();
  BOOST_TEST(text_of(second, "c") == "anew");
}

BOOST_AUTO_TEST_CASE(who_joins_after_a_failed_sync_believes_nothing_that_was_there) {
  auto own = first.create("a");
  own.write(0, as_bytes("lost perhaps"));
  faulty_system::faults.sync.failure = -EIO;
  BOOST_TEST(throws(errc::io, [&] { own.sync(); }));
  faulty_system::faults.sync.failure = 0;
  storage third = join();
  BOOST_TEST(throws(errc::io, [&] { third.open("a", open_mode::read_write).sync(); }));
  third.close(false);
}

BOOST_AUTO_TEST_CASE(tables_that_outgrow_their_pages_do_not_move_with_each_turn) {
  for (int i = 0; i < 300; ++i) put(i % 2 == 0 ? first : second, "file " + std::to_string(i), "x");
  const auto before = std::filesystem::file_size(path);
  for (int i = 0; i < 200; ++i) {
    storage& mine = i % 2 == 0 ? first : second;
    mine.rename("file " + std::to_string(i), "renamed " + std::to_string(i));
    if (i % 7 == 0) mine.sync();
  }
  BOOST_TEST(std::filesystem::file_size(path) < before + (64u << 10));
  BOOST_TEST(read().names().size() == 301U);
}

BOOST_AUTO_TEST_CASE(a_close_of_one_is_not_the_others_business) {
  put(second, "a", "kept");
  second.close(false);
  BOOST_TEST(throws(errc::closed, [&] { put(second, "b", ""); }));
  BOOST_TEST(text_of(second, "a") == "kept");
  put(first, "b", "made");
  BOOST_TEST(text_of(read(), "b") == "made");
}

BOOST_AUTO_TEST_CASE(a_line_that_was_overwritten_is_noticed) {
  BOOST_REQUIRE((line->lock.try_lock() == logdb::platform::lock_result::taken));
  line->magic = 0;
  BOOST_TEST(throws(errc::corrupt, [&] { put(first, "a", ""); }));
  line->lock.unlock();
  BOOST_TEST(!first.exists("a"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
