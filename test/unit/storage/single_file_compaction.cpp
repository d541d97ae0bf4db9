// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE single_file_compaction
#include <cerrno>
#include <filesystem>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/storage/single_file.hpp>

#include "support/single_file.hpp"

// What a close gives back, and when.

namespace {

using logdb::open_mode;
using logdb::SingleFile;
using logdb::test::faulty_system;
using logdb::test::one_file;
using logdb::test::put;
using logdb::test::text_of;
using names = std::set<std::string>;

using faulty_file = logdb::BasicSingleFile<faulty_system>;

BOOST_FIXTURE_TEST_SUITE(compaction, one_file)

void waste(SingleFile& storage, int times) {
  const std::string text(100'000, 'x');
  for (int i = 0; i < times; ++i) {
    storage.remove("waste");
    put(storage, "waste", text);
  }
  storage.remove("waste");
}

BOOST_AUTO_TEST_CASE(a_close_gives_dead_space_back_beyond_the_ratio) {
  SingleFile storage = open();
  put(storage, "a", std::string(50'000, 'a'));
  put(storage, "empty", "");
  waste(storage, 9);
  const auto mapping = storage.open("a", open_mode::read_only).map(0, 50'000, open_mode::read_only);
  BOOST_TEST(std::filesystem::file_size(path) > 800'000U);
  storage.close(true);
  BOOST_TEST(std::filesystem::file_size(path) < 100'000U);
  BOOST_TEST(text_of(open(), "a") == std::string(50'000, 'a'));
  BOOST_TEST(open().exists("empty"));
  // Who had the old file goes on with it.
  BOOST_TEST(logdb::as_text(mapping.bytes()) == std::string(50'000, 'a'));
  BOOST_TEST(text_of(storage, "a") == std::string(50'000, 'a'));
  BOOST_TEST((files() == names{"log"}));
}

BOOST_AUTO_TEST_CASE(the_ratio_says_when) {
  const auto size_after = [this](double ratio) {
    std::filesystem::remove(path);
    SingleFile storage{path, open_mode::read_write, {.compact_ratio = ratio}};
    put(storage, "a", std::string(300'000, 'a'));
    waste(storage, 2);
    storage.close(true);
    return std::filesystem::file_size(path);
  };
  BOOST_TEST(size_after(0) < 400'000U);
  BOOST_TEST(size_after(0.3) < 400'000U);
  BOOST_TEST(size_after(0.5) > 450'000U);
  BOOST_TEST(size_after(1) > 450'000U);
}

BOOST_AUTO_TEST_CASE(what_was_not_settled_is_not_copied) {
  SingleFile storage = open();
  put(storage, "a", "x");
  waste(storage, 9);
  storage.close(false);
  BOOST_TEST(std::filesystem::file_size(path) > 800'000U);
}

BOOST_AUTO_TEST_CASE(a_reader_finds_the_new_file_and_says_so) {
  SingleFile writer = open();
  put(writer, "a", "x");
  waste(writer, 9);
  const SingleFile reader = open(open_mode::read_only);
  const auto kept = reader.open("a", open_mode::read_only);
  BOOST_TEST(reader.replacements() == 0U);
  writer.close(true);
  SingleFile next = open();
  put(next, "b", "y");
  BOOST_TEST(text_of(reader, "b") == "y");
  BOOST_TEST(reader.replacements() == 1U);
  BOOST_TEST(text_of(kept) == "x");
}

BOOST_AUTO_TEST_CASE(a_compaction_that_fails_leaves_the_log_as_it_was) {
  for (const auto fault : {&logdb::test::fault_plan::sync, &logdb::test::fault_plan::write,
                           &logdb::test::fault_plan::names, &logdb::test::fault_plan::open}) {
    std::filesystem::remove_all(path);
    faulty_file storage{path, open_mode::read_write, {.compact_ratio = 0}};
    put(storage, "a", "kept");
    storage.create("b").allocate(100'000);
    storage.remove("b");
    storage.sync();
    (faulty_system::faults.*fault).failure = -ENOSPC;
    storage.close(true);
    (faulty_system::faults.*fault).failure = 0;
    BOOST_TEST(text_of(open(), "a") == "kept");
    std::filesystem::remove(place / "log-new");  // one that could not be removed may be there
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
