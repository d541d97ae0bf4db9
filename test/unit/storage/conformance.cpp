// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE storage_conformance
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/storage/directory.hpp>
#include <logdb/storage/memory.hpp>
#include <logdb/storage/single_file.hpp>

#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// What every storage policy promises, in one suite that runs on each.

namespace {

using logdb::errc;
using logdb::open_mode;
using logdb::test::error_of;
using logdb::test::throws;

using policies = boost::mp11::mp_list<logdb::Directory, logdb::SingleFile, logdb::Memory>;

template <class Storage>
struct fixture {
  logdb::test::temp_dir place;
  Storage storage{place / "store", open_mode::read_write};
};

template <class File>
std::string text_of(const File& file, std::uint64_t offset, std::size_t bytes) {
  std::string out(bytes, '?');
  file.read(offset, std::as_writable_bytes(std::span{out}));
  return out;
}

template <class Mapping>
std::string text_of(const Mapping& mapping) {
  return std::string{logdb::as_text(mapping.bytes())};
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_new_storage_is_empty, Storage, policies) {
  const fixture<Storage> f;
  BOOST_TEST(f.storage.names().empty());
  BOOST_TEST(f.storage.path() == f.place / "store");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_file_has_the_name_it_was_created_with, Storage, policies) {
  fixture<Storage> f;
  const auto file = f.storage.create("a");
  BOOST_TEST(f.storage.exists("a"));
  BOOST_TEST(!f.storage.exists("b"));
  BOOST_TEST((f.storage.names() == std::vector<std::string>{"a"}));
  BOOST_TEST(file.path() == logdb::detail::locate(f.storage, "a").path);
  BOOST_TEST(file.size() == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_taken_name_cannot_be_created, Storage, policies) {
  fixture<Storage> f;
  f.storage.create("a").write(0, logdb::as_bytes("kept"));
  const auto failure = error_of([&] { (void)f.storage.create("a"); });
  BOOST_REQUIRE(failure);
  BOOST_TEST(failure->os_error() == EEXIST);
  BOOST_TEST(failure->path() == logdb::detail::locate(f.storage, "a").path);
  BOOST_TEST(text_of(f.storage.open("a", open_mode::read_only), 0, 4) == "kept");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_missing_file_is_not_found, Storage, policies) {
  const fixture<Storage> f;
  for (const open_mode mode : {open_mode::read_only, open_mode::read_write}) {
    const auto failure = error_of([&] { (void)f.storage.open("none", mode); });
    BOOST_REQUIRE(failure);
    BOOST_TEST((failure->condition() == errc::not_found));
    BOOST_TEST(failure->path() == logdb::detail::locate(f.storage, "none").path);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_name_that_leads_elsewhere_is_refused, Storage, policies) {
  fixture<Storage> f;
  for (const std::string_view name : {"", ".", "..", "a/b", "../a", "/a"}) {
    BOOST_TEST(throws(errc::invalid_argument, [&] { (void)f.storage.create(name); }));
    BOOST_TEST(throws(errc::invalid_argument, [&] { (void)f.storage.exists(name); }));
    BOOST_TEST(throws(errc::invalid_argument, [&] { f.storage.remove(name); }));
    BOOST_TEST(throws(errc::invalid_argument, [&] { f.storage.rename("a", name); }));
  }
  BOOST_TEST(
      throws(errc::invalid_argument, [&] { (void)f.storage.create(std::string(256, 'x')); }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_pieces_are_written_as_one, Storage, policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.write(2, logdb::as_bytes("one"), logdb::as_bytes("two"));
  BOOST_TEST(file.size() == 8U);
  BOOST_TEST(text_of(file, 0, 8) == std::string("\0\0onetwo", 8));
  file.write(8, {}, logdb::as_bytes("!"));
  file.write(9, {}, {});
  BOOST_TEST(text_of(file, 5, 4) == "two!");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_write_changes_no_size, Storage, policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.write(100, {});
  BOOST_TEST(file.size() == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_read_past_the_end_is_corrupt, Storage, policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.write(0, logdb::as_bytes("12345"));
  std::array<std::byte, 4> out{};
  const volatile std::uint64_t far_away = UINT64_MAX >> 1;  // g++ must not see the overflow coming
  const auto failure = error_of([&] { file.read(2, out); });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::corrupt));
  BOOST_TEST(failure->offset().has_value());
  BOOST_TEST(failure->path() == file.path());
  BOOST_TEST(throws(errc::corrupt, [&] { file.read(far_away, out); }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(allocation_grows_with_zeros_and_keeps_what_is_there, Storage,
                              policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.write(0, logdb::as_bytes("kept"));
  file.allocate(100'000);
  BOOST_TEST(file.size() == 100'000U);
  BOOST_TEST(text_of(file, 0, 4) == "kept");
  BOOST_TEST(text_of(file, 4, 99'996) == std::string(99'996, '\0'));
  file.allocate(10);
  file.allocate(0);
  BOOST_TEST(file.size() == 100'000U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(zero_filling_overwrites_a_part, Storage, policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  constexpr std::size_t bytes = (std::size_t{2} << 20) + 10;
  file.write(0, logdb::as_bytes(std::string(bytes, 'x')));
  file.zero_fill(3, bytes - 6);
  BOOST_TEST(text_of(file, 0, 4) == std::string("xxx\0", 4));
  BOOST_TEST(text_of(file, bytes - 4, 4) == std::string("\0xxx", 4));
  const std::string between = text_of(file, 3, bytes - 6);
  BOOST_TEST(std::ranges::count(between, '\0') == static_cast<std::ptrdiff_t>(bytes - 6));
  file.zero_fill(bytes, 5'000);
  BOOST_TEST(file.size() == bytes + 5'000);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_a_resize_cuts_off_does_not_come_back, Storage, policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.write(0, logdb::as_bytes("secret"));
  file.resize(2);
  BOOST_TEST(file.size() == 2U);
  file.resize(6);
  BOOST_TEST(text_of(file, 0, 6) == std::string("se\0\0\0\0", 6));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_mapping_shows_what_is_written_later, Storage, policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.allocate(20'000);
  const auto mapping = file.map(5'000, 10, open_mode::read_only);
  file.write(4'999, logdb::as_bytes("-"), logdb::as_bytes("0123456789-"));
  BOOST_TEST(text_of(mapping) == "0123456789");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_stored_through_a_writable_mapping_is_read, Storage,
                              policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.allocate(100);
  const auto mapping = file.map(0, 100, open_mode::read_write);
  mapping.bytes()[7] = std::byte{'x'};
  BOOST_TEST(text_of(file, 7, 1) == "x");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_mapping_outlives_its_file_its_name_and_its_storage, Storage,
                              policies) {
  typename Storage::mapping kept;
  BOOST_TEST(kept.bytes().empty());
  {
    fixture<Storage> f;
    auto file = f.storage.create("a");
    file.write(0, logdb::as_bytes("still here"));
    auto mapping = file.map(0, 10, open_mode::read_only);
    f.storage.remove("a");
    kept = std::move(mapping);
  }
  BOOST_TEST(text_of(kept) == "still here");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_mapping_past_the_end_is_corrupt, Storage, policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.allocate(100);
  const auto map = [&](std::uint64_t offset, std::uint64_t bytes) {
    (void)file.map(offset, bytes, open_mode::read_only);
  };
  BOOST_TEST(throws(errc::corrupt, [&] { map(0, 101); }));
  BOOST_TEST(throws(errc::corrupt, [&] { map(101, 0); }));
  BOOST_TEST(throws(errc::corrupt, [&] { map(50, UINT64_MAX); }));
  BOOST_TEST(file.map(100, 0, open_mode::read_only).bytes().empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_removed_file_stays_readable_where_it_is_open, Storage, policies) {
  fixture<Storage> f;
  auto file = f.storage.create("a");
  file.write(0, logdb::as_bytes("old"));
  f.storage.remove("a");
  f.storage.remove("a");
  BOOST_TEST(!f.storage.exists("a"));
  f.storage.create("a").write(0, logdb::as_bytes("new"));
  BOOST_TEST(text_of(file, 0, 3) == "old");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_rename_replaces_the_target, Storage, policies) {
  fixture<Storage> f;
  f.storage.create("draft").write(0, logdb::as_bytes("new"));
  f.storage.create("manifest").write(0, logdb::as_bytes("old"));
  const auto before = f.storage.open("manifest", open_mode::read_only);
  f.storage.rename("draft", "manifest");
  f.storage.sync();
  BOOST_TEST(!f.storage.exists("draft"));
  BOOST_TEST(text_of(f.storage.open("manifest", open_mode::read_only), 0, 3) == "new");
  BOOST_TEST(text_of(before, 0, 3) == "old");
  BOOST_TEST(throws(errc::not_found, [&] { f.storage.rename("draft", "manifest"); }));
  BOOST_TEST(f.storage.exists("manifest"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(two_open_files_of_a_name_share_the_bytes, Storage, policies) {
  fixture<Storage> f;
  auto writer = f.storage.create("a");
  const auto reader = f.storage.open("a", open_mode::read_only);
  writer.write(0, logdb::as_bytes("shared"));
  writer.sync();
  BOOST_TEST(text_of(reader, 0, 6) == "shared");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(only_one_open_file_has_the_lock, Storage, policies) {
  fixture<Storage> f;
  auto first = f.storage.create("a");
  auto second = f.storage.open("a", open_mode::read_write);
  BOOST_TEST(first.try_lock_exclusive());
  BOOST_TEST(first.try_lock_exclusive());
  BOOST_TEST(!second.try_lock_exclusive());
  second.unlock();
  BOOST_TEST(!second.try_lock_exclusive());
  first.unlock();
  BOOST_TEST(second.try_lock_exclusive());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(closing_a_file_frees_its_lock, Storage, policies) {
  fixture<Storage> f;
  auto first = f.storage.create("a");
  BOOST_TEST(first.try_lock_exclusive());
  auto holder = std::move(first);
  auto second = f.storage.open("a", open_mode::read_write);
  BOOST_TEST(!second.try_lock_exclusive());
  holder = typename Storage::file{};
  BOOST_TEST(second.try_lock_exclusive());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_storage_can_be_moved, Storage, policies) {
  fixture<Storage> f;
  f.storage.create("a").write(0, logdb::as_bytes("abc"));
  const Storage moved{std::move(f.storage)};
  BOOST_TEST(text_of(moved.open("a", open_mode::read_only), 0, 3) == "abc");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_storage_opened_to_read_refuses_every_change, Storage, policies) {
  fixture<Storage> f;
  (void)f.storage.create("a");  // there is something to read
  f.storage.remove("a");
  Storage reader{f.storage.path(), open_mode::read_only};
  BOOST_TEST(throws(errc::read_only, [&] { (void)reader.create("a"); }));
  BOOST_TEST(throws(errc::read_only, [&] { (void)reader.open("a", open_mode::read_write); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.rename("a", "b"); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.remove("a"); }));
  BOOST_TEST(throws(errc::read_only, [&] { reader.sync(); }));
  BOOST_TEST(reader.names().empty());
}

}  // namespace
