// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE journal_learning
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "support/temp_dir.hpp"

// An index that learns each sealed segment, and keeps what it learned in a section of the footer.

namespace logdb::test {
namespace {

std::string text(lsn at) { return std::string(1000, static_cast<char>('a' + at.value() % 26)); }

/// Counts the records of each segment once that is sealed, and keeps the count in a section.
struct Counting : Sparse {
  static constexpr std::string_view name = "Counting";
  static constexpr std::uint32_t id = 70'001;
  static constexpr bool reads(std::uint32_t written_by) { return written_by == id; }
  static constexpr index_hooks hooks{"fault", "learn", "sections"};

  class segment_index : public Sparse::segment_index {
   public:
    using Sparse::segment_index::segment_index;

    void learn(const sealed_segment& sealed) {
      const bool is_whole = sealed.for_each([&](bytes_view record, std::uint64_t offset, lsn at) {
        BOOST_TEST(as_text(record) == text(at));
        BOOST_TEST((sealed.bytes().subspan(offset).data() == record.data()));
        ++count;
      });
      BOOST_TEST(is_whole);
      if (on_learn) on_learn();
    }
    [[nodiscard]] std::vector<index_section> sections() const {
      if (count == 0) return {};
      const auto bytes = std::as_bytes(std::span{&count, 1});
      return {{.id = 7, .bytes = {bytes.begin(), bytes.end()}}};
    }
    bool decode_section(std::uint32_t number, bytes_view bytes) {
      if (number != 7) return true;
      if (bytes.size() != sizeof count) return false;
      std::memcpy(&count, bytes.data(), sizeof count);
      return true;
    }

    std::uint64_t count = 0;
    inline static std::function<void()> on_learn{};
  };
};

/// Opens what Counting writes and knows no section of it.
struct Uncounting : Sparse {
  static constexpr std::uint32_t id = Counting::id;
};

struct counted_segments {
  using log_type = basic_log<Index<Counting>>;
  using policies = log_type::policies;

  static constexpr std::uint64_t count = 41;

  counted_segments() {
    options.segment_bytes = 16 << 10;
    options.durability.staging_bytes = 32 << 10;
  }

  /// Makes a log of batches of two records, and one alone in the middle.
  void fill() {
    log_type log{place / "log", options};
    for (lsn at{1}; at <= lsn{count}; at += 2) {
      log.append(std::vector{text(at), text(at + 1)});
      if (at == lsn{9}) log.append(text(++at + 1));
    }
  }
  [[nodiscard]] detail::segment_table<policies> open_table() const {
    const auto opened = std::make_shared<Directory>(place / "log", open_mode::read_write);
    const auto manifest = detail::load_manifest<policies>(*opened, open_mode::read_write);
    BOOST_TEST_REQUIRE(manifest.has_value());
    return {opened, *manifest, {}, recovery_mode::refuse};
  }

  temp_dir place;
  log_type::options options;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(an_index_that_learns, counted_segments)

BOOST_AUTO_TEST_CASE(a_sealed_segment_keeps_what_it_says_in_a_section) {
  fill();
  std::size_t found = 0;
  const auto segments = open_table();
  for (const auto& each : segments.list()->log) {
    const auto entry = each->entry();
    if (entry.footer_offset == 0) continue;
    ++found;
    BOOST_TEST(each->known_entries().count == entry.end - entry.base);
    Uncounting::segment_index other{{}, entry.capacity};
    BOOST_TEST(
        detail::read_footer<Uncounting>(each->bytes(), entry.footer_offset, each->seed(), other));
    BOOST_TEST(other.floor(entry.base).has_value());
  }
  BOOST_TEST(found > 1u);
}

BOOST_AUTO_TEST_CASE(holds_up_no_append_meanwhile) {
  std::atomic<bool> begun = false;
  std::atomic<bool> appended = false;
  {
    log_type log{place / "log", options};
    Counting::segment_index::on_learn = [&] {
      if (begun.exchange(true)) return;
      std::thread{[&] {
        log.append(text(log.last_lsn() + 1));
        (void)log.stats();
      }}.join();
      appended = true;
    };
    while (!appended) log.append(text(log.last_lsn() + 1));
  }
  Counting::segment_index::on_learn = {};
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
