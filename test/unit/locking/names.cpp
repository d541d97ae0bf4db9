// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE names
#include <filesystem>
#include <string>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// What keeps a second writer out is the log, not one of its names.

namespace logdb::test {

using file_alone = durable_wal::with<Storage<SingleFile>>;
using file_of_many = shared_wal::with<Storage<SingleFile>>;
using files = boost::mp11::mp_list<file_alone, file_of_many>;
using directories = boost::mp11::mp_list<durable_wal, shared_wal>;

/// Returns a second name of a log in one file, in another directory.
std::filesystem::path second_name(const temp_dir& place) {
  std::filesystem::create_directory(place / "other");
  std::filesystem::create_hard_link(place / "log", place / "other/log");
  return place / "other/log";
}

bool is_locked(const std::filesystem::path& path) {
  return throws(errc::locked, [&] { const file_alone taken{path}; }) &&
         throws(errc::locked, [&] { const file_of_many taken{path}; });
}

BOOST_AUTO_TEST_SUITE(names)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_file_with_two_names_has_one_writer, Log, files) {
  const temp_dir place;
  Log{place / "log"}.append("closed");
  const auto other = second_name(place);
  {
    Log one{place / "log"};
    one.append("by the first name");
    BOOST_TEST(is_locked(other));
    BOOST_TEST(!std::filesystem::exists(place / "other/log-lock"));
  }
  Log two{other};
  two.append("by the second");
  BOOST_TEST(is_locked(place / "log"));
  BOOST_TEST(two.last_lsn() == lsn{3});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_file_that_was_just_made_has_one_writer, Log, files) {
  const temp_dir place;
  Log one{place / "log"};
  one.append("new");
  BOOST_TEST(is_locked(second_name(place)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_file_that_a_close_wrote_anew_has_one_writer, Log, files) {
  const temp_dir place;
  typename Log::options always;
  always.storage.compact_ratio = 0;
  Log{place / "log", always}.append("closed");
  Log one{place / "log", always};
  one.append("open");
  BOOST_TEST(is_locked(second_name(place)));
}

BOOST_AUTO_TEST_CASE(the_first_of_many_may_leave_and_the_other_name_stays_out) {
  const temp_dir place;
  file_of_many first{place / "log"};
  first.append("of the first");
  file_of_many second{place / "log"};
  const auto other = second_name(place);
  first.close();
  BOOST_TEST(is_locked(other));
  file_of_many third{place / "log"};
  second.close();
  BOOST_TEST(is_locked(other));
  third.close();
  BOOST_TEST(!is_locked(other));
}

BOOST_AUTO_TEST_CASE(a_reader_comes_by_any_name) {
  const temp_dir place;
  file_alone one{place / "log"};
  one.append("read");
  one.close();
  const file_alone reader{second_name(place), {.mode = open_mode::read_only}};
  BOOST_TEST(reader.last_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_lock_file_that_was_removed_lets_nobody_in, Log, directories) {
  const temp_dir place;
  Log one{place / "log"};
  one.append("first");
  std::filesystem::remove(place / "log/lock");
  const auto failure = error_of([&] { const durable_wal second{place / "log"}; });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::locked));
  BOOST_TEST(std::string{failure->what()}.find("lock file was removed") != std::string::npos);
  BOOST_TEST(throws(errc::locked, [&] { const shared_wal second{place / "log"}; }));
  one.append("second");
  one.close();
  durable_wal next{place / "log"};
  BOOST_TEST(next.last_lsn() == lsn{2});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
