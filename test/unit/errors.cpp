// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE errors
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// Bad input: each is a logdb::error with a condition, a path and a remedy, and changes nothing.

namespace {

namespace fs = std::filesystem;
using logdb::errc;
using logdb::error;
using logdb::lsn;
using logdb::open_mode;
using logdb::test::child_process;
using logdb::test::error_of;
using logdb::test::pipe_signal;
using logdb::test::throws;
using wal = logdb::durable_wal;

wal::options small() {
  wal::options chosen;
  chosen.segment_bytes = 16u << 10;
  chosen.durability.staging_bytes = 32u << 10;
  return chosen;
}

wal::options reading() {
  wal::options chosen = small();
  chosen.mode = open_mode::read_only;
  return chosen;
}

std::string content(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void overwrite(const fs::path& file, const std::string& bytes) {
  std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}

/// Is every name below a path, with the bytes of the files and the targets of the links.
using image = std::map<std::string, std::string>;

image image_of(const fs::path& place) {
  image found;
  for (const auto& entry : fs::recursive_directory_iterator{place}) {
    std::string& what = found[entry.path().string()];
    if (entry.is_symlink()) {
      what = "-> " + fs::read_symlink(entry.path()).string();
    } else if (entry.is_regular_file()) {
      what = content(entry.path());
    }
  }
  return found;
}

struct in_place {
  logdb::test::temp_dir place;
  fs::path path = place / "a.wal";

  /// Makes a log of a few segments, closed.
  void make_log() const {
    wal log{path, small()};
    for (int n = 1; n <= 10; ++n) log.append(std::string(2000, 'x'));
    log.close();
  }

  /// Forgets the process id in the lock file: it tells people who opened the log last.
  void forget_holder(image& place_then) const {
    const auto lock = place_then.find((path / "lock").string());
    if (lock != place_then.end()) lock->second.clear();
  }

  /// Expects that a call fails so, naming a path below `path`, and leaves every byte as it was.
  void expect(errc condition, const std::function<void()>& call) const {
    image before = image_of(place.path());
    const auto failure = error_of(call);
    BOOST_REQUIRE(failure);
    BOOST_TEST((failure->condition() == condition), failure->what());
    BOOST_TEST((failure->code() == logdb::make_error_code(condition)));
    BOOST_TEST(failure->path().string().find(path.string()) == 0U, failure->what());
    BOOST_TEST(std::string{failure->what()}.find(failure->remedy()) != std::string::npos);
    image after = image_of(place.path());
    for (image* each : {&before, &after}) forget_holder(*each);
    BOOST_TEST((before == after), "something was changed: " << failure->what());
  }
  void expect_open(errc condition) const {
    expect(condition, [this] { const wal log{path, small()}; });
    expect(condition, [this] { const wal log{path, reading()}; });
  }
};

BOOST_FIXTURE_TEST_SUITE(bad_input, in_place)

BOOST_AUTO_TEST_CASE(a_foreign_file_is_not_a_log) {
  overwrite(path, "the user's own text\n");
  expect_open(errc::not_a_log);
}

BOOST_AUTO_TEST_CASE(a_foreign_directory_is_not_a_log) {
  fs::create_directory(path);
  overwrite(path / "thesis.txt", "years of work");
  expect(errc::not_a_log, [this] { const wal log{path, small()}; });
  expect(errc::not_found, [this] { const wal log{path, reading()}; });
}

BOOST_AUTO_TEST_CASE(a_foreign_manifest_is_not_a_log) {
  fs::create_directory(path);
  overwrite(path / "manifest", std::string(400, 'm'));
  expect_open(errc::not_a_log);
}

BOOST_AUTO_TEST_CASE(an_empty_manifest_is_refused) {
  fs::create_directory(path);
  overwrite(path / "manifest", "");
  expect_open(errc::not_a_log);
}

BOOST_AUTO_TEST_CASE(a_link_in_place_of_the_manifest_is_not_followed) {
  make_log();
  fs::rename(path / "manifest", place / "elsewhere");
  fs::create_symlink(place / "elsewhere", path / "manifest");
  expect_open(errc::not_a_log);
}

BOOST_AUTO_TEST_CASE(a_missing_log_is_not_found_by_a_reader) {
  expect(errc::not_found, [this] { const wal log{path, reading()}; });
  fs::create_directory(path);
  expect(errc::not_found, [this] { const wal log{path, reading()}; });
}

BOOST_AUTO_TEST_CASE(a_parent_that_is_missing_is_not_made) {
  path = place / "missing" / "a.wal";
  expect_open(errc::not_found);
}

/// Runs as a user who owns nothing here; root may do anything. Returns false where that fails.
bool become_nobody() { return ::geteuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0); }

BOOST_AUTO_TEST_CASE(a_directory_without_permission_is_refused) {
  make_log();
  fs::permissions(place.path(), fs::perms::owner_all | fs::perms::others_exec);
  fs::permissions(path, fs::perms::none);
  const image before = ::geteuid() == 0 ? image_of(place.path()) : image{};
  const auto refused = [this](const wal::options& chosen) {
    const auto failure = error_of([&] { const wal log{path, chosen}; });
    return failure && failure->condition() == errc::permission_denied && failure->path() == path &&
           failure->os_error() != 0;
  };
  child_process stranger{
      [&] { return become_nobody() && refused(small()) && refused(reading()) ? 0 : 1; }};
  BOOST_TEST(stranger.wait() == 0);
  BOOST_TEST((before == (::geteuid() == 0 ? image_of(place.path()) : image{})));
  fs::permissions(path, fs::perms::owner_all);
}

BOOST_AUTO_TEST_CASE(a_place_where_nothing_may_be_created_is_refused) {
  fs::permissions(place.path(), fs::perms::owner_read | fs::perms::owner_exec |
                                    fs::perms::others_exec | fs::perms::others_read);
  child_process stranger{[&] {
    const bool refused = become_nobody() && throws(errc::permission_denied, [&] {
                           const wal log{path, small()};
                         });
    return refused ? 0 : 1;
  }};
  BOOST_TEST(stranger.wait() == 0);
  BOOST_TEST(fs::is_empty(place.path()));
  fs::permissions(place.path(), fs::perms::owner_all);
}

BOOST_AUTO_TEST_CASE(a_record_over_the_limit_is_refused_before_anything_is_taken) {
  auto chosen = small();
  chosen.record_bytes_max = 1000;
  wal log{path, chosen};
  log.append("kept");
  const auto failure = error_of([&] { log.append(std::string(1001, 'x')); });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::record_too_large));
  BOOST_TEST(failure->path() == path);
  BOOST_TEST(std::string{failure->what()}.find(failure->remedy()) != std::string::npos);
  BOOST_TEST(log.last_lsn() == lsn{1});
}

