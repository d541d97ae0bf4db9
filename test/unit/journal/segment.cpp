// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE journal_segment
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/journal/segments/rewrite.hpp>
#include <logdb/logdb.hpp>

#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// A segment's file, as who reads it meets it.

namespace logdb::test {
namespace {

constexpr std::uint64_t page_bytes = 4096;

/// Is a log of one record, closed, and its only segment.
struct one_segment {
  using segment = detail::segment<durable_wal::policies>;

  one_segment() { durable_wal{place / "log"}.append("a"); }

  [[nodiscard]] segment open() const {
    const auto header = detail::read_segment_header(*volume, name);
    BOOST_TEST_REQUIRE(header.has_value());
    const format::manifest_segment entry{
        .number = header->number, .salt = header->salt, .capacity = header->capacity};
    return {volume, entry, header->store, {}, recovery_mode::refuse};
  }

  temp_dir place;
  std::string name = format::segment_name(segment_number{1});
  std::shared_ptr<Directory> volume =
      std::make_shared<Directory>(place / "log", open_mode::read_write);
};

/// A log of some segments, closed.
struct some_segments {
  using policies = durable_wal::policies;
  using table = detail::segment_table<policies>;
  using rewrite = detail::segment_rewrite<policies>;

  static constexpr std::uint64_t count = 40;

  some_segments() {
    options.segment_bytes = 16 << 10;
    options.durability.staging_bytes = 32 << 10;
    durable_wal log{place / "log", options};
    for (std::uint64_t n = 0; n < count; ++n) log.append(text(lsn{1} + n));
  }

  static std::string text(lsn at) {
    return std::string(1000, static_cast<char>('a' + at.value() % 26));
  }

  [[nodiscard]] std::shared_ptr<Directory> volume() const {
    return std::make_shared<Directory>(place / "log", open_mode::read_write);
  }
  [[nodiscard]] table open() const {
    const auto opened = volume();
    const auto manifest = detail::load_manifest<policies>(*opened, open_mode::read_write);
    BOOST_TEST_REQUIRE(manifest.has_value());
    return {opened, *manifest, {}, recovery_mode::refuse};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    auto found = volume()->names();
    std::ranges::sort(found);
    return found;
  }

  /// Writes every other record of a run of two segments to a new one.
  static void write_every_other(rewrite& out, const detail::segment_list_ptr<policies>& list) {
    std::vector<record> kept;
    detail::rewrite_size size;
    const detail::read_scope<policies> scope{list, lsn{1}, list->log[1]->end() - 1};
    for (const record& each : record_range<policies>{scope, scope.first}) {
      if (each.lsn().value() % 2 != 0) continue;
      kept.push_back(each);
      size.add(each.time(), each.size());
    }
    out.begin(size.capacity(kept.size() * sizeof(index_entry)));
    for (const record& each : kept) {
      const bool is_known = each.lsn().value() % 4 == 0;
      const auto offset = is_known ? out.put_as_it_stands(each.lsn(), each.time(), each.bytes())
                                   : out.put(each.lsn(), each.time(), each.bytes());
      BOOST_TEST(offset % format::frame_alignment == 0);
    }
    out.finish();
    BOOST_TEST(out.segment()->end_offset() == size.frames());
  }

  temp_dir place;
  durable_wal::options options;
};

/// The frames of a segment, each in memory of its own.
class frame_by_frame final : public detail::segment_image {
 public:
  using segment = detail::segment<durable_wal::policies>;

  /// @param damaged  offset of a frame that is to have a flipped bit; 0: none
  frame_by_frame(std::shared_ptr<segment> of, std::uint64_t damaged)
      : of_{std::move(of)}, damaged_{damaged} {}

  [[nodiscard]] detail::frame_stretch frames_at(std::uint64_t offset) const override {
    const bytes_view all = of_->bytes();
    format::frame_view frame;
    if (format::read_frame(all, offset, of_->seed(), frame) != format::frame_fault::none) return {};
    const auto from = all.subspan(offset, frame.bytes);
    const auto own = std::make_shared<std::vector<std::byte>>(from.begin(), from.end());
    if (offset == damaged_) own->back() ^= std::byte{1};
    return {.bytes = *own, .first = offset, .pin = own};
  }

 private:
  std::shared_ptr<segment> of_;
  std::uint64_t damaged_;
};

/// A log of some segments, of which the first is shown frame by frame.
struct shown_segments : some_segments {
  using list_ptr = detail::segment_list_ptr<policies>;

  /// Lists the segments; the frame of one record may be damaged.
  [[nodiscard]] list_ptr show(lsn damaged = {}) const {
    const table segments = open();
    auto list = segments.list();
    auto& first = *list->log.front();
    std::uint64_t offset = 0;
    detail::scan_place place = first.start();
    const auto find = [&](const auto& frame, const auto& at) {
      if (frame.header.count != 0 && at.next == damaged) offset = at.offset;
    };
    detail::scan_segment(first, first.end_offset(), place, format::read_frame_in, find);
    BOOST_TEST(place.offset == first.end_offset());
    auto entry = first.entry();
    entry.footer_offset = 0;
    auto shown = segments.make(entry);
    shown->show(std::make_unique<frame_by_frame>(segments.make(entry), offset));
    auto all = std::make_shared<detail::segment_list<policies>>(*list);
    all->log.front() = std::move(shown);
    return all;
  }

