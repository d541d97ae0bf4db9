// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE format_frame
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include <boost/test/unit_test.hpp>

#include <logdb/format/frames/frame_writer.hpp>

#include "support.hpp"

namespace {

using namespace logdb;
using namespace logdb::format;
using test::bytes;

const frame_seed seed = make_seed(0x5a17'5a17'5a17'5a17);

frame_fault read_at(bytes_view segment, std::uint64_t offset, frame_seed with = seed) {
  frame_view out;
  return read_frame(segment, offset, with, out);
}

/// One frame of 5 payload bytes, and so 3 of padding, at offset 64 of a segment.
bytes small_segment() {
  bytes segment(64, std::byte{0xaa});
  test::append_record(segment, lsn{7}, "hello", seed);
  return segment;
}

/// Makes a header valid again after a field was changed.
void sign(bytes& segment, std::uint64_t offset) {
  bytes covered(16);
  store(covered.data(), std::uint64_t{0x5a17'5a17'5a17'5a17});
  store(covered.data() + 8, offset);
  test::append(covered, bytes_view{segment}.subspan(offset + 4, 20));
  store(segment.data() + offset, crc32c(covered));
}

bool is_accepted(frame_kind kind, std::uint32_t count) {
  bytes segment;
  test::append_frame(segment, kind, lsn{1}, count, as_bytes("payload"), seed);
  return read_at(segment, 0) == frame_fault::none;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_frame_reads_back_as_it_was_written) {
  const bytes segment = small_segment();
  frame_view frame;
  BOOST_TEST(read_frame(segment, 64, seed, frame) == frame_fault::none);
  BOOST_TEST(as_text(frame.payload) == "hello");
  BOOST_TEST(frame.bytes == 32u);
  BOOST_TEST(frame.header.first == lsn{7});
  BOOST_TEST(frame.header.count == 1u);
  BOOST_TEST(frame.header.kind == frame_kind::record);
  BOOST_TEST(frame.header.payload_bytes == 5u);
  BOOST_TEST(frame.header.payload_crc == crc32c(as_bytes("hello")));
}

BOOST_AUTO_TEST_CASE(frames_take_their_header_and_payload_rounded_up_to_eight) {
  static_assert(frame_bytes(0) == 24 && frame_bytes(1) == 32 && frame_bytes(8) == 32);
  static_assert(frame_bytes(0xffff'ffff) == 0x1'0000'0018);
  for (std::uint32_t length = 0; length < 40; ++length) {
    bytes segment;
    test::append_record(segment, lsn{1}, std::string(length, 'x'), seed);
    frame_view frame;
    BOOST_TEST(read_frame(segment, 0, seed, frame) == frame_fault::none);
    BOOST_TEST(frame.payload.size() == length);
    BOOST_TEST(frame.bytes == segment.size());
  }
}

BOOST_AUTO_TEST_CASE(a_payload_in_two_pieces_makes_the_frame_of_the_whole) {
  std::mt19937_64 random{7};
  for (std::size_t length = 0; length < 40; ++length) {
    const bytes payload = test::random_bytes(length, random);
    bytes expected(64, std::byte{0xaa});
    test::append_frame(expected, frame_kind::batch, lsn{3}, 2, payload, seed);
    for (std::size_t cut = 0; cut <= length; ++cut) {
      const bytes_view first = bytes_view{payload}.first(cut);
      const bytes_view second = bytes_view{payload}.subspan(cut);
      frame_header header = header_of(frame_kind::batch, 2, first, second);
      header.first = lsn{3};
      bytes segment(expected.size(), std::byte{0xaa});
      write_frame(segment.data() + 64, header, seed, 64, first, second);
      BOOST_TEST((segment == expected));
      const frame_rim rim{header, seed, 64};
      bytes pieces(64, std::byte{0xaa});
      for (const bytes_view each : {rim.head(), first, second, rim.padding()}) {
        test::append(pieces, each);
      }
      BOOST_TEST((pieces == expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_payload_of_four_gibibytes_is_refused) {
  BOOST_CHECK_NO_THROW(require_payload(0xffff'ffff));
  BOOST_CHECK_THROW(require_payload(0x1'0000'0000), error);
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_is_detected) {
  const bytes intact = small_segment();
  for (std::size_t bit = 64 * 8; bit < intact.size() * 8; ++bit) {
    bytes segment = intact;
    test::flip_bit(segment, bit);
    const bool in_header = bit < (64 + frame_header_bytes) * 8;
    BOOST_TEST(read_at(segment, 64) ==
               (in_header ? frame_fault::bad_header : frame_fault::bad_payload));
  }
}

BOOST_AUTO_TEST_CASE(every_pair_of_flipped_bits_is_detected) {
  bytes segment = small_segment();
  std::size_t passed = 0;
  for (std::size_t one = 64 * 8; one < segment.size() * 8; ++one) {
    test::flip_bit(segment, one);
    for (std::size_t other = one + 1; other < segment.size() * 8; ++other) {
      test::flip_bit(segment, other);
      passed += read_at(segment, 64) == frame_fault::none;
      test::flip_bit(segment, other);
    }
    test::flip_bit(segment, one);
  }
  BOOST_TEST(passed == 0u);
}

BOOST_AUTO_TEST_CASE(a_frame_moved_to_any_other_offset_fails) {
  const bytes segment = small_segment();
  const bytes_view frame = bytes_view{segment}.subspan(64);
  for (std::size_t offset = 0; offset < 4'096; ++offset) {
    if (offset == 64) continue;
    bytes moved(offset);
    test::append(moved, frame);
    BOOST_TEST(read_at(moved, offset) == frame_fault::bad_header);
  }
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_salt_fails) {
  const bytes segment = small_segment();
  for (int bit = 0; bit < 64; ++bit) {
    const frame_seed other = make_seed(0x5a17'5a17'5a17'5a17 ^ (std::uint64_t{1} << bit));
    BOOST_TEST(read_at(segment, 64, other) == frame_fault::bad_header);
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_fails) {
  const bytes segment = small_segment();
  for (std::size_t size = 0; size < segment.size(); ++size) {
    const bytes cut{segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(size)};
    BOOST_TEST(read_at(cut, 64) == frame_fault::out_of_space);
  }
}

BOOST_AUTO_TEST_CASE(zeros_are_never_a_frame) {
  const bytes segment(4'096);
  for (const std::uint64_t salt : {0ull, 1ull, ~0ull}) {
    for (std::size_t offset = 0; offset + 24 <= segment.size(); offset += 8) {
      BOOST_TEST(read_at(segment, offset, make_seed(salt)) == frame_fault::zeros);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_payload_of_zeros_is_a_payload) {
  bytes segment;
  test::append_record(segment, lsn{1}, std::string(100, '\0'), seed);
  BOOST_TEST(read_at(segment, 0) == frame_fault::none);
}

BOOST_AUTO_TEST_CASE(an_offset_outside_the_segment_is_out_of_space) {
  const bytes segment = small_segment();
  for (const std::uint64_t offset : {std::uint64_t{80}, std::uint64_t{96}, std::uint64_t{97},
                                     std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    BOOST_TEST(read_at(segment, offset) == frame_fault::out_of_space);
  }
  BOOST_TEST(read_at({}, 0) == frame_fault::out_of_space);
}

BOOST_AUTO_TEST_CASE(a_signed_length_past_the_end_is_out_of_space) {
  for (const std::uint32_t length : {9u, 100u, 0x7fff'ffffu, 0xffff'ffffu}) {
    bytes segment = small_segment();
    store(segment.data() + 64 + 16, length);
    sign(segment, 64);
    BOOST_TEST(read_at(segment, 64) == frame_fault::out_of_space);
  }
}

BOOST_AUTO_TEST_CASE(the_header_crc_covers_salt_offset_and_header_as_one_text) {
  bytes segment = small_segment();
  const bytes written = segment;
  sign(segment, 64);
  BOOST_TEST((segment == written));
}

BOOST_AUTO_TEST_CASE(padding_that_is_not_zero_is_a_bad_payload) {
  for (std::size_t length = 1; length <= 7; ++length) {
    bytes segment;
    test::append_record(segment, lsn{1}, std::string(length, 'x'), seed);
    for (std::size_t at = 24 + length; at < segment.size(); ++at) {
      bytes dirty = segment;
      dirty[at] = std::byte{1};
      BOOST_TEST(read_at(dirty, 0) == frame_fault::bad_payload);
    }
  }
}

BOOST_AUTO_TEST_CASE(read_header_does_not_look_at_the_payload) {
  bytes segment = small_segment();
  test::flip_bit(segment, (64 + 24) * 8);
  frame_view frame;
  BOOST_TEST(read_header(segment, 64, seed, frame) == frame_fault::none);
  BOOST_TEST(frame.bytes == 32u);
  BOOST_TEST(read_at(segment, 64) == frame_fault::bad_payload);
}

BOOST_AUTO_TEST_CASE(an_unaligned_frame_is_refused_though_signed) {
  for (std::size_t offset = 1; offset < 8; ++offset) {
    bytes segment(offset);
    test::append_record(segment, lsn{1}, "hello", seed);
    BOOST_TEST(read_at(segment, offset) == frame_fault::bad_header);
  }
}

BOOST_AUTO_TEST_CASE(kinds_and_counts_must_agree) {
  for (const auto kind : {frame_kind::batch, frame_kind::wide_batch}) {
    BOOST_TEST(!is_accepted(kind, 0));
    BOOST_TEST(is_accepted(kind, 1));
    BOOST_TEST(is_accepted(kind, frame_count_max));
  }
  for (const auto kind : {frame_kind::mark, frame_kind::seal, frame_kind::footer,
                          frame_kind::cursor, frame_kind::attach}) {
    BOOST_TEST(is_accepted(kind, 0));
    BOOST_TEST(!is_accepted(kind, 1));
  }
  BOOST_TEST(!is_accepted(frame_kind::record, 0));
  BOOST_TEST(is_accepted(frame_kind::record, 1));
  BOOST_TEST(!is_accepted(frame_kind::record, 2));
}

BOOST_AUTO_TEST_CASE(unknown_kinds_and_flags_are_refused_though_signed) {
  for (unsigned kind = 0; kind < 256; ++kind) {
    if (kind >= 1 && kind <= 8) continue;
    BOOST_TEST(!is_accepted(static_cast<frame_kind>(kind), 0));
    BOOST_TEST(!is_accepted(static_cast<frame_kind>(kind), 1));
  }
}

BOOST_AUTO_TEST_CASE(hardware_and_software_sign_headers_alike,
                     *boost::unit_test::precondition([](auto) { return crc32c_is_hardware(); })) {
  std::mt19937_64 random{3};
  for (int round = 0; round < 200; ++round) {
    const logdb::format::detail::header_fields fields{
        random(), static_cast<std::uint32_t>(random()), random(), random()};
    const auto any = static_cast<frame_seed>(random());
    BOOST_TEST(logdb::format::detail::header_crc_hardware(any, fields) ==
               logdb::format::detail::header_crc_software(any, fields));
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_are_never_a_frame) {
  std::mt19937_64 random{4};
  const bytes segment = test::random_bytes(1 << 20, random);
  BOOST_TEST(!find_frame(segment, 0, seed).has_value());
}
