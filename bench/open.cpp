// SPDX-License-Identifier: BSL-1.0
/// @file
/// Opening a large log that was closed cleanly, or whose writer was killed, and its first lookups.

#include <array>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <logdb/logdb.hpp>

#include "support.hpp"
#include "targets.hpp"
#include "yardstick.hpp"

namespace {

constexpr std::uint64_t segment_bytes = 64U << 20U;
constexpr std::uint64_t more_bytes = segment_bytes / 4 * 5;  // appended before each open
constexpr double gib_bytes = 1U << 30U;

// ---- the yardstick

/// Makes a directory of files as large as a log would have; they hold nothing.
std::filesystem::path make_files(bench::work_directory& work, double gib) {
  const auto directory = work.fresh();
  std::filesystem::create_directory(directory);
  const auto count = static_cast<int>(gib * gib_bytes / segment_bytes) + 1;
  for (int i = 0; i < count; ++i) {
    const auto path = directory / std::to_string(i);
    { const bench::detail::raw_file file{path}; }
    std::filesystem::resize_file(path, segment_bytes);
  }
  return directory;
}

/// Opens each file and reads its first and its last page: the least that an open could do if it
/// looked at all of them.
void look_at_files(const std::filesystem::path& directory) {
  std::array<std::byte, 4096> page;
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    const bench::detail::raw_file file{entry.path(), 0};
    for (const auto offset : {std::uint64_t{0}, segment_bytes - page.size()}) {
      const auto got =
          ::pread(file.descriptor(), page.data(), page.size(), static_cast<off_t>(offset));
      bench::detail::check(got == static_cast<ssize_t>(page.size()), "pread");
    }
  }
}

// ---- the log

using payload = std::array<std::byte, bench::record_bytes>;

/// Is a log of some GiB, closed cleanly, and what is looked up in it.
struct large_log {
  std::filesystem::path path;
  std::uint64_t records = 0;
  logdb::timestamp quarter{};  // when the record after the first quarter was appended
};

