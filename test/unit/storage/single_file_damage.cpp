// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE single_file_damage
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/format/files/single_file.hpp>
#include <logdb/storage/single_file.hpp>

#include "crash/support/store.hpp"
#include "support/single_file.hpp"
#include "support/throws.hpp"

// Foreign, damaged and hostile files; faults of the disk.

namespace {

using logdb::errc;
using logdb::open_mode;
using logdb::SingleFile;
using logdb::test::error_of;
using logdb::test::faulty_system;
using logdb::test::one_file;
using logdb::test::put;
using logdb::test::read_file;
using logdb::test::text_of;
using logdb::test::throws;
using logdb::test::write_file;
using names = std::set<std::string>;
namespace format = logdb::format;

using faulty_file = logdb::BasicSingleFile<faulty_system>;

struct damaged : one_file {
  /// Expects an open to be refused, both ways, and to change nothing.
  void check_refused(errc expected) const {
    const std::string before = read_file(path);
    for (const open_mode mode : {open_mode::read_write, open_mode::read_only}) {
      BOOST_TEST(throws(expected, [&] { (void)open(mode); }));
    }
    BOOST_TEST(read_file(path) == before);
    BOOST_TEST((files() == names{"log"}));
  }
  /// Makes a file with two heads, of generation 2 and 3, that name "a".
  void make() const {
    SingleFile storage = open();
    put(storage, "a", "kept");
    storage.sync();
  }
};

/// Puts a head and its table into a file, sealed by their checksums whatever they say.
void forge(std::string& file, std::size_t slot, format::single_file_head head,
           const std::vector<format::single_file_entry>& entries) {
  std::vector<std::byte> table;
  for (const auto& entry : entries) format::encode(entry, table);
  if (head.table_bytes == 0) head.table_bytes = table.size();
  head.table_crc = format::table_crc(head.generation, table);
  const auto bytes = format::encode(head);
  const std::uint64_t at = std::min<std::uint64_t>(head.table_offset, 1 << 20);
  file.resize(std::max<std::size_t>(file.size(), at + table.size()));
  std::ranges::copy(logdb::as_text(table), file.begin() + static_cast<long>(at));
  std::ranges::copy(logdb::as_text(bytes), file.begin() + static_cast<long>(slot * 4096));
}

format::single_file_head sound_head() {
  format::single_file_head head{.generation = 9};
  head.table_offset = 12288;
  head.table_capacity = 4096;
  head.end = 65536;
  return head;
}

BOOST_FIXTURE_TEST_SUITE(damage, damaged)

BOOST_AUTO_TEST_CASE(a_foreign_file_is_refused_and_unchanged) {
  for (const std::size_t bytes : {1U, 70U, 72U, 4096U, 100000U}) {
    write_file(path, std::string(bytes, 'x'));
    check_refused(errc::not_a_log);
  }
  write_file(path, std::string(100'000, '\0'));
  check_refused(errc::not_a_log);
}

BOOST_AUTO_TEST_CASE(an_empty_file_is_taken_for_a_new_log) {
  write_file(path, "");
  SingleFile storage = open();
  BOOST_TEST(storage.names().empty());
  put(storage, "a", "x");
  BOOST_TEST(text_of(open(), "a") == "x");
}

BOOST_AUTO_TEST_CASE(a_directory_a_link_and_a_fifo_are_refused) {
  std::filesystem::create_directory(path);
  BOOST_TEST(throws(errc::not_a_log, [&] { (void)open(); }));
  BOOST_TEST(throws(errc::not_a_log, [&] { (void)open(open_mode::read_only); }));
  std::filesystem::remove(path);
  std::filesystem::create_symlink(place / "elsewhere", path);
  BOOST_TEST(throws(errc::not_a_log, [&] { (void)open(); }));
  std::filesystem::remove(path);
  BOOST_TEST(::mkfifo(path.c_str(), 0600) == 0);
  BOOST_TEST(throws(errc::not_a_log, [&] { (void)open(); }));
}

BOOST_AUTO_TEST_CASE(a_newer_version_is_told_from_damage) {
  make();
  std::string file = read_file(path);
  for (const std::size_t slot : {0U, 1U, 2U}) {
    if (file.compare(slot * 4096, 8, "LOGDBONE") != 0) continue;
    file[slot * 4096 + 8] = 2;
    const auto crc =
        format::crc32c(logdb::as_bytes(std::string_view{file}).subspan(slot * 4096, 68));
    std::memcpy(file.data() + slot * 4096 + 68, &crc, sizeof crc);
  }
  write_file(path, file);
  check_refused(errc::format_mismatch);
}

BOOST_AUTO_TEST_CASE(a_file_without_a_whole_head_is_corrupt) {
  make();
  std::string file = read_file(path);
  for (const std::size_t slot : {0U, 1U, 2U}) file[slot * 4096 + 20] ^= 1;
  write_file(path, file);
  check_refused(errc::corrupt);
}

BOOST_AUTO_TEST_CASE(a_head_or_a_table_that_is_torn_leaves_the_one_before) {
  make();
  { put(*std::make_unique<SingleFile>(open()), "b", "unsynced"); }
  const std::string whole = read_file(path);
  std::size_t newest = 0;
  std::uint64_t generation = 0;
  format::single_file_head head;
  for (std::size_t slot = 0; slot < 3; ++slot) {
    const auto bytes = logdb::as_bytes(std::string_view{whole}).subspan(slot * 4096, 72);
    if (format::decode(bytes, head) == format::format_fault::none && head.generation > generation) {
      generation = head.generation;
      newest = slot;
    }
  }
  for (const std::size_t at : {newest * 4096 + 17, 12288 + newest * 4096 + 3}) {
    std::string torn = whole;
    torn[at] ^= 0x40;
    write_file(path, torn);
    BOOST_TEST(text_of(open(open_mode::read_only), "a") == "kept");
    SingleFile storage = open();
    put(storage, "c", "goes on");
    BOOST_TEST(text_of(open(), "c") == "goes on");
  }
}

BOOST_AUTO_TEST_CASE(a_byte_of_a_table_that_flips_after_a_close_loses_no_name) {
  {
    SingleFile storage = open();
    put(storage, "a", "kept");
    put(storage, "b", "too");
    storage.close(true);
  }
  const std::string whole = read_file(path);
  for (std::size_t at = 0; at < 24'576; ++at) {
    if (whole[at] == 0) continue;
    std::string flipped = whole;
    flipped[at] ^= 0x08;
    write_file(path, flipped);
    const SingleFile storage = open(open_mode::read_only);
    BOOST_REQUIRE(text_of(storage, "a") == "kept");
    BOOST_REQUIRE(text_of(storage, "b") == "too");
  }
}

BOOST_AUTO_TEST_CASE(a_table_that_contradicts_itself_is_corrupt) {
  using entry = format::single_file_entry;
  const std::vector<std::vector<entry>> lies{
      {{"a", 24576, 4096, 4097}},                      // larger than its region
      {{"a", 20480, 4096, 1}},                         // in a table's place
      {{"a", 24577, 4096, 1}},                         // not aligned
      {{"a", 24576, 4095, 1}},                         // nor this
      {{"a", 61440, 8192, 1}},                         // beyond the end
      {{"a", UINT64_MAX - 4095, 8192, 1}},             // around the end of the numbers
      {{"a", 24576, 8192, 1}, {"b", 28672, 4096, 1}},  // over another
      {{"b", 24576, 4096, 1}, {"a", 28672, 4096, 1}},  // out of order
      {{"a", 24576, 4096, 1}, {"a", 28672, 4096, 1}},  // twice
      {{"", 24576, 4096, 1}},                          // without a name
  };
  for (const auto& lie : lies) {
    std::string file(65536, '\0');
    forge(file, 0, sound_head(), lie);
    write_file(path, file);
    check_refused(errc::corrupt);
  }
}

BOOST_AUTO_TEST_CASE(a_head_that_lies_is_corrupt) {
  const auto check = [this](auto change) {
    auto head = sound_head();
    change(head);
    std::string file(65536, '\0');
    forge(file, 0, head, {{"a", 24576, 4096, 1}});
    write_file(path, file);
    check_refused(errc::corrupt);
  };
  check([](auto& head) { head.generation = 0; });
  check([](auto& head) { head.table_bytes = std::uint64_t{1} << 40; });
  check([](auto& head) { head.table_offset = 0; });
  check([](auto& head) { head.table_offset = 16384; });  // of another head
  check([](auto& head) { head.table_offset = UINT64_MAX - 4095; });
  check([](auto& head) { head.table_capacity = std::uint64_t{1} << 63; });
  check([](auto& head) { head.end = UINT64_MAX; });
  check([](auto& head) { head.end = 4096; });
}

BOOST_AUTO_TEST_CASE(a_region_behind_the_end_of_the_file_reads_as_a_short_file) {
  std::string file(28'000, '\0');
  forge(file, 0, sound_head(), {{"a", 24576, 8192, 8000}, {"b", 32768, 8192, 8000}});
  write_file(path, file);
  SingleFile storage = open();
  BOOST_TEST(storage.open("a", open_mode::read_only).size() == 28'000U - 24'576U);
  const auto gone = storage.open("b", open_mode::read_only);
  BOOST_TEST(gone.size() == 0U);
  BOOST_TEST(throws(errc::corrupt, [&] { (void)gone.map(0, 1, open_mode::read_only); }));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(faults, one_file)

BOOST_AUTO_TEST_CASE(the_next_writer_makes_the_name_durable) {
  { put(*std::make_unique<SingleFile>(open()), "a", "x"); }
  faulty_file storage{path, open_mode::read_write};
  BOOST_TEST(faulty_system::faults.sync_directory.calls == 0);
  put(storage, "b", "y");
  put(storage, "c", "y");
  BOOST_TEST(faulty_system::faults.sync_directory.calls == 1);
}

BOOST_AUTO_TEST_CASE(what_a_writer_finds_is_written_again_and_synced_before_its_first_change) {
  { put(*std::make_unique<SingleFile>(open()), "a", "x"); }
  // A writer that died may have had a sync fail: then the kernel calls clean what is not on disk.
  faulty_file storage{path, open_mode::read_write};
  faulty_system::faults.sync.failure = -EIO;
  BOOST_TEST(throws(errc::io, [&] { (void)storage.create("b"); }));
  BOOST_TEST(faulty_system::faults.write.calls == 2);  // table and head, as they were
  faulty_system::faults.sync.failure = 0;
  BOOST_TEST((open().names() == std::vector<std::string>{"a"}));
  (void)storage.create("b");
  (void)storage.create("c");
  BOOST_TEST(faulty_system::faults.write.calls == 2 + 2 + 2 + 2);
}

BOOST_AUTO_TEST_CASE(a_draft_that_a_crash_left_goes_with_the_next_change) {
  { put(*std::make_unique<SingleFile>(open()), "a", "x"); }
  write_file(place / "log-new", "half of a file");
  SingleFile storage = open();
  BOOST_TEST((files() == names{"log", "log-new"}));
  put(storage, "b", "y");
  BOOST_TEST((files() == names{"log"}));
}

BOOST_AUTO_TEST_CASE(a_sync_that_fails_fails_every_region_with_bytes_in_doubt_and_no_other) {
  faulty_file storage{path, open_mode::read_write};
  auto first = storage.create("first");
  auto second = storage.create("second");
  auto clean = storage.create("clean");
  clean.write(0, logdb::as_bytes("x"));
  clean.sync();
  first.write(0, logdb::as_bytes("x"));
  second.write(0, logdb::as_bytes("x"));
  faulty_system::faults.sync.failure = -EIO;
  BOOST_TEST(throws(errc::io, [&] { first.sync(); }));
  faulty_system::faults.sync.failure = 0;
  const int calls = faulty_system::faults.sync.calls;
  BOOST_TEST(throws(errc::io, [&] { first.sync(); }));
  BOOST_TEST(throws(errc::io, [&] { second.sync(); }));  // the kernel may have dropped its pages
  BOOST_TEST(faulty_system::faults.sync.calls == calls);
  clean.sync();
  auto fresh = storage.create("fresh");
  fresh.write(0, logdb::as_bytes("x"));
  fresh.sync();
  storage.sync();
  BOOST_TEST(faulty_system::faults.sync.calls > calls);
}

BOOST_AUTO_TEST_CASE(a_table_that_a_failed_sync_may_have_dropped_is_written_anew) {
  faulty_file storage{path, open_mode::read_write};
  put(storage, "a", "x");
  faulty_system::faults.sync.failure = -EIO;
  BOOST_TEST(throws(errc::io, [&] { storage.sync(); }));
  faulty_system::faults.sync.failure = 0;
  const int writes = faulty_system::faults.write.calls;
  storage.sync();
  BOOST_TEST(faulty_system::faults.write.calls == writes + 2);  // table and head
  storage.sync();
  BOOST_TEST(faulty_system::faults.write.calls == writes + 2);
}

BOOST_AUTO_TEST_CASE(a_change_that_cannot_be_written_did_not_happen) {
  faulty_file storage{path, open_mode::read_write};
  put(storage, "a", "x");
  auto file = storage.create("b");
  faulty_system::faults.write.failure = -ENOSPC;
  BOOST_TEST(throws(errc::no_space, [&] { (void)storage.create("c"); }));
  BOOST_TEST(throws(errc::no_space, [&] { storage.rename("a", "d"); }));
  BOOST_TEST(throws(errc::no_space, [&] { storage.remove("a"); }));
  BOOST_TEST(throws(errc::no_space, [&] { file.allocate(10'000); }));
  faulty_system::faults.write.failure = 0;
  BOOST_TEST(file.size() == 0U);
  BOOST_TEST(storage.names().size() == 2U);
  BOOST_TEST(open().names().size() == 2U);
  BOOST_TEST(text_of(storage, "a") == "x");
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_made_leaves_nothing) {
  faulty_file storage{path, open_mode::read_write};
  faulty_system::faults.sync.failure = -EIO;
  BOOST_TEST(throws(errc::io, [&] { (void)storage.create("a"); }));
  BOOST_TEST(files().empty());
  faulty_system::faults.sync.failure = 0;
  put(storage, "a", "x");
  BOOST_TEST((files() == names{"log"}));
}

BOOST_AUTO_TEST_CASE(a_region_that_cannot_be_moved_stays_where_it_is) {
  faulty_file storage{path, open_mode::read_write};
  auto file = storage.create("a");
  file.write(0, logdb::as_bytes("kept"));
  file.sync();
  put(storage, "b", "in the way");
  faulty_system::faults.sync.failure = -EIO;
  const std::string more(10'000, 'x');
  BOOST_TEST(throws(errc::io, [&] { file.write(4, logdb::as_bytes(more)); }));
  faulty_system::faults.sync.failure = 0;
  BOOST_TEST(text_of(file) == "kept");
  BOOST_TEST(text_of(open(), "a") == "kept");
}

BOOST_AUTO_TEST_CASE(where_space_cannot_be_allocated_zeros_are_written_into_a_region) {
  faulty_file storage{path, open_mode::read_write};
  auto file = storage.create("a");
  put(storage, "b", "behind");
  faulty_system::faults.allocate.failure = -EOPNOTSUPP;
  file.allocate(100'000);
  BOOST_TEST(text_of(file) == std::string(100'000, '\0'));
  BOOST_TEST(text_of(storage, "b") == "behind");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
