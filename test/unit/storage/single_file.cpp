// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE single_file
#include "support/single_file.hpp"

#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/storage/single_file.hpp>

#include "crash/support/store.hpp"
#include "support/process.hpp"
#include "support/throws.hpp"

namespace {

using logdb::errc;
using logdb::open_mode;
using logdb::SingleFile;
using logdb::test::one_file;
using logdb::test::put;
using logdb::test::text_of;
using logdb::test::throws;
using names = std::set<std::string>;

BOOST_FIXTURE_TEST_SUITE(names_inside_and_beside, one_file)

BOOST_AUTO_TEST_CASE(nothing_is_made_before_the_first_change) {
  const SingleFile storage = open();
  BOOST_TEST(storage.names().empty());
  BOOST_TEST(!storage.exists("manifest"));
  BOOST_TEST(files().empty());
}

BOOST_AUTO_TEST_CASE(all_files_are_one_file_that_only_its_owner_may_read) {
  SingleFile storage = open();
  put(storage, "manifest", "m");
  put(storage, "0000000000000001.seg", "s");
  storage.sync();
  BOOST_TEST((files() == names{"log"}));
  const auto mode = std::filesystem::status(path).permissions();
  BOOST_TEST((mode == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)));
}

BOOST_AUTO_TEST_CASE(what_was_written_is_there_when_it_is_opened_again) {
  {
    SingleFile storage = open();
    put(storage, "a", "first");
    put(storage, "b", "second");
    storage.rename("b", "c");
    put(storage, "d", "third");
    storage.remove("d");
    storage.create("sparse").resize(10'000);
  }
  const SingleFile again = open();
  BOOST_TEST(again.names().size() == 3U);
  BOOST_TEST(text_of(again, "a") == "first");
  BOOST_TEST(text_of(again, "c") == "second");
  BOOST_TEST(text_of(again, "sparse") == std::string(10'000, '\0'));
}

BOOST_AUTO_TEST_CASE(the_last_file_that_is_removed_is_gone) {
  SingleFile storage = open();
  put(storage, "a", "x");
  storage.remove("a");
  BOOST_TEST(open().names().empty());
}

BOOST_AUTO_TEST_CASE(staging_and_lock_stand_beside) {
  SingleFile storage = open();
  put(storage, "control.tmp", "staged");
  storage.rename("control.tmp", "control");
  BOOST_TEST((files() == names{"log-control"}));
  auto lock = storage.open("lock", open_mode::read_write);
  BOOST_TEST(lock.try_lock_exclusive());
  BOOST_TEST((files() == names{"log-control", "log-lock"}));
  BOOST_TEST(storage.names().size() == 2U);
  BOOST_TEST(storage.exists("control"));
  BOOST_TEST(text_of(storage, "control") == "staged");
  storage.remove("control");
  lock.unlock();
  BOOST_TEST(files().empty());
}

BOOST_AUTO_TEST_CASE(nothing_moves_between_the_file_and_what_is_beside) {
  SingleFile storage = open();
  put(storage, "a", "x");
  BOOST_TEST(throws(errc::invalid_argument, [&] { storage.rename("a", "control"); }));
  BOOST_TEST(text_of(storage, "a") == "x");
}

BOOST_AUTO_TEST_CASE(a_lock_whose_file_was_removed_is_taken_on_the_new_one) {
  SingleFile first = open();
  SingleFile second = open();
  SingleFile third = open();
  auto holder = first.open("lock", open_mode::read_write);
  BOOST_TEST(holder.try_lock_exclusive());
  auto waiter = second.open("lock", open_mode::read_write);
  BOOST_TEST(!waiter.try_lock_exclusive());
  holder.unlock();  // removes what the waiter has open
  BOOST_TEST(waiter.try_lock_exclusive());
  BOOST_TEST((files() == names{"log-lock"}));
  auto late = third.open("lock", open_mode::read_write);
  BOOST_TEST(!late.try_lock_exclusive());
}

BOOST_AUTO_TEST_CASE(who_has_changed_nothing_yet_sees_what_another_wrote) {
  SingleFile first = open();
  SingleFile second = open();
  put(first, "a", "x");
  BOOST_TEST(text_of(second, "a") == "x");
  SingleFile third = open();
  put(first, "b", "x");
  first.close(true);
  put(second, "c", "y");
  second.close(true);
  put(third, "d", "z");
  BOOST_TEST(open().names().size() == 4U);
}

BOOST_AUTO_TEST_CASE(an_empty_file_holds_nothing_to_read) {
  logdb::test::write_file(path, "");
  BOOST_TEST(throws(errc::not_found, [this] { (void)open(open_mode::read_only); }));
}

BOOST_AUTO_TEST_CASE(a_reader_sees_what_a_writer_changes) {
  SingleFile writer = open();
  put(writer, "a", "x");
  const SingleFile reader = open(open_mode::read_only);
  BOOST_TEST(text_of(reader, "a") == "x");
  const auto kept = reader.open("a", open_mode::read_only);
  writer.rename("a", "b");
  put(writer, "a", "new");
  BOOST_TEST(text_of(reader, "b") == "x");
  BOOST_TEST(text_of(reader, "a") == "new");
  BOOST_TEST(text_of(kept) == "x");
}

BOOST_AUTO_TEST_CASE(a_closed_storage_can_be_read_and_not_changed) {
  SingleFile storage = open();
  put(storage, "a", "x");
  storage.close(true);
  storage.close(true);
  BOOST_TEST(text_of(storage, "a") == "x");
  const std::string before = logdb::test::read_file(path);
  BOOST_TEST(throws(errc::closed, [&] { (void)storage.create("b"); }));
  BOOST_TEST(throws(errc::closed, [&] { storage.remove("a"); }));
  auto file = storage.open("a", open_mode::read_write);
  BOOST_TEST(throws(errc::closed, [&] { file.allocate(10'000'000); }));
  BOOST_TEST(logdb::test::read_file(path) == before);
}

BOOST_AUTO_TEST_CASE(a_child_of_a_fork_changes_nothing) {
  SingleFile storage = open();
  put(storage, "a", "x");
  const std::string before = logdb::test::read_file(path);
  logdb::test::child_process child{[&] {
    const bool refused = throws(errc::closed, [&] { storage.remove("a"); }) &&
                         throws(errc::closed, [&] { (void)storage.create("b"); });
    storage.close(true);
    return refused ? 0 : 1;
  }};
  BOOST_TEST(child.wait() == 0);
  BOOST_TEST(logdb::test::read_file(path) == before);
}

BOOST_AUTO_TEST_CASE(a_path_without_a_parent_or_a_name_is_an_error) {
  const auto make = [](const std::filesystem::path& where) {
    return [where] { const SingleFile storage{where, open_mode::read_write}; };
  };
  BOOST_TEST(throws(errc::not_found, make(place / "none" / "log")));
  BOOST_TEST(throws(errc::invalid_argument, make(place / "")));
  BOOST_TEST(throws(errc::not_found, [this] { (void)open(open_mode::read_only); }));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(regions, one_file)

BOOST_AUTO_TEST_CASE(a_file_that_outgrows_its_region_is_moved_and_keeps_its_bytes) {
  SingleFile storage = open();
  auto first = storage.create("a");
  std::string expected;
  for (int i = 0; i < 30; ++i) {
    const std::string piece(1'000, static_cast<char>('a' + i));
    first.write(expected.size(), logdb::as_bytes(piece));
    expected += piece;
    put(storage, std::to_string(i), "between");
  }
  BOOST_TEST(text_of(first) == expected);
  const SingleFile again = open();
  BOOST_TEST(text_of(again, "a") == expected);
  BOOST_TEST(text_of(again, "17") == "between");
}

BOOST_AUTO_TEST_CASE(a_mapping_keeps_its_bytes_when_the_file_is_moved) {
  SingleFile storage = open();
  auto file = storage.create("a");
  file.write(0, logdb::as_bytes("kept"));
  const auto mapping = file.map(0, 4, open_mode::read_only);
  put(storage, "b", "in the way");
  file.write(4, logdb::as_bytes(std::string(100'000, 'x')));
  BOOST_TEST(logdb::as_text(mapping.bytes()) == "kept");
  const auto later = file.map(2, 4, open_mode::read_only);
  BOOST_TEST(logdb::as_text(later.bytes()) == "ptxx");
}

BOOST_AUTO_TEST_CASE(behind_what_is_allocated_a_footer_still_fits_without_moving) {
  SingleFile storage = open();
  auto segment = storage.create("a");
  segment.allocate(1 << 20);
  const auto mapping = segment.map(0, 1 << 20, open_mode::read_only);
  put(storage, "b", "next");
  segment.write(1 << 20, logdb::as_bytes(std::string(50'000, 'f')));
  segment.write(5, logdb::as_bytes("seen"));
  BOOST_TEST(logdb::as_text(mapping.bytes().subspan(5, 4)) == "seen");
}

BOOST_AUTO_TEST_CASE(no_bytes_of_the_past_appear_in_a_file_that_grows) {
  {
    SingleFile storage = open();
    auto file = storage.create("a");
    file.allocate(8'000);
    file.write(0, logdb::as_bytes(std::string(8'000, 'x')));
    file.resize(10);
  }
  SingleFile storage = open();
  auto file = storage.open("a", open_mode::read_write);
  file.allocate(20'000);
  BOOST_TEST(text_of(file) == std::string(10, 'x') + std::string(19'990, '\0'));
}

BOOST_AUTO_TEST_CASE(removed_regions_are_never_given_to_another_file) {
  SingleFile storage = open();
  put(storage, "a", "secret");
  const auto mapping = storage.open("a", open_mode::read_only).map(0, 6, open_mode::read_only);
  for (int i = 0; i < 20; ++i) {
    storage.remove("a");
    put(storage, "a", "other!");
  }
  BOOST_TEST(logdb::as_text(mapping.bytes()) == "secret");
}

BOOST_AUTO_TEST_CASE(hundreds_of_files_have_room_in_the_table) {
  {
    SingleFile storage = open();
    for (int i = 0; i < 400; ++i) put(storage, "file number " + std::to_string(i), "x");
    for (int i = 0; i < 400; i += 2) storage.remove("file number " + std::to_string(i));
    storage.sync();
  }
  SingleFile again = open();
  BOOST_TEST(again.names().size() == 200U);
  put(again, "one more", "y");
  const SingleFile third = open();
  BOOST_TEST(third.names().size() == 201U);
  BOOST_TEST(text_of(third, "file number 399") == "x");
}

BOOST_AUTO_TEST_CASE(files_beyond_4_gib_are_reached) {
  constexpr std::uint64_t far = std::uint64_t{5} << 30;
  {
    SingleFile storage = open();
    storage.create("hole").resize(far);  // takes no space
    put(storage, "behind", "here");
    auto hole = storage.open("hole", open_mode::read_write);
    hole.write(far - 5, logdb::as_bytes("there"));
    storage.sync();
  }
  const SingleFile again = open();
  BOOST_TEST(text_of(again, "behind") == "here");
  const auto hole = again.open("hole", open_mode::read_only);
  BOOST_TEST(hole.size() == far);
  BOOST_TEST(logdb::as_text(hole.map(far - 5, 5, open_mode::read_only).bytes()) == "there");
  BOOST_TEST(throws(errc::corrupt, [&] { (void)hole.map(far - 5, 6, open_mode::read_only); }));
}

BOOST_AUTO_TEST_CASE(an_impossible_size_is_no_space) {
  SingleFile storage = open();
  auto file = storage.create("a");
  BOOST_TEST(throws(errc::no_space, [&] { file.allocate(UINT64_MAX); }));
  BOOST_TEST(throws(errc::no_space, [&] { file.write(UINT64_MAX - 1, logdb::as_bytes("xyz")); }));
  BOOST_TEST(file.size() == 0U);
}

BOOST_AUTO_TEST_CASE(many_threads_write_files_of_their_own) {
  SingleFile storage = open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&storage, own = storage.create(std::to_string(i)), i]() mutable {
      const std::string piece(700, static_cast<char>('a' + i));
      for (std::uint64_t j = 0; j < 50; ++j) own.write(j * 700, logdb::as_bytes(piece));
      own.sync();
      storage.remove("none");
      (void)storage.names();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) {
    BOOST_TEST(text_of(storage, std::to_string(i)) ==
               std::string(35'000, static_cast<char>('a' + i)));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
