// SPDX-License-Identifier: BSL-1.0
// The whole library on a system that is only declared: whatever else the object needs to be linked
// reaches a system past the seam. check.py looks.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

// What a failed precondition says goes to the standard error, without a system.
#define LOGDB_CHECKS 0
#include <logdb/logdb.hpp>

struct system_thread {
  system_thread();
  template <class Function>
  explicit system_thread(const Function& run) {
    run();
  }
  system_thread(system_thread&&) noexcept;
  system_thread& operator=(system_thread&&) noexcept;
  ~system_thread();
  [[nodiscard]] bool joinable() const;
  void join();
};

struct system_region {
  system_region();
  system_region(system_region&&) noexcept;
  system_region& operator=(system_region&&) noexcept;
  ~system_region();
  [[nodiscard]] std::byte* data() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::span<std::byte> bytes() const;
  int blank(std::size_t, std::size_t);
};

struct system_mutex {
  void init();
  [[nodiscard]] logdb::platform::lock_result try_lock();
  [[nodiscard]] logdb::platform::lock_result lock_for(std::chrono::seconds);
  void unlock();
};

struct system_calls {
  using handle = int;
  using region = system_region;
  using thread = system_thread;
  using robust_mutex = system_mutex;
  using access = logdb::platform::file_access;
  using piece = logdb::platform::write_piece;
  using time = std::chrono::nanoseconds;

  static constexpr handle no_handle = -1;

  static int make_directory(const char*);
  static handle open_directory(const char*);
  static handle open_file(handle, const char*, access);
  static int close(handle);
  static int list(handle, std::vector<std::string>&);
  static int exists(handle, const char*);
  static int rename(handle, const char*, const char*);
  static int unlink(handle, const char*);
  static int is_named(handle, handle, const char*);
  static std::int64_t size_of(handle, const char*);
  static constexpr std::uint32_t root = 0;
  static std::uint32_t user();
  static int owner_of(handle, const char*, logdb::platform::file_owner&);
  static int set_owner(handle, std::uint32_t, std::uint32_t);
  static int set_permissions(handle, std::uint32_t);
  static int write_in_place(handle);
  static std::int64_t size(handle);
  static std::int64_t write(handle, const piece*, int, std::uint64_t);
  static std::int64_t read(handle, void*, std::size_t, std::uint64_t);
  static void begin_sync(handle, std::uint64_t, std::uint64_t);
  static int sync(handle);
  static int sync_directory(handle);
  static int allocate(handle, std::uint64_t);
  static int allocate_range(handle, std::uint64_t, std::uint64_t);
  static int resize(handle, std::uint64_t);
  static int map(handle, std::uint64_t, std::size_t, bool, region&);
  static int map_private(handle, std::uint64_t, std::size_t, region&);
  static int map_anonymous(std::size_t, region&);
  static void populate(std::span<std::byte>, bool);
  static int lock_exclusive(handle);
  static int lock_shared(handle);
  static int lock_range(handle, logdb::platform::range_lock, std::uint64_t, std::uint64_t, bool);
  static int is_on_network(handle);
  static int unlock(handle);
  static int futex_wait(const std::atomic<std::uint32_t>&, std::uint32_t, std::optional<time> = {});
  static int futex_wake(const std::atomic<std::uint32_t>&, int);
  static int futex_wait_shared(const std::atomic<std::uint32_t>&, std::uint32_t,
                               std::optional<time> = {});
  static int futex_wake_shared(const std::atomic<std::uint32_t>&, int);
  static void yield();
  static std::uint32_t forks();
  static void count_forks();
  static void unshare(handle);
  static void end_unsharing(handle);
  static std::uint32_t forks_begun();
  static bool is_running(std::uint32_t);
  static logdb::timestamp now();
  static time uptime();
  static int random(void*, std::size_t);
  static int boot_id(std::array<std::byte, 16>&);
  static int identify(handle, logdb::platform::file_identity&);
  static std::uint32_t process_id();
  static std::size_t page_bytes();
};

