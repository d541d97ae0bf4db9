// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE flip
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/quick_system.hpp"
#include "crash/support/store.hpp"
#include "support/temp_dir.hpp"

namespace {

using logdb::errc;
using logdb::lsn;
using logdb::test::smallest;
using logdb::test::store_image;

using wal = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<logdb::test::quick_system>>>;
using texts = std::map<std::uint64_t, std::string>;

/// Is a small, cleanly closed log of three segments with batches, and a transaction of its own.
struct closed_log {
  closed_log() {
    wal log{path, smallest<wal>()};
    for (int i = 0; i < 3; ++i) {
      log.append("a record " + std::to_string(i));
      log.append(std::vector<std::string>{"a batch", "of", "four", ""});
      log.append(std::string(7000, '\0'));
    }
    auto transaction = log.begin();
    for (int i = 0; i < 3; ++i) transaction.append(std::string(4000, '\0'));
    transaction.commit();
    log.append("the last");
    expected = read(log);
    log.close();
    image = logdb::test::read_store(path);
    image.erase("lock");
  }

  static texts read(const wal& log) {
    texts found;
    for (const auto& record : log.records()) found[record.lsn().value()] = record.text();
    return found;
  }

  /// Flips a bit of a file and calls; then puts the bit back.
  template <class Call>
  void with_flip(const std::string& name, std::size_t at, int bit, Call call) {
    std::string bytes = image.at(name);
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    logdb::test::write_file(path / name, bytes);
    call();
    logdb::test::write_file(path / name, image.at(name));
  }

  /// Calls for every bit that is worth it: all around what is not zero, few of the rest.
  template <class Visit>
  void for_each_bit(Visit visit) const {
    for (const auto& [name, bytes] : image) {
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        const bool dense = bytes[at] != 0 || (at > 0 && bytes[at - 1] != 0);
        if (!dense && at % 211 != 0) continue;
        for (int bit = 0; bit < 8; bit += dense ? 1 : 5) visit(name, at, bit);
      }
    }
  }

  logdb::test::temp_dir place;
  std::filesystem::path path = place / "log";
  texts expected;
  store_image image;
};

/// Tells whether everything that was read is what was written there.
bool is_part_of(const texts& found, const texts& expected) {
  return std::ranges::all_of(found, [&expected](const auto& record) {
    const auto written = expected.find(record.first);
    return written != expected.end() && written->second == record.second;
  });
}

bool is_about_damage(errc condition) {
  return condition == errc::corrupt || condition == errc::not_a_log ||
         condition == errc::format_mismatch;
}

/// Reads a log; says what went wrong, or nothing when all is well and complete.
std::optional<std::string> trouble(const closed_log& was, const wal::options& options) {
  bool detected = false;
  texts found;
  try {
    const wal log{was.path, options};
    detected = !log.recovery().damages.empty() || !log.verify().intact();
    for (const auto& record : log.records()) found[record.lsn().value()] = record.text();
  } catch (const logdb::error& failure) {
    if (!is_about_damage(failure.condition())) return failure.what();
    detected = true;
  }
  if (!is_part_of(found, was.expected)) return "wrong bytes";
  if (!detected && found != was.expected) return "records are missing and nothing said so";
  return std::nullopt;
}

void require_no_trouble(const std::optional<std::string>& found, const std::string& name,
                        std::size_t at, int bit) {
  if (!found) return;
  BOOST_ERROR(*found + ": " + name + " byte " + std::to_string(at) + " bit " + std::to_string(bit));
}

BOOST_FIXTURE_TEST_SUITE(of_a_closed_log, closed_log)

BOOST_AUTO_TEST_CASE(the_log_has_every_kind_of_file) {
  BOOST_TEST(expected.size() == 3U * 6 + 3 + 1);
  BOOST_TEST(image.size() >= 4U);
  BOOST_TEST(!trouble(*this, smallest<wal>()).has_value());
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_is_detected_or_harmless_to_a_reader) {
  auto options = smallest<wal>();
  options.mode = logdb::open_mode::read_only;
  for_each_bit([&](const std::string& name, std::size_t at, int bit) {
    with_flip(name, at, bit, [&] { require_no_trouble(trouble(*this, options), name, at, bit); });
  });
}

BOOST_AUTO_TEST_CASE(every_flipped_byte_is_detected_or_harmless_to_a_writer) {
  for_each_bit([&](const std::string& name, std::size_t at, int bit) {
    if (bit != static_cast<int>(at % 8) || at % 5 != 0) return;
    store_image damaged = image;
    damaged.at(name)[at] = static_cast<char>(damaged.at(name)[at] ^ (1 << bit));
    logdb::test::write_store(path, damaged);
    require_no_trouble(trouble(*this, smallest<wal>()), name, at, bit);
  });
  logdb::test::write_store(path, image);
  BOOST_TEST(!trouble(*this, smallest<wal>()).has_value());
}

BOOST_AUTO_TEST_CASE(salvage_reads_all_but_the_damaged_frame) {
  auto options = smallest<wal>();
  options.mode = logdb::open_mode::read_only;
  options.recovery = logdb::recovery_mode::salvage;
  for_each_bit([&](const std::string& name, std::size_t at, int bit) {
    if (name == "manifest" || bit != static_cast<int>(at % 8)) return;
    with_flip(name, at, bit, [&] {
      texts found;
      try {
        found = read(wal{path, options});
      } catch (const logdb::error& failure) {
        BOOST_ERROR(std::string{failure.what()} + ": " + name + " byte " + std::to_string(at));
      }
      BOOST_TEST_REQUIRE(is_part_of(found, expected));
      // The largest frame has four records, and a segment's header holds none.
      const std::size_t lost = expected.size() - found.size();
      BOOST_TEST(lost <= (at < logdb::format::segment_header_bytes ? 0U : 4U),
                 name << " byte " << at << ": " << lost);
    });
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
