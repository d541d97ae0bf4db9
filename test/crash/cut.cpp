// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE cut
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/quick_system.hpp"
#include "crash/support/store.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

namespace {

using logdb::damage_kind;
using logdb::errc;
using logdb::lsn;
using logdb::test::frames_of;
using logdb::test::read_store;
using logdb::test::smallest;
using logdb::test::store_image;
using logdb::test::texts_of;
using logdb::test::write_store;

template <class Durability>
using quick_log = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<logdb::test::quick_system>>,
                                   logdb::Durability<Durability>>;
using wal = quick_log<logdb::Fsync>;

std::string text_of(int i) {
  return "record " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 9), 'x');
}

/// Returns a store as the restart of the machine leaves it: memory, and so the control file, gone.
store_image after_restart(const std::filesystem::path& path) {
  store_image image = logdb::test::read_live_store(path);
  image.erase("control");
  image.erase("lock");
  return image;
}

/// Returns the store of a log with records 0 .. count-1 that was never closed.
template <class Log>
store_image unclosed(const std::filesystem::path& path, int count) {
  Log log{path, smallest<Log>()};
  for (int i = 0; i < count; ++i) log.append(text_of(i));
  BOOST_TEST(texts_of(log).size() == static_cast<std::size_t>(count));  // the kernel has them
  return after_restart(path);
}

std::vector<std::string> first_texts(std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.push_back(text_of(static_cast<int>(i)));
  return texts;
}

std::size_t records_in(std::string_view file) {
  std::size_t records = 0;
  for (const auto& frame : frames_of(file)) records += frame.header.count;
  return records;
}

struct store_of_its_own {
  logdb::test::temp_dir place;
  std::filesystem::path path = place / "log";

  /// Opens what a cut left, twice, with an append between, and checks what is there.
  void check_cut(const store_image& image, std::string_view active) {
    const auto frames = frames_of(active);
    const std::uint64_t end =
        frames.empty() ? logdb::format::segment_header_bytes : frames.back().end();
    const bool torn = active.substr(end).find_first_not_of('\0') != std::string_view::npos;
    auto expected = first_texts(records_in(active));
    write_store(path, image);
    store_image second;
    {
      wal log{path, smallest<wal>()};
      BOOST_REQUIRE(texts_of(log) == expected);
      BOOST_REQUIRE(log.recovery().damages.size() == (torn ? 1U : 0U));
      if (torn) check_torn(log, end, lsn{expected.size() + 1});
      log.append("after the cut");
      expected.emplace_back("after the cut");
      BOOST_REQUIRE(texts_of(log) == expected);
      second = after_restart(path);
    }
    write_store(path, second);
    const wal again{path, smallest<wal>()};
    BOOST_REQUIRE(again.recovery().damages.empty());
    BOOST_REQUIRE(texts_of(again) == expected);
    BOOST_REQUIRE(again.verify().intact());
  }

  static void check_torn(const wal& log, std::uint64_t end, lsn expected) {
    const auto& torn = log.recovery().damages.front();
    BOOST_REQUIRE((torn.kind == damage_kind::torn_tail));
    BOOST_REQUIRE(torn.at.offset == end);
    BOOST_REQUIRE(torn.expected == expected);
  }
};

BOOST_FIXTURE_TEST_SUITE(of_a_log_that_was_not_closed, store_of_its_own)

BOOST_AUTO_TEST_CASE(a_torn_tail_is_cut_at_the_last_whole_frame) {
  const auto whole = unclosed<wal>(path, 8);
  const std::string name = logdb::test::segment_file(1);
  const auto frames = frames_of(whole.at(name));
  BOOST_REQUIRE(records_in(whole.at(name)) == 8U);
  // The last two groups: a mark and a record each.
  const std::uint64_t from = frames[frames.size() - 4].offset;
  for (std::uint64_t at = from; at <= frames.back().end(); ++at) {
    auto image = whole;
    std::string& active = image.at(name);
    std::fill(active.begin() + static_cast<std::ptrdiff_t>(at), active.end(), '\0');
    check_cut(image, active);
  }
}

BOOST_AUTO_TEST_CASE(a_truncated_segment_is_corrupt_and_stays_as_it_is) {
  // A segment has its size on stable storage before anything names it.
  auto image = unclosed<wal>(path, 8);
  std::string& active = image.at(logdb::test::segment_file(1));
  const auto frames = frames_of(active);
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{100}, frames.back().offset,
                                    frames.back().end(), std::uint64_t{active.size() - 1}}) {
    active.resize(bytes);
    write_store(path, image);
    BOOST_TEST(logdb::test::throws(errc::corrupt, [&] { wal{path, smallest<wal>()}; }));
    BOOST_TEST((after_restart(path) == image));
    active.resize(16384);
  }
}

BOOST_AUTO_TEST_CASE(damage_under_a_later_mark_is_corruption_and_changes_nothing) {
  const auto whole = unclosed<wal>(path, 8);
  const std::string name = logdb::test::segment_file(1);
  const auto frames = frames_of(whole.at(name));
  // The last mark vouches for all but the last two records: what it follows, and its own.
  for (std::size_t i = 0; i + 4 < frames.size(); ++i) {
    auto image = whole;
    image.at(name)[frames[i].offset + 25] ^= 4;
    write_store(path, image);
    const auto failure = logdb::test::error_of([&] { wal{path, smallest<wal>()}; });
    BOOST_REQUIRE(failure);
    BOOST_TEST((failure->condition() == errc::corrupt));
    BOOST_TEST(failure->path().filename().string() == name);
    BOOST_TEST((failure->offset() == frames[i].offset));
    BOOST_TEST((failure->at() == frames[i].header.first));
    BOOST_TEST((after_restart(path) == image));
  }
}