BOOST_AUTO_TEST_CASE(use_after_close_changes_nothing) {
  wal log{path, small()};
  log.append("kept");
  log.close();
  expect(errc::closed, [&] { log.append("lost"); });
  expect(errc::closed, [&] { (void)log.records(); });
  expect(errc::closed, [&] { log.truncate_front(lsn{1}); });
}

BOOST_AUTO_TEST_CASE(a_second_writer_of_this_process_is_refused_with_the_pid) {
  wal log{path, small()};
  log.append("mine");
  const auto failure = error_of([&] { const wal second{path, small()}; });
  BOOST_REQUIRE(failure);
  const std::string text = failure->what();
  BOOST_TEST(text.find("process " + std::to_string(::getpid())) != std::string::npos, text);
  BOOST_TEST((failure->condition() == errc::locked));
  BOOST_TEST(failure->path() == path / "lock");
  BOOST_TEST(log.append("still mine") == lsn{2});
}

BOOST_AUTO_TEST_CASE(a_second_writer_of_another_process_is_refused_with_the_pid) {
  const pipe_signal opened;
  const pipe_signal never;
  child_process other{[&] {
    wal log{path, small()};
    log.append("theirs");
    return opened.announce() && never.wait() ? 0 : 1;
  }};
  BOOST_REQUIRE(opened.wait());
  const auto failure = error_of([&] { const wal second{path, small()}; });
  BOOST_REQUIRE(failure);
  const std::string text = failure->what();
  BOOST_TEST(text.find("process " + std::to_string(other.id())) != std::string::npos, text);
  BOOST_TEST((failure->condition() == errc::locked));
  BOOST_TEST(failure->path() == path / "lock");
  other.kill();
  const wal log{path, small()};
  BOOST_TEST(log.last_lsn() == lsn{1});
}

/// Changes the bytes of a manifest or a segment header and makes its checksum right again.
void forge(const fs::path& file, std::size_t offset, char byte, std::size_t crc_at) {
  std::string bytes = content(file);
  bytes[offset] = byte;
  const auto crc = logdb::format::crc32c(logdb::as_bytes(bytes).first(crc_at));
  std::memcpy(bytes.data() + crc_at, &crc, sizeof crc);
  overwrite(file, bytes);
}
void forge_manifest(const fs::path& log, std::size_t offset, char byte) {
  forge(log / "manifest", offset, byte, fs::file_size(log / "manifest") - 4);
}

constexpr std::size_t version_at = 8;
constexpr std::size_t segment_incompat_at = 96;

// Where the manifest has what; docs/format.md.
constexpr std::size_t manifest_index_at = 56;
constexpr std::size_t manifest_compression_at = 60;
constexpr std::size_t manifest_read_only_compat_at = 72;
constexpr std::size_t manifest_incompat_at = 80;

BOOST_AUTO_TEST_CASE(a_later_version_of_the_format_is_refused) {
  make_log();
  forge_manifest(path, version_at, 2);
  expect_open(errc::format_mismatch);
}

BOOST_AUTO_TEST_CASE(an_unknown_incompatible_feature_is_refused) {
  make_log();
  forge_manifest(path, manifest_incompat_at, 1);
  expect_open(errc::format_mismatch);
}

