// SPDX-License-Identifier: BSL-1.0
/// @file
/// Many processes, each with many threads, write one shared_wal; some are killed on the way and
/// begun again. `dump` then tells whether each record is there, once and in its order.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <random>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <logdb/logdb.hpp>

#include "stress_record.hpp"

namespace {

constexpr std::string_view usage =
    "usage: stress PATH PROCESSES THREADS RECORDS [BYTES [TRANSACTION [KILLS]]]\n"
    "\n"
    "  RECORDS      that each thread of each process appends\n"
    "  BYTES        of a record, 16 at least (18)\n"
    "  TRANSACTION  records in each, some nested, some rolled back; 0: none (0)\n"
    "  KILLS        how often a process gets SIGKILL at a random moment and is begun again (0)\n";

struct settings {
  std::string path{};
  std::uint32_t processes = 1;
  std::uint32_t threads = 1;
  std::uint64_t records = 0;
  std::size_t bytes = 18;
  std::uint64_t transaction = 0;
  std::uint32_t kills = 0;
};

/// Appends the numbers of one writer.
class numbering {
 public:
  numbering(logdb::shared_wal& wal, const settings& chosen, stress::stamp first)
      : wal_{wal}, chosen_{chosen}, next_{first} {}

  void run(std::uint64_t end) {
    while (next_.number < end) {
      if (chosen_.transaction == 0) {
        append_next(wal_);
      } else {
        commit(std::min(chosen_.transaction, end - next_.number));
      }
    }
  }

 private:
  template <class Target>
  void append_next(Target& target) {
    target.append(stress::make_record(next_, chosen_.bytes));
    ++next_.number;
  }

  /// Some transactions are given up: what they held is appended again by the next.
  void commit(std::uint64_t records) {
    const auto first = next_.number;
    auto outer = wal_.begin();
    for (std::uint64_t i = 0; i < records; ++i) {
      switch (random_() % 4) {
        case 0: append_in_vain(outer); [[fallthrough]];
        case 1: append_nested(outer); break;
        default: append_next(outer);
      }
    }
    if (random_() % 8 != 0) {
      outer.commit();
    } else {
      outer.rollback();
      next_.number = first;
    }
  }

  void append_nested(logdb::shared_wal::transaction_type& outer) {
    auto nested = outer.begin();
    append_next(nested);
    nested.commit();
  }

  void append_in_vain(logdb::shared_wal::transaction_type& outer) {
    auto nested = outer.begin();
    nested.append(stress::make_record({next_.who, stress::never}, chosen_.bytes));
    nested.rollback();
  }

  logdb::shared_wal& wal_;
  const settings& chosen_;
  stress::stamp next_;
  std::mt19937_64 random_{next_.who.process * 1000 + next_.who.thread + next_.number};
};

/// Counts what each writer has in the log. What a killed process appended last may not be durable
/// yet, so not to be read: hence the sync.
stress::tally count_records(logdb::shared_wal& wal) {
  wal.sync();
  stress::tally seen;
  for (const auto& record : wal.records()) {
    const auto what = stress::read_record(record.text());
    if (!what || !seen.see(*what)) throw std::runtime_error{"the log is wrong: dump tells how"};
  }
  return seen;
}

/// Is one process: goes on from what the log has of it.
int write(const settings& chosen, std::uint32_t process, std::uint64_t end) {
  logdb::shared_wal wal{chosen.path};
  const auto seen = count_records(wal);
  std::vector<std::jthread> threads;
  for (std::uint32_t thread = 0; thread < chosen.threads; ++thread) {
    const stress::writer who{process, thread};
    threads.emplace_back([&, who] { numbering{wal, chosen, {who, seen.next_of(who)}}.run(end); });
  }
  threads.clear();
  wal.close();
  return 0;
}

/// Runs the processes, and kills some.
class crew {
 public:
  crew(const settings& chosen, std::uint64_t end)
      : chosen_{chosen}, end_{end}, members_(chosen.processes) {
    for (std::uint32_t i = 0; i < chosen.processes; ++i) begin(i);
  }

