// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE timelsm_codec
#include <array>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/index/timelsm/columns/codec.hpp>
#include <logdb/index/timelsm/log/replay.hpp>
#include <logdb/index/timelsm/log/row_marks.hpp>

namespace {

using namespace logdb::timelsm;  // NOLINT: a test
using logdb::bytes_value;
using logdb::bytes_view;
using logdb::errc;

template <class V>
void require_round_trip(const std::vector<time_type>& times, const std::vector<V>& values) {
  const auto record = encode_batch(column_pair<V>{times, values});
  const auto back = record_decoder<V>{record.bytes()}.run();
  BOOST_REQUIRE(back.kind == record_kind::rows);
  BOOST_REQUIRE(back.times == times);
  BOOST_REQUIRE(back.values == values);
}

template <class V>
bool refuses(errc expected, bytes_view record) {
  try {
    static_cast<void>(record_decoder<V>{record}.run());
  } catch (const logdb::error& seen) {
    return seen.condition() == expected;
  }
  return false;
}

constexpr auto least = std::numeric_limits<time_type>::min();
constexpr auto most = std::numeric_limits<time_type>::max();

BOOST_AUTO_TEST_SUITE(timelsm_codec)

BOOST_AUTO_TEST_CASE(batches_of_numbers_come_back_with_both_ends_of_their_range) {
  require_round_trip<std::int64_t>({}, {});
  require_round_trip<std::int64_t>({least, most, 0, most, least}, {most, least, 0, -1, 1});
  require_round_trip<std::uint64_t>({1, 2, 3}, {~std::uint64_t{0}, 0, 1});
  require_round_trip<std::int8_t>({1, 2, 3}, {-128, 127, 0});
  require_round_trip<double>({3, 1, 2}, {0.5, -0.0, 1e300});
}

BOOST_AUTO_TEST_CASE(drawn_batches_come_back) {
  std::mt19937_64 random{3};
  for (int round = 0; round < 200; ++round) {
    std::vector<time_type> times;
    std::vector<std::uint64_t> values;
    for (auto n = random() % 300; n != 0; --n) {
      times.push_back(static_cast<time_type>(random() >> random() % 64));
      values.push_back(random() >> random() % 64);
    }
    require_round_trip(times, values);
  }
}

BOOST_AUTO_TEST_CASE(byte_values_come_back) {
  const std::vector<std::string> texts{"", "one", std::string(300, 'x'), std::string{"\0\1", 2}};
  std::vector<bytes_value> values;
  for (const auto& text : texts) values.emplace_back(logdb::as_bytes(text));
  require_round_trip<bytes_value>({4, 3, 2, 1}, values);
  const auto row = encode_row(7, values[2]);
  const auto back = record_decoder<bytes_value>{row.bytes()}.run();
  BOOST_TEST(back.values.front().text() == texts[2]);
}

BOOST_AUTO_TEST_CASE(regular_times_and_counters_take_about_two_bytes_a_row) {
  std::vector<time_type> times;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 1000; ++i) {
    times.push_back(1'700'000'000'000'000'000 + i * 1'000'000'000LL);
    values.push_back(static_cast<std::uint64_t>(i));
  }
  const auto record = encode_batch(column_pair<std::uint64_t>{times, values});
  BOOST_TEST(record.bytes().size() < 2100U);
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_record_is_refused) {
  const std::vector<time_type> times{5, 1'000'000, -7};
  const std::vector<std::uint64_t> values{1, 2, 3};
  const auto batch = encode_batch(column_pair<std::uint64_t>{times, values});
  const auto row = encode_row<std::uint64_t>(5, 6);
  const auto deletion = encode_deletion({1, 2});
  for (const bytes_view whole : {batch.bytes(), row.bytes(), deletion.bytes()}) {
    for (std::size_t n = 0; n < whole.size(); ++n) {
      BOOST_TEST(refuses<std::uint64_t>(errc::corrupt, whole.first(n)));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_count_that_cannot_be_is_refused_before_memory_is_taken) {
  std::array<std::byte, 16> record{};
  record[0] = std::byte{2};
  record[2] = std::byte{8};
  for (std::size_t i = 4; i < 8; ++i) record[i] = std::byte{0xff};
  BOOST_TEST(refuses<std::uint64_t>(errc::corrupt, record));
}

BOOST_AUTO_TEST_CASE(values_of_another_size_are_a_mismatch) {
  const auto row = encode_row<std::uint64_t>(5, 6);
  BOOST_TEST(refuses<std::uint32_t>(errc::format_mismatch, row.bytes()));
  BOOST_TEST(refuses<bytes_value>(errc::format_mismatch, row.bytes()));
}

BOOST_AUTO_TEST_CASE(records_without_marks_are_of_any_kind_and_unit) {
  const logdb::timelsm::row_marks<std::int64_t> marks{std::chrono::seconds{1}};
  const auto old = encode_row<double>(1, 0.5);
  BOOST_CHECK_NO_THROW(marks.require(old.bytes(), true));
  const logdb::timelsm::row_marks<double> others{std::chrono::seconds{1}};
  const auto marked = encode_row<double>(1, 0.5, others.flags());
  BOOST_CHECK_THROW(marks.require(marked.bytes(), false), logdb::error);
  BOOST_CHECK_NO_THROW(others.require(marked.bytes(), true));
  const auto back = record_decoder<double>{marked.bytes()}.run();
  BOOST_TEST(back.values == std::vector<double>{0.5});
}

BOOST_AUTO_TEST_CASE(random_bytes_decode_or_are_refused) {
  std::mt19937 random{11};
  std::size_t refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::byte> record(8 + random() % 40);
    for (auto& byte : record) byte = static_cast<std::byte>(random());
    record[0] = static_cast<std::byte>(1 + random() % 4);
    record[2] = std::byte{8};
    record[3] = std::byte{0};
    try {
      const auto out = record_decoder<std::uint64_t>{record}.run();
      BOOST_TEST(out.times.size() == out.values.size());
    } catch (const logdb::error&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 0U);
}

BOOST_AUTO_TEST_CASE(the_mark_of_a_checkpoint_is_no_other_record) {
  const auto mark = checkpoint_mark{.upto = logdb::lsn{7}, .records = 9}.encode();
  const auto back = checkpoint_mark::decode(mark.bytes());
  BOOST_REQUIRE(back.has_value());
  BOOST_TEST(back->upto.value() == 7U);
  BOOST_TEST(back->records == 9U);
  BOOST_TEST(!checkpoint_mark::decode(encode_deletion({4, 5}).bytes()));
  BOOST_TEST(!checkpoint_mark::decode(encode_row<std::uint64_t>(4, 5).bytes()));
  BOOST_TEST(refuses<std::uint64_t>(errc::corrupt, mark.bytes()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