/// Fills a log with records of 128 bytes; nothing is synced before the close.
large_log make_log(bench::work_directory& work, double gib) {
  large_log made{work.fresh()};
  logdb::async_wal::with<logdb::Durability<logdb::None>> log{made.path};
  const payload record{};
  while (static_cast<double>(log.stats().bytes_appended) < gib * gib_bytes) {
    for (int i = 0; i < 10'000; ++i) log.append(record);
  }
  made.records = log.last_lsn().value();
  made.quarter = log.read(logdb::lsn{made.records / 4 + 1}).time();
  log.close();
  ::sync();  // what a file system does after so much would else be in the first open
  return made;
}

/// Appends more than a segment, so that the end lies in one that was never mapped or read: what
/// lies behind it must be fetched by whoever looks there.
template <class Log>
void append_more(Log& log) {
  const std::vector<payload> batch(1000);
  for (std::uint64_t done = 0; done < more_bytes; done += batch.size() * sizeof(payload)) {
    log.append(batch);
  }
}

template <class Log>
void leave_closed(const std::filesystem::path& path) {
  Log log{path};
  append_more(log);
  log.close();
}

/// Leaves the log as a killed writer does. The caller has no other thread: this forks.
template <class Log>
void leave_killed(const std::filesystem::path& path) {
  const pid_t child = ::fork();
  bench::detail::check(child >= 0, "fork");
  if (child == 0) {
    try {
      Log log{path};
      append_more(log);
      ::raise(SIGKILL);
    } catch (...) {
    }
    ::_exit(1);
  }
  int status = 0;
  bench::detail::check(::waitpid(child, &status, 0) == child, "waitpid");
  bench::require(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                 "the writer to be killed failed");
}

/// Drops the files from the page cache: those of a closed log, which are on disk.
void forget_cached(const std::filesystem::path& directory) {
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    const bench::detail::raw_file file{entry.path(), 0};
    ::posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

// ---- the race

/// Is how long each step took, in ms.
struct timing {
  double open = 0;
  double read = 0;
  double find = 0;
};

/// Is a way to open: prepares what is opened, then opens it.
struct opener {
  std::string name;
  std::function<void()> prepare;
  std::function<timing()> open;
  bool judged = false;
};

double milliseconds_since(bench::steady::time_point start) {
  return bench::seconds_since(start) * 1e3;
}

timing time_yardstick(const std::filesystem::path& files) {
  const auto start = bench::steady::now();
  look_at_files(files);
  return {.open = milliseconds_since(start)};
}

/// Opens the log, reads the record in the middle, finds a time; closing is not timed.
template <class Log>
timing time_log(const large_log& made, bool clean) {
  timing took;
  auto start = bench::steady::now();
  Log log{made.path};
  took.open = milliseconds_since(start);
  bench::require(log.recovery().clean == clean, "the log was not left as was meant");
  bench::require(log.last_lsn().value() >= made.records, "the log lost records");

  const logdb::lsn middle{made.records / 2};
  start = bench::steady::now();
  bench::require(log.read(middle).lsn() == middle, "the record in the middle is not there");
  took.read = milliseconds_since(start);

  start = bench::steady::now();
  const auto found = log.find_time(made.quarter);
  took.find = milliseconds_since(start);
  bench::require(found && found->value() <= made.records / 4 + 1, "the time was not found");
  log.close();
  return took;
}

template <class Log>
opener closed_log(std::string name, const large_log& made, bool cached = true) {
  return {std::move(name),
          [&made, cached] {
            leave_closed<Log>(made.path);
            if (!cached) forget_cached(made.path);
          },
          [&made] { return time_log<Log>(made, true); }, true};
}

template <class Log>
opener killed_log(std::string name, const large_log& made) {
  return {std::move(name), [&made] { leave_killed<Log>(made.path); },
          [&made] { return time_log<Log>(made, false); }, true};
}

void compare(const std::vector<opener>& all, const bench::options& options, double gib,
             bench::targets& targets) {
  bench::results opens{all.size()};
  bench::results reads{all.size()};
  bench::results finds{all.size()};
  bench::in_turn(all.size(), options.rounds, [&](std::size_t i) {
    all[i].prepare();
    const auto took = all[i].open();
    opens.add(i, took.open);
    reads.add(i, took.read);
    finds.add(i, took.find);
  });
  const std::string title = bench::fixed(gib, 1) + " GiB, ms";
  bench::table out{{title, "open", "first read(lsn)", "first find_time"}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    out.row({all[i].name, bench::fixed(opens.median_of(i), 2),
             all[i].judged ? bench::fixed(reads.median_of(i), 2) : "",
             all[i].judged ? bench::fixed(finds.median_of(i), 2) : ""});
    if (!all[i].judged) continue;
    targets.at_most("open " + bench::fixed(gib, 1) + " GiB, " + all[i].name, opens.median_of(i),
                    100, bench::as_ms);
  }
  out.print();
}

void require_space(bench::work_directory& work, double gib, int rounds) {
  const double wanted = gib * gib_bytes * 1.1 + 5.0 * rounds * 2 * segment_bytes;
  const auto free = std::filesystem::space(work.fresh().parent_path()).available;
  bench::require(static_cast<double>(free) > wanted,
                 "too little free space: " + bench::fixed(wanted / gib_bytes, 1) +
                     " GiB are needed; choose a smaller --gib or another --dir");
}

}  // namespace

int main(int count, char** words) {
  const auto options = bench::parse(count, words);
  const double gib = options.gib > 0 ? options.gib : (options.quick ? 1 : 10);
  bench::work_directory work{options};
  bench::targets targets;
  require_space(work, gib, options.rounds);
  const auto files = make_files(work, gib);
  const auto made = make_log(work, gib);
  compare({{"a look at each file", [] {}, [&] { return time_yardstick(files); }},
           closed_log<logdb::durable_wal>("durable_wal closed", made),
           closed_log<logdb::async_wal>("async_wal closed", made),
           closed_log<logdb::async_wal>("async_wal closed, nothing in the page cache", made, false),
           killed_log<logdb::durable_wal>("durable_wal killed", made),
           killed_log<logdb::async_wal>("async_wal killed", made)},
          options, gib, targets);
}
