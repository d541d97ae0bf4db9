// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `Fcntl`: the Locking policy of many writing processes, each with many threads.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/locking/lock_file.hpp>
#include <logdb/platform/posix.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/policy/locking.hpp>
#include <logdb/policy/storage_traits.hpp>

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
  struct options {
    /// shares the log also where it is not known that no other machine writes the file system (NFS,
    /// FUSE, shared folders): you know that none does
    bool any_file_system = false;
  };

  static constexpr std::string_view name = "Fcntl";
  static constexpr bool shared_writers = true;
  static constexpr std::string_view file_name = "lock";
  static constexpr std::size_t processes_max = 200;  // that write at once

  static constexpr locking_hooks hooks{"compatible_with"};

  /// A storage says that several processes may write it at once.
  template <class Storage>
  static constexpr bool can_be_shared = storage_traits<Storage>::shared_writers;
  /// An index may say that it hears only of what its own process writes.
  template <class Index>
  static constexpr bool hears_of_all = !index_traits<Index>::one_writer;

  template <class Policies>
  static constexpr bool compatible_with =
      can_be_shared<typename Policies::storage>&& hears_of_all<typename Policies::index>;

  template <class Policies>
  static consteval void explain() {
    static_assert(can_be_shared<typename Policies::storage>,
                  "logdb: Locking<Fcntl> lets many processes write one log: use "
                  "Storage<Directory> or Storage<SingleFile>, or Locking<Flock> for one writing "
                  "process");
    static_assert(
        !can_be_shared<typename Policies::storage> || hears_of_all<typename Policies::index>,
        "logdb: Locking<Fcntl> lets many processes write one log, and this index hears of one "
        "only: use an index that learns from the log what others wrote, or Locking<Flock>");
  }

  /// A process's part in the log: the right to write, beside others.
  template <class Storage>
  class lease;
};

template <class Storage>
class Fcntl::lease {
 public:
  /// Waits while somebody opens or closes the log.
  /// @errors  errc::locked: a single writer has it, or 200 processes have; errc::unsupported where
  ///          other machines may write, errc::io
  explicit lease(Storage& storage, const options& chosen = options{})
      : file_{enter(storage, chosen)}, itself_{storage} {
    claim_.take();
    try {
      first_ = file_.try_lock_range(kind::exclusive, presence);
      if (!first_) file_.lock_range(kind::shared, presence);
      if (!hold_itself()) detail::throw_locked_itself(file_.path());
      if (first_) forget_holder();
      take_place();
    } catch (...) {
      if (first_) discard();
      release();
      throw;
    }
  }
  lease(lease&& other) noexcept
      : file_{std::move(other.file_)},
        itself_{std::move(other.itself_)},
        first_{other.first_},
        place_{other.place_},
        claim_{std::exchange(other.claim_, {})} {}
  lease& operator=(lease&& other) noexcept {
    if (this == &other) return *this;
    release();
    file_ = std::move(other.file_);
    itself_ = std::move(other.itself_);
    first_ = other.first_;
    place_ = other.place_;
    claim_ = std::exchange(other.claim_, {});
    return *this;
  }
  ~lease() { release(); }

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

  /// Leaves no lock file behind where the storage wants none; when nobody else has the log open,
  /// and as the last step.
  void discard() { file_traits<file>::discard(file_); }

 private:
  using kind = platform::range_lock;
  using file = typename Storage::file;
  using system = typename Storage::system;

  static constexpr std::uint64_t turnstile = 0;
  static constexpr std::uint64_t presence = 1;
  static constexpr std::uint64_t places = 16;

  /// Opens the file and waits for the turnstile.
  static file enter(Storage& storage, const options& chosen) {
    for (;;) {
      file opened = detail::open_lock_file(storage, file_name);
      require_local(opened, chosen);
      if (!opened.try_lock_shared()) {
        detail::throw_locked(opened.path(), "one process alone, with Locking<Flock>");
      }
      opened.lock_range(kind::exclusive, turnstile);
      // A storage may have the last one remove it.
      if (file_traits<file>::is_named(opened)) return opened;
    }
  }

  static void require_local(const file& opened, const options& chosen) {
    if (chosen.any_file_system || !opened.is_on_network()) return;
    throw error{errc::unsupported,
                "Locking<Fcntl> shares memory between processes, and other machines may write this "
                "file system without seeing it",
                {.path = opened.path(),
                 .remedy = "use a local file system, or Locking<Flock>; or set "
                           "options::locking.any_file_system if no other machine writes there"}};
  }

  void take_place() {
    for (; place_ < processes_max; ++place_) {
      if (file_.try_lock_range(kind::exclusive, places + place_)) return;
    }
    detail::throw_locked(file_.path(),
                         std::to_string(processes_max) + " processes, the most there can be");
  }

  /// Whoever has it by another name keeps the first by this one out, and those who follow.
  [[nodiscard]] bool hold_itself() {
    if (first_ && !itself_.try_lock_exclusive()) return false;
    return itself_.try_lock_shared();
  }

  /// Clears the name of a process that had the log alone, and is gone.
  void forget_holder() noexcept {
    try {
      if (file_.size() != 0) file_.resize(0);
    } catch (const std::exception&) {
      // It only informs.
    }
  }

  /// Unlocks, not only closes: a child of a fork may still have the handle. And in such a child
  /// does not unlock: the locks are the parent's.
  void release() noexcept {
    const bool own = claim_.is_own();
    claim_.drop();
    if (!own) return;
    itself_.unlock();
    try {
      file_.lock_range(kind::none, places, processes_max);
      file_.lock_range(kind::none, presence);
      file_.lock_range(kind::none, turnstile);
      file_.unlock_shared();
    } catch (const std::exception&) {
      // Closing the file gives them back, too.
    }
  }

  file file_;
  detail::lock_of_itself<Storage> itself_;
  bool first_ = false;
  std::size_t place_ = 0;
  platform::claim<system> claim_;
};

static_assert(locking_policy<Fcntl>);

}  // namespace logdb
