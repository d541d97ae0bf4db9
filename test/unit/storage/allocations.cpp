// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE allocations
#include <atomic>
#include <new>
#include <stdlib.h>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/storage/directory.hpp>

#include "support/temp_dir.hpp"

namespace {

std::atomic<int> allocations = 0;

}  // namespace

// Clang's ThreadSanitizer brings these three itself, and so nothing is counted there.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOGDB_TEST_COUNTS_NOTHING
#endif
#endif
#ifndef LOGDB_TEST_COUNTS_NOTHING
// Not inlined, since g++ then takes them for a mismatched pair.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = ::malloc(bytes)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { ::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { ::free(memory); }
#endif

namespace {

BOOST_AUTO_TEST_CASE(writing_reading_and_syncing_a_file_allocates_nothing) {
  const logdb::test::temp_dir place;
  logdb::Directory storage{place.path(), logdb::open_mode::read_write};
  auto file = storage.create("a name that is longer than a short string");
  std::array<std::byte, 6> out{};
  const int before = allocations;
  file.allocate(100);
  file.write(0, logdb::as_bytes("abc"), logdb::as_bytes("def"));
  file.zero_fill(50, 10);
  file.sync();
  file.read(0, out);
  const int after = allocations;
#ifndef LOGDB_TEST_COUNTS_NOTHING
  BOOST_TEST(before > 0);
#endif
  BOOST_TEST(after == before);
  BOOST_TEST(logdb::as_text(out) == "abcdef");
}

}  // namespace
