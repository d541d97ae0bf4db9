// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `Flock`: the Locking policy of one writing process, held by a flock(2) on a file of the log.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/locking/lock_file.hpp>
#include <logdb/policy/locking.hpp>
#include <logdb/policy/storage.hpp>
#include <logdb/types.hpp>

namespace logdb {

/// Admits one writer, in this process or another, and any number of readers.
///
/// The kernel gives the lock back when the holder ends, however it ends; no timeout ever does.
/// @source  unlike fcntl locks, those of flock(2) are not lost when another handle of the file is
/// closed
struct Flock {
  struct options {};

  static constexpr std::string_view name = "Flock";
  static constexpr bool shared_writers = false;
  static constexpr std::string_view file_name = "lock";
  static constexpr locking_hooks hooks{"compatible_with"};

  template <class Policies>
  static constexpr bool compatible_with = Policies::storage::persistent;

  template <class Policies>
  static consteval void explain() {
    static_assert(compatible_with<Policies>,
                  "logdb: Locking<Flock> guards a directory against other processes; "
                  "Storage<Memory> has none: use Locking<None>");
  }

  /// The right to write; the file `lock` tells people which process has it.
  template <class Storage>
  class lease;
};

template <class Storage>
class Flock::lease {
 public:
  /// Takes the lock, or throws errc::locked with the holder's process id.
  explicit lease(Storage& storage, const options& = options{})
      : file_{detail::open_lock_file(storage, file_name)}, itself_{storage} {
    if (!file_.try_lock_exclusive() && !take_from_dead()) throw_locked();
    if (!itself_.try_lock_exclusive()) detail::throw_locked_itself(file_.path());
    claim_.take();
    write_owner();
  }
  lease(lease&& other) noexcept
      : file_{std::move(other.file_)},
        itself_{std::move(other.itself_)},
        claim_{std::exchange(other.claim_, {})} {}
  lease& operator=(lease&& other) noexcept {
    if (this == &other) return *this;
    release();
    file_ = std::move(other.file_);
    itself_ = std::move(other.itself_);
    claim_ = std::exchange(other.claim_, {});
    return *this;
  }
  ~lease() { release(); }

 private:
  using file = typename Storage::file;
  using system = typename Storage::system;

  static constexpr std::size_t text_bytes_max = 16;
  static constexpr std::chrono::milliseconds moment{200};

  void write_owner() {
    const std::string text = std::to_string(system::process_id()) + "\n";
    try {
      // In this order a reader in between still finds a whole first line.
      file_.write(0, as_bytes(text));
      file_.resize(text.size());
    } catch (const error&) {
      // It only informs: a full disk must not keep anyone from opening the log and making room.
    }
  }

  /// Returns the process id that the holder wrote, or 0.
  [[nodiscard]] std::uint32_t read_owner() const {
    std::array<std::byte, text_bytes_max> buffer{};
    const std::span text =
        std::span{buffer}.first(std::min<std::uint64_t>(file_.size(), buffer.size()));
    file_.read(0, text);
    const std::string_view line = as_text(text);
    std::uint32_t owner = 0;
    const auto [end, fault] = std::from_chars(line.data(), line.data() + line.size(), owner);
    const bool whole = fault == std::errc{} && end != line.data() + line.size() && *end == '\n';
    return whole ? owner : 0;
  }

  /// Returns the same, also 0 while the holder is just writing it.
  [[nodiscard]] std::uint32_t read_owner_if_any() const {
    try {
      return read_owner();
    } catch (const error&) {
      return 0;
    }
  }

  /// Tries again for a moment if the holder is gone: a child that it forked right before lets go of
  /// the lock as soon as it runs.
  [[nodiscard]] bool take_from_dead() {
    const std::uint32_t owner = read_owner_if_any();
    if (owner == 0 || system::is_running(owner)) return false;
    for (const auto end = system::uptime() + moment; system::uptime() < end; system::yield()) {
      if (file_.try_lock_exclusive()) return true;
    }
    return false;
  }

  /// Names the holder, unless it is gone and somebody else has just taken the lock, or it cannot be
  /// seen from here.
  [[noreturn]] void throw_locked() const {
    const std::uint32_t owner = read_owner_if_any();
    const bool known = owner != 0 && system::is_running(owner);
    const std::string holder = known ? "process " + std::to_string(owner) : "another process";
    detail::throw_locked(file_.path(),
                         owner == system::process_id() ? holder + ", which is this one" : holder);
  }

  /// Unlocks, not only closes: a child of a fork may still have the handle. And in such a child
  /// does not unlock: the lock is the parent's.
  void release() noexcept {
    const bool own = claim_.is_own();
    claim_.drop();
    if (!own) return;
    try {
      file_.resize(0);  // the next holder may write no name, and this one's would be read
    } catch (const std::exception&) {
      // It only informs.
    }
    itself_.unlock();
    try {
      file_.unlock();
    } catch (const std::exception&) {
      // Closing the file gives the lock back, too.
    }
  }

  file file_;
  detail::lock_of_itself<Storage> itself_;
  platform::claim<system> claim_;
};

static_assert(locking_policy<Flock>);

}  // namespace logdb
