// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE harm
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <signal.h>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "crash/support/store.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/throws.hpp"

// Each file of each kind of store is taken away, emptied or overwritten in turn. What was accepted
// is found whole, or the open or the read refuses in words; and no file that holds records goes.

namespace {

namespace fs = std::filesystem;
using logdb::open_mode;
using logdb::recovery_mode;
using logdb::test::child_process;
using logdb::test::error_of;
using logdb::test::read_file;
using logdb::test::store_image;
using logdb::test::temp_dir;
using logdb::test::write_file;

constexpr std::uint64_t records = 60;

using one_file = logdb::durable_wal::with<logdb::Storage<logdb::SingleFile>>;
using async_file = logdb::async_wal::with<logdb::Storage<logdb::SingleFile>>;

template <class Log>
typename Log::options options_of(open_mode mode, recovery_mode recovery) {
  auto chosen = logdb::test::smallest<Log>();
  chosen.mode = mode;
  chosen.recovery = recovery;
  if constexpr (requires { chosen.durability.delay_max; }) {
    chosen.durability.delay_max = std::chrono::seconds{100};
  }
  return chosen;
}

std::string text_of(std::uint64_t n) { return std::to_string(n) + std::string(700, 'r'); }

template <class Log>
void put(Log& log, std::uint64_t n) {
  if constexpr (requires { log.put("key", "value"); }) {
    log.put(std::to_string(n), text_of(n));
  } else {
    log.append(text_of(n));
  }
}

/// Returns how many records there are, from the first on, each as it was put.
template <class Log>
std::uint64_t found_in(const fs::path& path, const typename Log::options& chosen) {
  const Log log{path, chosen};
  std::uint64_t found = 0;
  if constexpr (requires { log.get("key"); }) {
    for (std::uint64_t n = 1; n <= records; ++n) {
      const auto value = log.get(std::to_string(n));
      if (value && value->text() == text_of(n)) ++found;
    }
  } else {
    for (const auto& record : log.records()) {
      if (record.text() == text_of(record.lsn().value())) ++found;
    }
  }
  return found;
}

/// Makes a store of several segments, in a process that closes it or is killed.
template <class Log>
void make(const fs::path& path, bool killed) {
  child_process writer{[&] {
    Log log{path, options_of<Log>(open_mode::read_write, recovery_mode::refuse)};
    for (std::uint64_t n = 1; n <= records; ++n) put(log, n);
    if (killed) ::raise(SIGKILL);
    log.close();
    return 0;
  }};
  BOOST_TEST_REQUIRE(writer.wait() == (killed ? -1 : 0));
}

enum class harm { removed, emptied, overwritten, head, halved };

void do_harm(const fs::path& file, harm what) {
  std::string bytes = read_file(file);
  switch (what) {
    case harm::removed: fs::remove(file); return;
    case harm::emptied: bytes.clear(); break;
    case harm::overwritten: std::ranges::fill(bytes, 'x'); break;
    case harm::head:
      std::fill_n(bytes.begin(), std::min<std::size_t>(bytes.size(), 64), 'x');
      break;
    case harm::halved: bytes.resize(bytes.size() / 2); break;
  }
  write_file(file, bytes);
}

bool has_frames(const std::string& name, const std::string& bytes) {
  return logdb::format::parse_segment_name(name) && !logdb::test::frames_of(bytes).empty();
}

/// Tells whether every segment that has records is there still, under its name or put aside.
bool keeps_records(const store_image& before, const fs::path& place) {
  for (const auto& [name, bytes] : before) {
    if (!has_frames(name, bytes)) continue;
    const bool named = fs::exists(place / name) || fs::exists(place / (name + ".kept"));
    if (!named) return false;
  }
  return true;
}

template <class Log>
struct trial {
  temp_dir place;
  fs::path path = place / "store";
  store_image whole{};

  [[nodiscard]] fs::path files() const {
    return Log::policies::storage::name == "SingleFile" ? place.path() : path;
  }

  void run(bool killed) {
    make<Log>(path, killed);
    whole = logdb::test::read_store(files());
    for (const auto& [name, bytes] : whole) {
      for (const harm what :
           {harm::removed, harm::emptied, harm::overwritten, harm::head, harm::halved}) {
        for (const auto mode : {open_mode::read_only, open_mode::read_write}) {
          for (const auto recovery : {recovery_mode::refuse, recovery_mode::salvage}) {
            open(name, what, mode, recovery, killed);
          }
        }
      }
    }
  }