  /// Returns how many were killed.
  std::uint32_t kill_some() {
    for (std::uint32_t kills = 0; kills < chosen_.kills; ++kills) {
      std::this_thread::sleep_for(std::chrono::microseconds{random_() % 20'000});
      const auto one = static_cast<std::uint32_t>(random_() % members_.size());
      ::kill(members_[one], SIGKILL);
      if (has_finished(one)) return kills;
      begin(one);
    }
    return chosen_.kills;
  }

  void join() {
    for (std::uint32_t i = 0; i < members_.size(); ++i) {
      if (members_[i] != 0 && !has_finished(i)) throw std::runtime_error{"a process was killed"};
    }
  }

 private:
  /// Forked before it opens the log: a child has no part in what its parent has open.
  void begin(std::uint32_t process) {
    members_[process] = ::fork();
    if (members_[process] != 0) return;
    try {
      ::_exit(write(chosen_, process, end_));
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "process %u: %s\n", process, failure.what());
      ::_exit(1);
    }
  }

  /// Waits for the end of one; false: it was killed.
  bool has_finished(std::uint32_t one) {
    int status = 0;
    ::waitpid(members_[one], &status, 0);
    members_[one] = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) throw std::runtime_error{"a process failed"};
    return WIFEXITED(status);
  }

  const settings& chosen_;
  std::uint64_t end_;
  std::vector<::pid_t> members_;  // 0: has ended
  std::mt19937_64 random_{std::random_device{}()};
};

/// Returns up to which number all writers are to go: RECORDS more than any has.
std::uint64_t end_of_numbers(const settings& chosen) {
  logdb::shared_wal wal{chosen.path};
  const auto seen = count_records(wal);
  wal.close();
  std::uint64_t most = 0;
  for (const auto& [who, count] : seen.counts()) most = std::max(most, count);
  return most + chosen.records;
}

template <class Number>
void read_number(std::string_view text, Number& out) {
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failure != std::errc{} || stop != text.data() + text.size()) throw std::invalid_argument{""};
}

settings parse(const std::vector<std::string>& words) {
  if (words.size() < 4 || words.size() > 7) throw std::invalid_argument{""};
  settings chosen{.path = words[0]};
  read_number(words[1], chosen.processes);
  read_number(words[2], chosen.threads);
  read_number(words[3], chosen.records);
  if (words.size() > 4) read_number(words[4], chosen.bytes);
  if (words.size() > 5) read_number(words[5], chosen.transaction);
  if (words.size() > 6) read_number(words[6], chosen.kills);
  const bool valid = chosen.processes >= 1 && chosen.processes <= logdb::Fcntl::processes_max &&
                     chosen.threads >= 1 && chosen.bytes >= sizeof(stress::stamp);
  if (!valid) throw std::invalid_argument{""};
  return chosen;
}

void run(const settings& chosen) {
  const auto end = end_of_numbers(chosen);
  const auto start = std::chrono::steady_clock::now();
  crew all{chosen, end};
  const auto kills = all.kill_some();
  all.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const auto records = chosen.processes * chosen.threads * chosen.records;
  std::cout << chosen.processes << " x " << chosen.threads << " writers, " << records
            << " records of " << chosen.bytes << " bytes, " << kills << " kills: "
            << static_cast<std::uint64_t>(static_cast<double>(records) / seconds.count())
            << " records/s\n";
}

}  // namespace

int main(int count, char** words) {
  try {
    run(parse({words + 1, words + count}));
    return 0;
  } catch (const std::invalid_argument&) {
    std::cerr << usage;
    return 2;
  } catch (const std::exception& failure) {
    std::cerr << "stress: " << failure.what() << '\n';
    return 1;
  }
}