namespace {

/// Uses every verb.
template <class Log>
std::uint64_t use(const char* path, typename Log::options options) {
  Log log{path, options};
  log.append("one");
  log.append(std::vector<std::string>{"two", "three"});
  auto unit = log.begin();
  unit.append("four");
  auto nested = unit.begin();
  nested.rollback();
  unit.commit();
  log.cursor("reader").acknowledge(log.last_lsn());
  log.sync();
  log.wait_durable(log.last_lsn());
  std::uint64_t seen = log.verify().intact() + log.stats().records + log.loss_window().bytes;
  for (const auto& record : log.records()) seen += record.bytes().size();
  for (const auto& record : log.tail()) seen += record.bytes().size();
  seen += log.read(log.first_lsn()).bytes().size() + log.find_time({}).has_value();
  log.truncate_front(log.durable_lsn());
  log.close();
  return seen;
}

template <template <class> class Storage, class Durability, class Locking>
std::uint64_t use_as(const char* path) {
  using log = logdb::basic_log<logdb::Storage<Storage<system_calls>>, logdb::Durability<Durability>,
                               logdb::Locking<Locking>>;
  std::uint64_t seen = use<log>(path, {});
  if constexpr (log::policies::storage::persistent) {
    typename log::options reading;
    reading.mode = logdb::open_mode::read_only;
    seen += use<log>(path, reading);
  }
  return seen;
}

std::uint64_t use_keys(const char* path) {
  using storage = logdb::Storage<logdb::BasicDirectory<system_calls>>;
  logdb::basic_log<storage, logdb::Durability<logdb::Async>, logdb::Index<logdb::KeyDir>> keys{
      path};
  keys.put("a", "1");
  keys.compact();
  const std::uint64_t seen = keys.get("a").has_value() + keys.erase("a") + keys.size();
  keys.close();
  return seen;
}

/// Uses every verb of a log of rows.
template <class Log>
std::uint64_t use_rows(Log& log) {
  const std::vector<std::pair<std::int64_t, std::uint64_t>> batch{{1, 10}, {3, 30}};
  log.append(2, 20);
  log.append(40);
  log.append(batch);
  log.erase(1, 2);
  log.erase_before(0);
  std::uint64_t seen = log.size() + log.count(0, 9) + log.empty() + log.validate().size();
  for (const auto& [time, value] : log.range(0, 9)) seen += value;
  for (const auto& [time, value] : log.backward()) seen += value;
  for (const auto& span : log.spans()) seen += span.size();
  seen += log.snapshot().size() + log.prev_time(9).has_value() + log.next_time(0).has_value();
  log.flush();
  log.maintain();
  log.compact();
  log.close();
  return seen;
}

std::uint64_t use_stored_rows(const char* path) {
  using log_type = logdb::basic_log<logdb::Storage<logdb::BasicDirectory<system_calls>>,
                                    logdb::Durability<logdb::Async>,
                                    logdb::Index<logdb::BasicTimeLSM<std::uint64_t>>>;
  log_type::options reading;
  reading.mode = logdb::open_mode::read_only;
  const log_type reader{path, reading};
  log_type log{path};
  log.checkpoint();
  log.sync();
  const std::uint64_t seen = reader.size() + log.stats().records + log.index_stats().stored_rows;
  return seen + use_rows(log);
}

std::uint64_t use_rows_in_memory(const char* label) {
  logdb::basic_log<logdb::Storage<logdb::BasicMemory<system_calls>>, logdb::Durability<logdb::None>,
                   logdb::Index<logdb::BasicTimeLSM<std::uint64_t>>, logdb::Locking<logdb::None>>
      log{label};
  return use_rows(log);
}

}  // namespace

std::uint64_t use_all(const char* path) {
  return use_as<logdb::BasicDirectory, logdb::Fsync, logdb::Flock>(path) +
         use_as<logdb::BasicDirectory, logdb::Async, logdb::Flock>(path) +
         use_as<logdb::BasicDirectory, logdb::None, logdb::None>(path) +
         use_as<logdb::BasicDirectory, logdb::Fsync, logdb::Fcntl>(path) +
         use_as<logdb::BasicDirectory, logdb::Async, logdb::Fcntl>(path) +
         use_as<logdb::BasicSingleFile, logdb::Async, logdb::Flock>(path) +
         use_as<logdb::BasicSingleFile, logdb::Fsync, logdb::Fcntl>(path) + use_keys(path) +
         use_as<logdb::BasicMemory, logdb::None, logdb::None>(path) + use_stored_rows(path) +
         use_rows_in_memory(path);
}
