// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `Flock`: the Locking policy of one writing process, held by a flock(2) on a file of the log.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/locking/policy.hpp>
#include <logdb/storage/policy.hpp>
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

  template <class Policies>
  static constexpr bool compatible_with = Policies::storage::persistent;

  template <class Policies>
  static consteval void explain() {
    static_assert(compatible_with<Policies>,
                  "logdb: Locking<Flock> guards a directory against other processes; "
                  "Storage<Memory> has none: use Locking<None>");
  }

  /// Is the right to write; the file `lock` tells people who has it.
  template <class Storage>
  class lease;
};

template <class Storage>
class Flock::lease {
 public:
  /// Takes the lock, or throws errc::locked with the holder's process id.
  explicit lease(Storage& storage, const options& = options{})
      : file_{detail::open_lock_file(storage, file_name)}, owner_{Storage::system::process_id()} {
    if (!file_.try_lock_exclusive()) throw_locked();
    write_owner();
  }
  lease(lease&& other) noexcept
      : file_{std::move(other.file_)}, owner_{std::exchange(other.owner_, 0)} {}
  lease& operator=(lease&& other) noexcept {
    if (this == &other) return *this;
    release();
    file_ = std::move(other.file_);
    owner_ = std::exchange(other.owner_, 0);
    return *this;
  }
  ~lease() { release(); }

 private:
  using file = typename Storage::file;

  static constexpr std::size_t text_bytes_max = 16;

  void write_owner() {
    const std::string text = std::to_string(owner_) + "\n";
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

  [[noreturn]] void throw_locked() const {
    const std::uint32_t owner = read_owner_if_any();
    const std::string who = owner == 0 ? "another process" : "process " + std::to_string(owner);
    throw error{errc::locked, "the log is held by " + who, {.path = file_.path()}};
  }

  /// Unlocks, not only closes: a child of a fork may still have the handle. And in such a child
  /// does
  /// not unlock: the lock is the parent's.
  void release() noexcept {
    if (owner_ == 0 || owner_ != Storage::system::process_id()) return;
    try {
      file_.unlock();
    } catch (const std::exception&) {
      // Closing the file gives the lock back, too.
    }
  }

  file file_;
  std::uint32_t owner_;  // the process that took the lock; 0 after a move
};

static_assert(locking_policy<Flock>);

}  // namespace logdb
