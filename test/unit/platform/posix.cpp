// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE posix
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/platform/posix.hpp>

#include "support/temp_dir.hpp"

namespace {

using logdb::platform::file_access;
using logdb::platform::posix;
using logdb::test::temp_dir;
using namespace std::chrono_literals;

struct in_directory {
  temp_dir place;
  posix::handle directory = posix::open_directory(place.path().c_str());

  ~in_directory() { posix::close(directory); }

  posix::handle make(const char* name) const {
    return posix::open_file(directory, name, file_access::create_new);
  }
  unsigned mode_of(const char* name) const {
    return static_cast<unsigned>(std::filesystem::status(place / name).permissions());
  }
};

std::int64_t write_text(posix::handle file, std::string text, std::uint64_t offset) {
  const logdb::platform::write_piece piece{text.data(), text.size()};
  return posix::write(file, &piece, 1, offset);
}

BOOST_FIXTURE_TEST_SUITE(files, in_directory)

BOOST_AUTO_TEST_CASE(what_is_created_is_only_its_owners) {
  BOOST_TEST(posix::make_directory((place / "store").c_str()) == 0);
  const posix::handle file = make("file");
  BOOST_TEST(file >= 0);
  BOOST_TEST(mode_of("store") == 0700U);
  BOOST_TEST(mode_of("file") == 0600U);
  posix::close(file);
}

BOOST_AUTO_TEST_CASE(a_taken_name_cannot_be_created) {
  posix::close(make("file"));
  BOOST_TEST(make("file") == -EEXIST);
  BOOST_TEST(posix::make_directory(place.path().c_str()) == -EEXIST);
}

BOOST_AUTO_TEST_CASE(a_missing_name_is_enoent) {
  BOOST_TEST(posix::open_file(directory, "none", file_access::read_only) == -ENOENT);
  BOOST_TEST(posix::exists(directory, "none") == 0);
  BOOST_TEST(posix::unlink(directory, "none") == -ENOENT);
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_is_not_followed) {
  posix::close(make("file"));
  std::filesystem::create_symlink(place / "file", place / "link");
  BOOST_TEST(posix::open_file(directory, "link", file_access::read_only) == -ELOOP);
  BOOST_TEST(posix::exists(directory, "link") == 1);
}

BOOST_AUTO_TEST_CASE(a_fifo_neither_blocks_nor_has_a_size) {
  BOOST_TEST(::mkfifo((place / "fifo").c_str(), 0600) == 0);
  const posix::handle fifo = posix::open_file(directory, "fifo", file_access::read_only);
  BOOST_TEST(fifo >= 0);
  BOOST_TEST(posix::size(fifo) == -EINVAL);
  posix::close(fifo);
}

BOOST_AUTO_TEST_CASE(names_are_listed_without_dots_again_and_again) {
  posix::close(make("b"));
  posix::close(make("a"));
  for (int round = 0; round < 2; ++round) {
    std::vector<std::string> names;
    BOOST_TEST(posix::list(directory, names) == 0);
    std::sort(names.begin(), names.end());
    const std::vector<std::string> expected{"a", "b"};
    BOOST_TEST(names == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(pieces_are_written_one_after_the_other_where_they_are_told) {
  const posix::handle file = make("file");
  std::string first = "ab";
  std::string second = "cde";
  const std::array<logdb::platform::write_piece, 2> pieces{
      {{first.data(), first.size()}, {second.data(), second.size()}}};
  BOOST_TEST(posix::write(file, pieces.data(), 2, 3) == 5);
  BOOST_TEST(posix::size(file) == 8);
  std::array<char, 8> out{};
  BOOST_TEST(posix::read(file, out.data(), out.size(), 0) == 8);
  BOOST_TEST(std::string(out.data(), out.size()) == std::string("\0\0\0abcde", 8));
  BOOST_TEST(posix::sync(file) == 0);
  BOOST_TEST(posix::sync_directory(directory) == 0);
  posix::close(file);
}

BOOST_AUTO_TEST_CASE(allocation_takes_blocks_and_grows_the_file) {
  const posix::handle file = make("file");
  const int result = posix::allocate(file, 1 << 20);
  BOOST_TEST((result == 0 || result == -EOPNOTSUPP));
  if (result == 0) {
    struct ::stat found {};
    BOOST_TEST(::fstat(file, &found) == 0);
    BOOST_TEST(found.st_size == 1 << 20);
    BOOST_TEST(found.st_blocks * 512 >= 1 << 20);
  }
  posix::close(file);
}

BOOST_AUTO_TEST_CASE(a_rename_replaces) {
  const posix::handle file = make("new");
  write_text(file, "new", 0);
  posix::close(file);
  posix::close(make("old"));
  BOOST_TEST(posix::rename(directory, "new", "old") == 0);
  BOOST_TEST(posix::exists(directory, "new") == 0);
  BOOST_TEST(std::filesystem::file_size(place / "old") == 3U);
}

BOOST_AUTO_TEST_CASE(a_mapping_shows_what_is_written_and_outlives_the_file) {
  const posix::handle file = make("file");
  BOOST_TEST(posix::resize(file, 10'000) == 0);
  posix::region region;
  BOOST_TEST(posix::map(file, 5'000, 1'000, false, region) == 0);
  write_text(file, "here", 5'000);
  posix::close(file);
  posix::unlink(directory, "file");
  const posix::region moved = std::move(region);
  BOOST_TEST(moved.size() == 1'000U);
  posix::populate(moved.bytes(), false);
  BOOST_TEST(logdb::as_text(moved.bytes().first(4)) == "here");
}

BOOST_AUTO_TEST_CASE(a_failed_mapping_is_an_errno) {
  posix::region region;
  BOOST_TEST(posix::map(posix::no_handle, 0, 4'096, false, region) == -EBADF);
  BOOST_TEST(region.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_second_handle_does_not_get_the_lock_of_the_first) {
  const posix::handle first = make("file");
  const posix::handle second = posix::open_file(directory, "file", file_access::read_write);
  BOOST_TEST(posix::lock_exclusive(first) == 0);
  BOOST_TEST(posix::lock_exclusive(second) == -EWOULDBLOCK);
  BOOST_TEST(posix::unlock(first) == 0);
  BOOST_TEST(posix::lock_exclusive(second) == 0);
  posix::close(first);
  posix::close(second);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(anonymous_memory_is_zero_and_writable) {
  posix::region region;
  BOOST_TEST(posix::map_anonymous(std::size_t{3} << 20, region) == 0);
  BOOST_TEST(region.size() == std::size_t{3} << 20);
  posix::populate(region.bytes(), true);
  const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
  BOOST_TEST(std::ranges::all_of(region.bytes(), is_zero));
  region.bytes().back() = std::byte{7};
  const posix::region moved = std::move(region);
  BOOST_TEST(static_cast<int>(moved.bytes().back()) == 7);
}

BOOST_AUTO_TEST_CASE(a_futex_returns_when_the_word_differs_or_the_time_is_over) {
  const std::atomic<std::uint32_t> word{5};
  BOOST_TEST(posix::futex_wait(word, 4) == -EAGAIN);
  BOOST_TEST(posix::futex_wait(word, 5, 1ns) == -ETIMEDOUT);
  BOOST_TEST(posix::futex_wake(word, 1) == 0);
}

BOOST_AUTO_TEST_CASE(clocks_run_forward) {
  const auto before = posix::uptime();
  BOOST_TEST((posix::uptime() >= before));
  BOOST_TEST(
      (posix::now() > logdb::timestamp{std::chrono::sys_days{std::chrono::year{2020} / 1 / 1}}));
}

BOOST_AUTO_TEST_CASE(random_bytes_differ) {
  std::array<std::byte, 32> first{};
  std::array<std::byte, 32> second{};
  BOOST_TEST(posix::random(first.data(), first.size()) == 0);
  BOOST_TEST(posix::random(second.data(), second.size()) == 0);
  BOOST_TEST((first != second));
}

BOOST_AUTO_TEST_CASE(the_boot_id_is_stable) {
  std::array<std::byte, 16> first{};
  std::array<std::byte, 16> second{};
  BOOST_TEST(posix::boot_id(first) == 0);
  BOOST_TEST(posix::boot_id(second) == 0);
  BOOST_TEST((first == second));
  BOOST_TEST((first != std::array<std::byte, 16>{}));
}

BOOST_AUTO_TEST_CASE(only_a_whole_uuid_is_parsed) {
  using logdb::platform::detail::parse_uuid;
  std::array<std::byte, 16> out{};
  BOOST_TEST(parse_uuid("00112233-4455-6677-8899-aabbccddeeff", out));
  BOOST_TEST(static_cast<int>(out[15]) == 0xff);
  BOOST_TEST(!parse_uuid("00112233-4455-6677-8899-aabbccddeef", out));
  BOOST_TEST(!parse_uuid("0011223344556677889900aabbccddeeff00", out));
  BOOST_TEST(!parse_uuid("00112233-4455-6677-8899-aabbccddeefg", out));
}

}  // namespace
