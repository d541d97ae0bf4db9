// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE error
#include <cerrno>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/error.hpp>

#include "support/throws.hpp"

namespace {

using logdb::errc;
using logdb::error;

constexpr int last = static_cast<int>(errc::too_large);

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(each_condition_has_its_own_words_and_a_remedy) {
  std::set<std::string> words;
  for (int code = 1; code <= last; ++code) {
    words.insert(logdb::make_error_code(errc{code}).message());
    BOOST_TEST(logdb::remedy(errc{code}) != "see docs/errors.md");
  }
  BOOST_TEST(words.size() == static_cast<std::size_t>(last));
  BOOST_TEST(words.count("unknown error") == 0U);
  BOOST_TEST(logdb::remedy(errc{last + 1}) == "see docs/errors.md");
  BOOST_TEST(logdb::make_error_code(errc{last + 1}).message() == "unknown error");
}

BOOST_AUTO_TEST_CASE(a_message_names_the_place_and_the_remedy) {
  const error failure{errc::corrupt, "a frame is damaged", {"dir/file", 4096, logdb::lsn{7}, EIO}};
  const std::string text = failure.what();
  for (const std::string part :
       {"a frame is damaged", ", dir/file", "offset 4096", "lsn 7", "Input/output error"}) {
    BOOST_TEST(text.find(part) != std::string::npos, part);
  }
  BOOST_TEST(text.find(failure.remedy()) != std::string::npos);
  BOOST_TEST(failure.path() == "dir/file");
  BOOST_TEST((failure.offset() == 4096U && failure.at() == logdb::lsn{7}));
  BOOST_TEST(failure.os_error() == EIO);
}

BOOST_AUTO_TEST_CASE(what_does_not_apply_stays_out_of_the_message) {
  const std::string text = error{errc::closed, "the log was closed"}.what();
  for (const std::string part : {"offset", "lsn", "("}) {
    BOOST_TEST(text.find(part) == std::string::npos, text);
  }
}

BOOST_AUTO_TEST_CASE(an_error_is_a_system_error_of_its_own_category) {
  const error failure{errc::locked, "held"};
  const std::system_error& base = failure;
  BOOST_TEST((base.code() == errc::locked));
  BOOST_TEST((base.code() != errc::closed));
  BOOST_TEST(std::string{base.code().category().name()} == "logdb");
  BOOST_TEST((failure.condition() == errc::locked));
}

/// Is the category of another copy of the library, as a plugin may have one.
struct copied_category : std::error_category {
  [[nodiscard]] const char* name() const noexcept override { return "logdb"; }
  [[nodiscard]] std::string message(int) const override { return {}; }
};

BOOST_AUTO_TEST_CASE(a_condition_is_the_same_in_each_copy_of_the_library) {
  const copied_category copied;
  const std::error_code from_there{static_cast<int>(errc::locked), copied};
  BOOST_TEST((from_there == errc::locked));
  BOOST_TEST((errc::locked == from_there));
  BOOST_TEST((from_there != errc::closed));
  BOOST_TEST(
      (std::error_code{static_cast<int>(errc::locked), std::generic_category()} != errc::locked));
}

BOOST_AUTO_TEST_CASE(an_errno_stands_for_a_condition) {
  BOOST_TEST((logdb::errc_from_errno(ENOSPC) == errc::no_space));
  BOOST_TEST((logdb::errc_from_errno(EDQUOT) == errc::no_space));
  BOOST_TEST((logdb::errc_from_errno(EACCES) == errc::permission_denied));
  BOOST_TEST((logdb::errc_from_errno(EROFS) == errc::permission_denied));
  BOOST_TEST((logdb::errc_from_errno(ENOENT) == errc::not_found));
  BOOST_TEST((logdb::errc_from_errno(ENOTDIR) == errc::not_a_log));
  BOOST_TEST((logdb::errc_from_errno(EOPNOTSUPP) == errc::unsupported));
  BOOST_TEST((logdb::errc_from_errno(EIO) == errc::io));
  for (const int of_the_process : {EMFILE, ENFILE, ENOMEM, EFBIG, EAGAIN, ENOLCK}) {
    BOOST_TEST((logdb::errc_from_errno(of_the_process) == errc::limit));
  }
  BOOST_TEST((logdb::errc_from_errno(ENAMETOOLONG) == errc::invalid_argument));
  for (const int in_the_way : {EEXIST, EISDIR, ENOTEMPTY, ELOOP}) {
    BOOST_TEST((logdb::errc_from_errno(in_the_way) == errc::not_a_log));
  }
  for (const int of_the_file_system : {EINVAL, ENODEV, ENOSYS}) {
    BOOST_TEST((logdb::errc_from_errno(of_the_file_system) == errc::unsupported));
  }
  const auto failure = logdb::test::error_of([] { logdb::throw_errno(ENOSPC, "no", "a/b"); });
  BOOST_REQUIRE(failure);
  BOOST_TEST(failure->path() == "a/b");
  BOOST_TEST(failure->os_error() == ENOSPC);
}

BOOST_AUTO_TEST_CASE(what_the_place_knows_comes_before_the_errno_and_that_before_the_condition) {
  const std::string_view known = "feed the cat";
  const error here{errc::not_found, "no", {.os_error = ENOENT, .remedy = known}};
  BOOST_TEST(here.remedy() == known);
  const error by_errno{errc::limit, "no", {.os_error = EMFILE}};
  BOOST_TEST(by_errno.remedy().find("ulimit -n") != std::string_view::npos);
  const error by_condition{errc::limit, "no"};
  BOOST_TEST(by_condition.remedy() == logdb::remedy(errc::limit));
  for (const error& each : {here, by_errno, by_condition}) {
    BOOST_TEST(std::string{each.what()}.ends_with("; " + std::string{each.remedy()}));
  }
}

BOOST_AUTO_TEST_CASE(only_what_the_device_said_sends_people_to_the_device) {
  for (int os_error = 1; os_error < 134; ++os_error) {
    const error failure{logdb::errc_from_errno(os_error), "no", {.os_error = os_error}};
    const bool blames = failure.remedy().find("device") != std::string_view::npos;
    BOOST_TEST(blames == (failure.condition() == errc::io), failure.what());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