  [[nodiscard]] static detail::read_scope<policies> scope(list_ptr list, bool salvage = false) {
    return {.list = std::move(list), .last = lsn{count}, .salvage = salvage};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(stretches, shown_segments)

BOOST_AUTO_TEST_CASE(of_a_log_are_read_in_the_order_in_which_they_were_chosen) {
  for (const auto& list : {open().list(), show()}) {
    std::vector<index_entry> frames;
    for (const auto& each : list->log) {
      detail::scan_place at = each->start();
      const auto note = [&](const auto& frame, const auto& here) {
        if (frame.header.count != 0) frames.push_back({here.next, here.offset, here.time});
      };
      detail::scan_segment(*each, each->end_offset(), at, format::read_frame_in, note);
    }
    BOOST_TEST_REQUIRE(frames.size() == count);
    std::vector<record_stretch> chosen;
    std::vector<lsn> expected;
    for (const auto& [first, length] :
         {std::pair{2u, 3u}, {7u, 1u}, {10u, 20u}, {35u, 20u}, {1u, 2u}}) {
      chosen.push_back({frames[first - 1], lsn{first} + length});
      for (std::uint64_t n = first; n < first + length && n <= count; ++n) {
        expected.push_back(lsn{n});
      }
    }
    std::vector<lsn> found;
    const log_snapshot<policies> now{scope(list)};
    for (const record& each : now.records(chosen)) {
      BOOST_TEST(each.text() == text(each.lsn()));
      found.push_back(each.lsn());
    }
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    chosen.front().begin.offset += format::frame_alignment;
    BOOST_TEST(throws(errc::corrupt, [&] { (void)now.records(chosen).begin(); }));
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(a_segment_with_an_image, shown_segments)

BOOST_AUTO_TEST_CASE(is_read_in_stretches_that_records_pin) {
  std::vector<record> kept;
  for (const record& each : record_range<policies>{scope(show()), lsn{1}}) kept.push_back(each);
  BOOST_TEST_REQUIRE(kept.size() == count);
  for (const record& each : kept) BOOST_TEST(each.text() == text(each.lsn()));
}

BOOST_AUTO_TEST_CASE(is_read_from_the_middle) {
  const auto list = show();
  for (lsn from{1}; from <= lsn{count}; ++from) {
    const record_range<policies> range{scope(list), from};
    BOOST_TEST((*range.begin()).lsn() == from);
  }
}

BOOST_AUTO_TEST_CASE(is_verified_as_any_other) {
  const auto expected = detail::verifier<policies>{scope(open().list())}.run();
  const auto found = detail::verifier<policies>{scope(show())}.run();
  BOOST_TEST(found.intact());
  BOOST_TEST(found.records == expected.records);
  BOOST_TEST(found.frames == expected.frames);
  BOOST_TEST(found.bytes == expected.bytes);
}

BOOST_AUTO_TEST_CASE(of_which_a_stretch_is_damaged_loses_that_one) {
  const lsn damaged{5};
  const auto list = show(damaged);
  BOOST_TEST(throws(errc::corrupt, [&] {
    for (const record& each : record_range<policies>{scope(list), lsn{1}}) {
      BOOST_TEST(each.lsn() < damaged);
    }
  }));
  std::uint64_t found = 0;
  for (const record& each : record_range<policies>{scope(list, true), lsn{1}}) {
    BOOST_TEST(each.lsn() != damaged);
    ++found;
  }
  BOOST_TEST(found == count - 1);
  BOOST_TEST(!detail::verifier<policies>{scope(list)}.run().intact());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(a_rewrite, some_segments)

BOOST_AUTO_TEST_CASE(puts_what_is_left_of_a_run_in_its_place) {
  lsn end{};
  {
    table segments = open();
    const auto list = segments.list();
    BOOST_TEST_REQUIRE(list->log.size() > 2);
    end = list->log[1]->end();
    rewrite out{segments, {list->log[0], list->log[1]}};
    write_every_other(out, list);
    out.publish();
    BOOST_TEST(segments.list()->log.size() == list->log.size() - 1);
    BOOST_TEST((segments.list()->log.front() == out.segment()));
  }
  BOOST_TEST(!volume()->exists(format::segment_name(segment_number{1})));
  durable_wal log{place / "log", options};
  lsn expected{2};
  for (const record& each : log.records()) {
    BOOST_TEST(each.lsn() == expected);
    BOOST_TEST(as_text(each.bytes()) == text(expected));
    expected += expected + 1 < end ? 2 : 1;
  }
  BOOST_TEST(expected == lsn{1} + count);
  BOOST_TEST(log.verify().intact());
}

BOOST_AUTO_TEST_CASE(that_is_given_up_leaves_everything_as_it_was) {
  const auto before = names();
  {
    table segments = open();
    const auto list = segments.list();
    rewrite out{segments, {list->log[0], list->log[1]}};
    write_every_other(out, list);
    BOOST_TEST(names().size() == before.size() + 1);
  }
  BOOST_TEST(names() == before, boost::test_tools::per_element());
  BOOST_TEST(std::ranges::distance(durable_wal{place / "log", options}.records()) ==
             std::ptrdiff_t{count});
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(a_segment, one_segment)

BOOST_AUTO_TEST_CASE(that_another_process_unlinks_after_it_was_mapped_stays_readable) {
  auto held = open();
  const auto before = held.bytes().size();
  volume->remove(name);
  BOOST_CHECK_NO_THROW(held.probe(0, page_bytes));
  BOOST_TEST(held.bytes().size() == before);
}

BOOST_AUTO_TEST_CASE(that_is_gone_before_it_was_mapped_is_missing) {
  auto late = open();
  volume->remove(name);
  BOOST_TEST(throws(errc::corrupt, [&] { late.probe(0, page_bytes); }));
  BOOST_TEST(throws(errc::corrupt, [&] { (void)late.bytes(); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