BOOST_AUTO_TEST_CASE(an_unknown_read_only_compatible_feature_is_only_read) {
  make_log();
  forge_manifest(path, manifest_read_only_compat_at, 1);
  expect(errc::format_mismatch, [this] { const wal log{path, small()}; });
  const wal reader{path, reading()};
  BOOST_TEST(reader.last_lsn() == lsn{10});
}

BOOST_AUTO_TEST_CASE(an_index_that_nobody_knows_is_refused_and_both_are_named) {
  make_log();
  forge_manifest(path, manifest_index_at, 77);
  expect_open(errc::format_mismatch);
  const auto failure = error_of([this] { const wal log{path, small()}; });
  const std::string text = failure->what();
  BOOST_TEST(text.find("index 77") != std::string::npos, text);
  BOOST_TEST(text.find("Sparse") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(a_compression_that_nobody_knows_is_refused) {
  make_log();
  forge_manifest(path, manifest_compression_at, 3);
  expect_open(errc::format_mismatch);
}

/// Returns the segment that the records lie in.
fs::path first_segment(const fs::path& log) {
  return log / logdb::format::segment_name(logdb::segment_number{1});
}

BOOST_AUTO_TEST_CASE(a_segment_of_a_later_version_is_refused) {
  make_log();
  for (const auto& entry : fs::directory_iterator{path}) {
    if (entry.path().extension() == ".seg") forge(entry.path(), version_at, 2, 124);
  }
  expect_open(errc::format_mismatch);
}

BOOST_AUTO_TEST_CASE(a_segment_with_an_unknown_incompatible_feature_is_refused) {
  make_log();
  for (const auto& entry : fs::directory_iterator{path}) {
    if (entry.path().extension() == ".seg") forge(entry.path(), segment_incompat_at, 1, 124);
  }
  expect_open(errc::format_mismatch);
}

BOOST_AUTO_TEST_CASE(a_damaged_manifest_is_corrupt) {
  make_log();
  std::string bytes = content(path / "manifest");
  bytes[60] = static_cast<char>(bytes[60] ^ 4);
  overwrite(path / "manifest", bytes);
  expect_open(errc::corrupt);
}

BOOST_AUTO_TEST_CASE(a_missing_segment_is_corrupt_when_it_is_read) {
  make_log();
  fs::remove(first_segment(path));
  expect(errc::corrupt, [this] {
    const wal log{path, reading()};
    for (const auto& each : log.records()) BOOST_TEST(each.size() == 2000U);
  });
}

BOOST_AUTO_TEST_CASE(a_reader_refuses_every_verb_that_writes) {
  make_log();
  wal reader{path, reading()};
  const auto is_refused = [](auto call) { return throws(errc::read_only, call); };
  const image before = image_of(path);
  BOOST_TEST(is_refused([&] { reader.append("x"); }));
  BOOST_TEST(is_refused([&] { reader.append(std::vector<std::string>{"x", "y"}); }));
  BOOST_TEST(is_refused([&] { (void)reader.begin(); }));
  BOOST_TEST(is_refused([&] { reader.sync(); }));
  BOOST_TEST(is_refused([&] { reader.wait_durable(lsn{1}); }));
  BOOST_TEST(is_refused([&] { reader.truncate_front(lsn{5}); }));
  BOOST_TEST(is_refused([&] { reader.cursor("c").acknowledge(lsn{1}); }));
  reader.close();
  BOOST_TEST((before == image_of(path)));
}

/// Expects that an option out of its range is refused before anything is made.
template <class Change>
void expect_refused_option(const fs::path& path, Change change) {
  wal::options chosen;
  change(chosen);
  const auto failure = error_of([&] { const wal log{path, chosen}; });
  BOOST_REQUIRE(failure);
  BOOST_TEST((failure->condition() == errc::invalid_argument), failure->what());
  BOOST_TEST(!fs::exists(path));
}

BOOST_AUTO_TEST_CASE(options_out_of_their_ranges_are_refused_before_anything_is_made) {
  for (const std::uint64_t bytes : {0ULL, 16383ULL, (1ULL << 40) + 1}) {
    expect_refused_option(path, [&](auto& options) { options.segment_bytes = bytes; });
  }
  for (const std::uint64_t bytes : {0ULL, 16384ULL, 32769ULL, 3ULL << 20, 2ULL << 30}) {
    expect_refused_option(path, [&](auto& options) { options.durability.staging_bytes = bytes; });
  }
  for (const std::uint64_t bytes : {(1ULL << 32) - (1 << 16) + 1, ~0ULL}) {
    expect_refused_option(path, [&](auto& options) { options.record_bytes_max = bytes; });
  }
  expect_refused_option(path, [&](auto& options) { options.index.stride_bytes = 63; });
  expect_refused_option(
      path, [&](auto& options) { options.retention.age_max = std::chrono::nanoseconds{-1}; });
}

BOOST_AUTO_TEST_CASE(the_least_options_make_a_working_log) {
  wal::options chosen = small();
  chosen.record_bytes_max = 0;
  chosen.index.stride_bytes = 64;
  wal log{path, chosen};
  BOOST_TEST(log.append("") == lsn{1});
  BOOST_TEST(throws(errc::record_too_large, [&] { log.append("x"); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
