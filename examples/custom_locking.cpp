// SPDX-License-Identifier: BSL-1.0
/// @file
/// A locking policy of one's own: one writer a path within this process, and no lock file.
/// The contract: docs/policies/locking.md

#include <iostream>
#include <mutex>
#include <set>

#include <logdb/logdb.hpp>

/// Refuses a second writer of this process; other processes stay away by promise.
struct InProcess {
  struct options {};

  static constexpr std::string_view name = "InProcess";
  static constexpr bool shared_writers = false;
  static constexpr logdb::locking_hooks hooks{};  // it has none

  template <class Storage>
  class lease {
   public:
    lease(Storage& storage, const options&) : path_{storage.path()} {
      const std::lock_guard lock{mutex};
      if (taken.insert(path_).second) return;
      throw logdb::error{logdb::errc::locked, "this process writes it already", {.path = path_}};
    }
    lease(lease&& other) noexcept { path_.swap(other.path_); }
    lease& operator=(lease&& other) noexcept { return path_.swap(other.path_), *this; }
    ~lease() {
      const std::lock_guard lock{mutex};
      taken.erase(path_);
    }

   private:
    std::filesystem::path path_;  // empty: moved from, holds nothing
  };

 private:
  inline static std::mutex mutex;
  inline static std::set<std::filesystem::path> taken;  // guarded by mutex
};

static_assert(logdb::locking_policy<InProcess>);

int main() {
  using log_type = logdb::basic_log<logdb::Locking<InProcess>>;
  log_type log{"alone.wal"};
  log.append("mine");
  try {
    log_type second{"alone.wal"};
  } catch (const logdb::error& refused) {
    std::cout << refused.what() << "\n";
  }
  log.close();
  std::cout << "closed, and opened again with " << log_type{"alone.wal"}.last_lsn() << " record\n";
  return 0;
}
