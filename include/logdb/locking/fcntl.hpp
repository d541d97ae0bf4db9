// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `Fcntl`: the Locking policy of many writing processes, each with many threads.

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/locking/policy.hpp>
#include <logdb/platform/posix.hpp>
#include <logdb/storage/policy.hpp>

namespace logdb {

/// Admits any number of writers up to 200 processes, and any number of readers.
///
/// Byte-range locks of open file descriptions (F_OFD_SETLK) on the file `lock` say who has the log
/// open; what the writers share lies in the control file, with its own locks. The kernel gives all
/// of them back when a holder ends, however it ends; none is ever taken by a timeout.
///
///     byte 0         exclusive while somebody opens or closes the log
///     byte 1         shared by everybody who has it open; exclusive: nobody else has
///     bytes 16 ...   exclusive: the place of one process in the control file
///
/// @source  unlike POSIX record locks, those of an open file description are not lost when another
///          descriptor of the file is closed, and they exclude two handles of one process
struct Fcntl {
  struct options {};

  static constexpr std::string_view name = "Fcntl";
  static constexpr bool shared_writers = true;
  static constexpr std::string_view file_name = "lock";
  static constexpr std::size_t processes_max = 200;  // that write at once

  /// A storage says that several processes may write it at once.
  template <class Storage>
  static constexpr bool can_be_shared = requires {
    requires Storage::shared_writers;
  };
  /// An index may say that it hears only of what its own process writes.
  template <class Index>
  static constexpr bool hears_of_all = !requires {
    requires Index::one_writer;
  };

  template <class Policies>
  static constexpr bool compatible_with =
      can_be_shared<typename Policies::storage>&& hears_of_all<typename Policies::index>;

  template <class Policies>
  static consteval void explain() {
    static_assert(can_be_shared<typename Policies::storage>,
                  "logdb: Locking<Fcntl> lets many processes write one log: use "
                  "Storage<Directory>, or Locking<Flock> for one writing process");
    static_assert(
        !can_be_shared<typename Policies::storage> || hears_of_all<typename Policies::index>,
        "logdb: Locking<Fcntl> lets many processes write one log, and this index hears of one "
        "only: use Index<Sparse>, Index<KeyDir> or Index<None>, or Locking<Flock>");
  }

  /// Is a process's part in the log: the right to write, beside others.
  template <class Storage>
  class lease;
};

template <class Storage>
class Fcntl::lease {
 public:
  /// Waits while somebody opens or closes the log.
  /// @errors  errc::locked: a single writer has it, or 200 processes have; errc::io on a network
  explicit lease(Storage& storage, const options& = options{}) : file_{open_or_create(storage)} {
    if (file_.is_on_network()) {
      throw error{errc::invalid_argument,
                  "Locking<Fcntl> shares memory between processes, and this is a network file "
                  "system: other machines would not see it",
                  {.path = file_.path()}};
    }
    if (!file_.try_lock_shared()) throw_locked("one process alone, with Locking<Flock>");
    file_.lock_range(kind::exclusive, turnstile);
    first_ = file_.try_lock_range(kind::exclusive, presence);
    if (!first_) file_.lock_range(kind::shared, presence);
    take_place();
  }
  lease(lease&&) noexcept = default;
  lease& operator=(lease&&) noexcept = default;
  ~lease() = default;  // closing the file gives everything back; in a child of a fork, nothing

  /// Tells whether nobody else had the log open.
  [[nodiscard]] bool is_first() const { return first_; }
  /// Returns this process's number among those that have it open.
  [[nodiscard]] std::size_t place() const { return place_; }

  /// Calls `clear()` if a process that had a place is gone and nobody has it since.
  template <class Clear>
  void if_gone(std::size_t place, Clear clear) {
    if (place == place_ || !file_.try_lock_range(kind::exclusive, places + place)) return;
    clear();
    file_.lock_range(kind::none, places + place);
  }

  /// Lets others open it; when this process has.
  void admit_others() {
    if (first_) file_.lock_range(kind::shared, presence);
    file_.lock_range(kind::none, turnstile);
  }

  /// Waits until nobody opens or closes the log, and keeps it so; returns whether nobody else has
  /// it open.
  [[nodiscard]] bool try_close() {
    file_.lock_range(kind::exclusive, turnstile);
    return file_.try_lock_range(kind::exclusive, presence);
  }

 private:
  using kind = platform::range_lock;
  using file = typename Storage::file;

  static constexpr std::uint64_t turnstile = 0;
  static constexpr std::uint64_t presence = 1;
  static constexpr std::uint64_t places = 16;

  /// The file is never removed: a lock on a name that is gone would exclude nobody.
  static file open_or_create(Storage& storage) {
    if (storage.exists(file_name)) return storage.open(file_name, open_mode::read_write);
    try {
      return storage.create(file_name);
    } catch (const error& failure) {
      if (failure.os_error() != EEXIST) throw;  // else somebody made it just now
      return storage.open(file_name, open_mode::read_write);
    }
  }

  void take_place() {
    for (; place_ < processes_max; ++place_) {
      if (file_.try_lock_range(kind::exclusive, places + place_)) return;
    }
    throw_locked(std::to_string(processes_max) + " processes, the most there can be");
  }

  [[noreturn]] void throw_locked(const std::string& who) const {
    throw error{errc::locked, "the log is held by " + who, {.path = file_.path()}};
  }

  file file_;
  bool first_ = false;
  std::size_t place_ = 0;
};

static_assert(locking_policy<Fcntl>);

}  // namespace logdb
