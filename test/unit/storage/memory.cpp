// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE memory
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/storage/memory.hpp>

#include "support/faulty_system.hpp"
#include "support/throws.hpp"

namespace {

using logdb::errc;
using logdb::Memory;
using logdb::open_mode;
using logdb::test::faulty_system;

BOOST_AUTO_TEST_CASE(two_of_one_path_have_nothing_in_common) {
  Memory first{"label", open_mode::read_write};
  const Memory second{"label", open_mode::read_write};
  (void)first.create("a");
  BOOST_TEST(!second.exists("a"));
}

BOOST_AUTO_TEST_CASE(the_path_touches_no_disk) {
  Memory storage{"/no/such/place", open_mode::read_write};
  (void)storage.create("a");
  BOOST_TEST(storage.names().size() == 1U);
  BOOST_TEST(!std::filesystem::exists("/no/such/place"));
}

BOOST_AUTO_TEST_CASE(growing_keeps_what_was_written) {
  Memory storage{"m", open_mode::read_write};
  auto file = storage.create("a");
  std::string expected;
  for (int i = 0; i < 1'000; ++i) {
    const std::string piece = std::to_string(i);
    file.write(expected.size(), logdb::as_bytes(piece));
    expected += piece;
  }
  std::string found(expected.size(), '?');
  file.read(0, std::as_writable_bytes(std::span{found}));
  BOOST_TEST(found == expected);
}

BOOST_AUTO_TEST_CASE(a_mapping_to_read_keeps_its_bytes_when_the_file_outgrows_it) {
  Memory storage{"m", open_mode::read_write};
  auto file = storage.create("a");
  file.write(0, logdb::as_bytes("kept"));
  const auto mapping = file.map(0, 4, open_mode::read_only);
  file.write(4, logdb::as_bytes(std::string(1 << 20, 'x')));
  BOOST_TEST(logdb::as_text(mapping.bytes()) == "kept");
  const auto later = file.map(0, 5, open_mode::read_only);
  BOOST_TEST(logdb::as_text(later.bytes()) == "keptx");
}

BOOST_AUTO_TEST_CASE(a_file_mapped_to_write_cannot_outgrow_what_was_allocated) {
  Memory storage{"m", open_mode::read_write};
  auto file = storage.create("a");
  file.allocate(100);
  {
    const auto mapping = file.map(0, 10, open_mode::read_write);
    BOOST_TEST(logdb::test::throws(errc::invalid_argument, [&] { file.allocate(1 << 20); }));
    BOOST_TEST(file.size() == 100U);
  }
  file.allocate(1 << 20);
  BOOST_TEST(file.size() == 1U << 20);
}

BOOST_FIXTURE_TEST_CASE(memory_that_runs_out_is_no_space_with_the_path, logdb::test::fresh_faults) {
  logdb::BasicMemory<faulty_system> storage{"m", open_mode::read_write};
  auto file = storage.create("a");
  file.write(0, logdb::as_bytes("kept"));
  faulty_system::faults.map.failure = -ENOMEM;
  const auto failure = logdb::test::error_of([&] { file.allocate(1 << 20); });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::no_space));
  BOOST_TEST(failure->os_error() == ENOMEM);
  BOOST_TEST(failure->path() == file.path());
  BOOST_TEST(file.size() == 4U);
}

BOOST_AUTO_TEST_CASE(files_can_be_made_and_used_by_many_threads) {
  Memory storage{"m", open_mode::read_write};
  auto shared = storage.create("shared");
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&storage, &shared, i] {
      for (std::uint64_t j = 0; j < 50; ++j) {
        (void)storage.create(std::to_string(i) + "-" + std::to_string(j));
        shared.write((i * 50 + j) * 8, logdb::as_bytes("12345678"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(storage.names().size() == 201U);
  std::string found(1'600, '?');
  shared.read(0, std::as_writable_bytes(std::span{found}));
  for (std::size_t at = 0; at < found.size(); at += 8)
    BOOST_TEST(found.substr(at, 8) == "12345678");
}

}  // namespace
