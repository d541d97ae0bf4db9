// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE interprocess_shared_control
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <logdb/logdb.hpp>

#include "interprocess/support/many.hpp"

// The control file that processes share: lost, cut off or overwritten, while nobody has the log
// open and while somebody has.

namespace logdb::test {

using log_type = quick_shared<Fsync>;

constexpr const char* control = "control";

/// Leaves a log as processes leave it that are killed: some of its records only acknowledged ones.
std::vector<acknowledgement> leave_killed(const std::filesystem::path& path) {
  acknowledgement_pipe pipe;
  std::vector<acknowledgement> told;
  {
    crew all{2, [&](std::uint32_t process) {
               write_until_killed<log_type>(path, smallest<log_type>(), pipe, process, 2);
             }};
    pipe.only_read();
    for (int i = 0; i < 300; ++i) {
      acknowledgement next;
      BOOST_REQUIRE(pipe.hear(next));
      told.push_back(next);
    }
    for (auto& each : all.members()) each.kill();
  }
  hear_all(pipe, told);
  return told;
}

BOOST_AUTO_TEST_SUITE(shared_control)

BOOST_AUTO_TEST_CASE(a_control_file_that_is_gone_or_cut_off_is_made_anew) {
  const temp_dir place;
  const auto told = leave_killed(place / "log");
  const store_image left = read_store(place / "log");
  const std::string whole = left.at(control);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{64},
                                  std::size_t{4096}, whole.size() / 2, whole.size() - 1}) {
    write_store(place / "log", left);
    write_file(place / "log" / control, whole.substr(0, bytes));
    BOOST_TEST(check_alone<log_type>(place / "log", told).size() >= 300U);
  }
  write_store(place / "log", left);
  std::filesystem::remove(place / "log" / control);
  BOOST_TEST(check_alone<log_type>(place / "log", told).size() >= 300U);
}

/// Tells whether an open shows all; it may refuse instead, since what stands there says that more
/// was durable than is there, and then the next one without the file shows all.
bool shows_all_or_refuses(const std::filesystem::path& path,
                          const std::vector<acknowledgement>& told) {
  try {
    return check_alone<log_type>(path, told).size() >= 300;
  } catch (const error& refused) {
    if (refused.condition() != errc::corrupt) throw;
  }
  std::filesystem::remove(path / control);
  return check_alone<log_type>(path, told).size() >= 300;
}

BOOST_AUTO_TEST_CASE(no_garbage_in_the_control_file_costs_a_synced_record) {
  const temp_dir place;
  const auto told = leave_killed(place / "log");
  const store_image left = read_store(place / "log");
  std::mt19937_64 random{1};
  for (int i = 0; i < 150; ++i) {
    write_store(place / "log", left);
    std::string damaged = left.at(control);
    // All of it, or some words of the header behind its magic and layout, or of the ring.
    const std::size_t begin = i % 10 == 0 ? 0 : i % 3 == 0 ? detail::control_header_bytes : 16;
    const std::size_t end = i % 3 == 0 ? damaged.size() : 1024;
    const std::size_t words = i % 10 == 0 ? damaged.size() / 8 : 1 + random() % 8;
    for (std::size_t k = 0; k < words; ++k) {
      const std::uint64_t word = k % 2 == 0 ? random() : random() % 100'000;
      std::memcpy(&damaged[begin + random() % ((end - begin) / 8) * 8], &word, sizeof word);
    }
    write_file(place / "log" / control, damaged);
    BOOST_TEST(shows_all_or_refuses(place / "log", told));
  }
}

BOOST_AUTO_TEST_CASE(another_stores_control_file_is_not_believed) {
  const temp_dir place;
  const auto told = leave_killed(place / "log");
  leave_killed(place / "other");
  write_file(place / "log" / control, read_file(place / "other" / control));
  BOOST_TEST(check_alone<log_type>(place / "log", told).size() >= 300U);
}

/// Has the control file replaced while a log is open: others are refused, and it goes on.
void replace_while_open(const std::string& with) {
  const temp_dir place;
  log_type log{place / "log", smallest<log_type>()};
  append_singly(log, 0, 0, 100);
  std::filesystem::remove(place / "log" / control);
  if (!with.empty()) write_file(place / "log" / control, with);
  const auto open = [&] { const log_type other{place / "log", smallest<log_type>()}; };
  BOOST_TEST(throws(errc::corrupt, open));
  append_singly(log, 0, 1, 100);
  BOOST_TEST(throws(errc::corrupt, open));
  BOOST_TEST(read_history(log).size() == 200U);
  log.close();
  BOOST_TEST(check_alone<log_type>(place / "log").size() == 200U);
}

BOOST_AUTO_TEST_CASE(nobody_joins_a_log_whose_control_file_was_taken_away_or_replaced) {
  replace_while_open("");
  replace_while_open("garbage");
  replace_while_open(std::string(64u << 10, '\0'));
  const temp_dir place;
  leave_killed(place / "other");
  replace_while_open(read_file(place / "other" / control));
}

BOOST_AUTO_TEST_CASE(one_whose_control_file_was_taken_away_may_be_killed) {
  const temp_dir place;
  acknowledgement_pipe pipe;
  std::vector<acknowledgement> told(1);
  child_process writer{[&] {
    return write_until_killed<log_type>(place / "log", smallest<log_type>(), pipe, 0, 2);
  }};
  pipe.only_read();
  BOOST_REQUIRE(pipe.hear(told[0]));
  std::filesystem::remove(place / "log" / control);
  for (int i = 0; i < 200; ++i) {
    acknowledgement next;
    BOOST_REQUIRE(pipe.hear(next));
    told.push_back(next);
  }
  writer.kill();
  hear_all(pipe, told);
  BOOST_TEST(check_alone<log_type>(place / "log", told).size() >= 200U);
}

BOOST_AUTO_TEST_CASE(nobody_joins_a_log_whose_control_file_was_overwritten_in_place) {
  const temp_dir place;
  log_type log{place / "log", smallest<log_type>()};
  append_singly(log, 0, 0, 100);
  child_process vandal{[&] {
    std::fstream file{place / "log" / control, std::ios::in | std::ios::out | std::ios::binary};
    file.write(std::string(64, '\xff').data(), 64);
    return file.flush() ? 0 : 1;
  }};
  BOOST_TEST(vandal.wait() == 0);
  BOOST_TEST(throws(errc::corrupt, [&] {
    const log_type other{place / "log", smallest<log_type>()};
  }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace logdb::test