BOOST_AUTO_TEST_CASE(damage_in_the_last_group_is_a_torn_tail) {
  const auto whole = unclosed<wal>(path, 8);
  const std::string name = logdb::test::segment_file(1);
  const auto last = frames_of(whole.at(name)).back();
  for (std::uint64_t at = last.offset; at < last.end(); ++at) {
    auto image = whole;
    image.at(name)[at] ^= 1;
    check_cut(image, image.at(name));
  }
}

BOOST_AUTO_TEST_CASE(salvage_reads_what_is_intact_and_deletes_nothing) {
  const auto whole = unclosed<wal>(path, 8);
  const std::string name = logdb::test::segment_file(1);
  const auto frames = frames_of(whole.at(name));
  for (const auto& frame : frames) {
    if (frame.header.count == 0 || frame.header.first > lsn{6}) continue;
    auto image = whole;
    image.at(name)[frame.offset + 25] ^= 4;
    write_store(path, image);
    auto options = smallest<wal>();
    options.recovery = logdb::recovery_mode::salvage;
    wal log{path, options};
    auto expected = first_texts(8);
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(frame.header.first.value()) - 1);
    BOOST_TEST(texts_of(log) == expected);
    BOOST_REQUIRE(log.recovery().damages.size() == 1U);
    BOOST_TEST((log.recovery().damages[0].kind == damage_kind::corruption));
    log.append("and on");
    BOOST_TEST(texts_of(log).back() == "and on");
    BOOST_TEST((read_store(path).at(name) == image.at(name)));
  }
}

BOOST_AUTO_TEST_CASE(a_signed_frame_with_another_lsn_is_no_record) {
  auto image = unclosed<wal>(path, 4);
  const std::string name = logdb::test::segment_file(1);
  std::string& file = image.at(name);
  auto forged = frames_of(file).back();
  logdb::format::segment_header segment;
  BOOST_REQUIRE(
      (logdb::format::decode(logdb::as_bytes(file), segment) == logdb::format::format_fault::none));
  forged.header.first = forged.header.first + 1;
  logdb::format::encode_header(reinterpret_cast<std::byte*>(file.data()) + forged.offset,
                               forged.header, logdb::format::make_seed(segment.salt),
                               forged.offset);
  write_store(path, image);
  const wal log{path, smallest<wal>()};
  BOOST_TEST(log.last_lsn() == lsn{3});
  BOOST_TEST(texts_of(log) == first_texts(3));
  BOOST_TEST(log.recovery().damages.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_control_file_of_another_store_proves_nothing) {
  auto image = unclosed<wal>(path, 4);
  {
    const auto other = place / "other";
    wal longer{other, smallest<wal>()};
    for (int i = 0; i < 9; ++i) longer.append(text_of(i));
    image["control"] = read_store(other).at("control");
  }
  write_store(path, image);
  const wal log{path, smallest<wal>()};
  BOOST_TEST(texts_of(log) == first_texts(4));
  BOOST_TEST(log.recovery().damages.empty());
  BOOST_TEST(log.recovery().drained_bytes == 0U);
}

BOOST_AUTO_TEST_CASE(records_of_zeros_are_records) {
  store_image image;
  const std::string zeros(3000, '\0');
  {
    wal log{path, smallest<wal>()};
    for (int i = 0; i < 3; ++i) log.append(zeros);
    log.append("");
    image = after_restart(path);
  }
  write_store(path, image);
  const wal log{path, smallest<wal>()};
  BOOST_TEST(log.recovery().damages.empty());
  BOOST_TEST(texts_of(log) == (std::vector<std::string>{zeros, zeros, zeros, ""}));
}

BOOST_AUTO_TEST_CASE(frames_that_one_recovery_dropped_never_come_back) {
  using lazy = quick_log<logdb::None>;
  auto options = smallest<lazy>();
  options.durability.delay_max = std::chrono::hours{1};
  store_image image;
  {
    lazy log{path, options};
    for (int i = 0; i < 10; ++i) log.append(text_of(0));  // of one length: places stay the same
    BOOST_TEST(texts_of(log).size() == 10U);
    image = after_restart(path);
  }
  const std::string name = logdb::test::segment_file(1);
  const auto frames = frames_of(image.at(name));
  image.at(name)[frames[5].offset + 25] ^= 1;  // the fifth record, behind the mark
  for (int crash = 0; crash < 3; ++crash) {
    write_store(path, image);
    lazy log{path, options};
    BOOST_TEST(log.recovery().damages.size() == (crash == 0 ? 1U : 0U));
    BOOST_TEST(log.last_lsn() == lsn{4U + static_cast<unsigned>(crash)});
    log.append(text_of(0));
    BOOST_TEST(texts_of(log).size() == 5U + static_cast<unsigned>(crash));
    image = after_restart(path);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
