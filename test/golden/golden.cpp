// SPDX-License-Identifier: BSL-1.0
/// @file
/// Every released version of the format is opened by today's library.
#define BOOST_TEST_MODULE golden
#include <cstdlib>
#include <filesystem>
#include <support/temp_dir.hpp>

#include <boost/test/unit_test.hpp>

#include "contents.hpp"

namespace {

namespace fs = std::filesystem;
using logdb::durable_wal;
using logdb::lsn;

/// Is a copy of a golden store: the committed one is never written.
struct golden_store {
  golden_store() {
    const fs::path committed = fs::path{__FILE__}.parent_path() / "v1";
    fs::copy(committed, path(), fs::copy_options::recursive);
  }
  [[nodiscard]] fs::path path() const { return directory.path() / "v1"; }

  logdb::test::temp_dir directory;
};

template <class Log>
void require_contents(const Log& log) {
  const auto expected = logdb::test::golden_records();
  std::vector<std::string> found;
  for (const auto& record : log.records()) found.emplace_back(record.text());
  BOOST_TEST(found == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_store_of_format_version_1_is_read) {
  const golden_store store;
  auto options = logdb::test::golden_options<durable_wal>();
  options.mode = logdb::open_mode::read_only;
  durable_wal wal{store.path(), options};
  require_contents(wal);
  BOOST_TEST(wal.recovery().clean);
  BOOST_TEST(wal.verify().intact());
  BOOST_TEST(wal.cursor("mailer").next() == lsn{logdb::test::golden_acknowledged + 1});
}

BOOST_AUTO_TEST_CASE(a_store_of_format_version_1_is_continued) {
  const golden_store store;
  const auto options = logdb::test::golden_options<durable_wal>();
  const lsn next{logdb::test::golden_records().size() + 1};
  {
    durable_wal wal{store.path(), options};
    require_contents(wal);
    BOOST_TEST(wal.append("after") == next);
    wal.close();
  }
  durable_wal again{store.path(), options};
  BOOST_TEST(again.read(next).text() == "after");
  BOOST_TEST(again.verify().intact());
}

BOOST_AUTO_TEST_CASE(a_store_written_with_one_index_opens_with_the_other) {
  const golden_store store;
  using plain = durable_wal::with<logdb::Index<logdb::None>>;
  const plain log{store.path(), logdb::test::golden_options<plain>()};
  require_contents(log);
}