  void open(const std::string& name, harm what, open_mode mode, recovery_mode recovery,
            bool killed) {
    const bool takes_all = what == harm::removed || what == harm::emptied;
    if (takes_all && files() / name == path) return;  // then there is no log
    BOOST_TEST_CONTEXT(Log::policies::storage::name
                       << " " << Log::policies::durability::name << " killed " << killed << ": "
                       << name << " " << static_cast<int>(what) << " mode "
                       << static_cast<int>(mode) << " recovery " << static_cast<int>(recovery)) {
      restore();
      do_harm(files() / name, what);
      const store_image harmed = logdb::test::read_store(files());
      std::uint64_t found = 0;
      const auto refused =
          error_of([&] { found = found_in<Log>(path, options_of<Log>(mode, recovery)); });
      if (mode == open_mode::read_only) {
        BOOST_TEST((logdb::test::read_store(files()) == harmed), "a reader changed a file");
      }
      BOOST_TEST(keeps_records(harmed, files()));
      if (refused) {
        BOOST_TEST(std::string{refused->what()}.find(refused->remedy()) != std::string::npos);
        if (name == "manifest" || logdb::format::parse_segment_name(name)) {
          BOOST_TEST((recovery == recovery_mode::refuse), refused->what());
        }
      } else if (what == harm::halved && has_frames(name, whole.at(name))) {
        std::uint64_t lost = records_behind_half(whole.at(name));
        // What is staged for a segment that is cut a reader has no place to show in.
        if (mode == open_mode::read_only) lost += records - records_in_files();
        BOOST_TEST(found + lost >= records, "found only " << found);
      } else if (recovery == recovery_mode::refuse || name == "manifest") {
        BOOST_TEST((found == records || is_staging_gone(name)), "found only " << found);
      }
    }
  }

  [[nodiscard]] std::uint64_t records_in_files() const {
    std::uint64_t count = 0;
    for (const auto& [name, bytes] : whole) {
      if (!has_frames(name, bytes)) continue;
      for (const auto& frame : logdb::test::frames_of(bytes)) count += frame.header.count;
    }
    return count;
  }

  /// Returns how many records do not stand wholly in the first half of a segment.
  static std::uint64_t records_behind_half(const std::string& bytes) {
    std::uint64_t count = 0;
    for (const auto& frame : logdb::test::frames_of(bytes)) {
      if (frame.end() > bytes.size() / 2) count += frame.header.count;
    }
    return count;
  }

  /// Staging that is gone is as after a power cut: nobody can tell.
  [[nodiscard]] static bool is_staging_gone(const std::string& name) {
    return name.ends_with("control") && Log::policies::durability::name != "Fsync";
  }

  void restore() const {
    for (const auto& entry : fs::directory_iterator{files()}) fs::remove_all(entry.path());
    for (const auto& [name, bytes] : whole) write_file(files() / name, bytes);
    const auto control = std::ranges::find_if(
        whole, [](const auto& file) { return file.first.ends_with("control"); });
    if (control != whole.end()) take_for_original(files() / control->first);
  }

  /// Makes a control file say that it is the one that its writer had, and no copy.
  static void take_for_original(const fs::path& control) {
    struct ::stat found {};
    BOOST_REQUIRE(::stat(control.c_str(), &found) == 0);
    const std::uint64_t number = found.st_ino;
    std::string bytes = read_file(control);
    std::memcpy(bytes.data() + offsetof(logdb::detail::posix_control, file_number), &number,
                sizeof number);
    write_file(control, bytes);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(each_file_of_a_durable_wal_is_harmed) {
  for (const bool killed : {false, true}) trial<logdb::durable_wal>{}.run(killed);
}

BOOST_AUTO_TEST_CASE(each_file_of_an_async_wal_is_harmed) {
  for (const bool killed : {false, true}) trial<logdb::async_wal>{}.run(killed);
}

BOOST_AUTO_TEST_CASE(each_file_of_a_shared_wal_is_harmed) {
  for (const bool killed : {false, true}) trial<logdb::shared_wal>{}.run(killed);
}

BOOST_AUTO_TEST_CASE(each_file_of_a_kv_store_is_harmed) {
  for (const bool killed : {false, true}) trial<logdb::kv_store>{}.run(killed);
}

BOOST_AUTO_TEST_CASE(each_file_of_a_log_in_one_file_is_harmed) {
  for (const bool killed : {false, true}) {
    trial<one_file>{}.run(killed);
    trial<async_file>{}.run(killed);
  }
}
