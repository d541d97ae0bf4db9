// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Which calls of the simulated system fail, and how; and how many there were of each kind.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/error.hpp>

namespace logdb::sim {

/// Names the kinds of calls that can fail.
enum class call : std::size_t {
  make_directory,
  open_directory,
  open_file,
  close,
  list,
  exists,
  rename,
  unlink,
  size,
  write,
  read,
  sync,
  sync_directory,
  allocate,
  resize,
  map,
  lock,
  unlock,
  futex_wait,
  random,
  boot_id,
};

inline constexpr std::array<std::string_view, 21> call_names{
    "make_directory", "open_directory", "open_file", "close", "list", "exists",
    "rename",         "unlink",         "size",      "write", "read", "sync",
    "sync_directory", "allocate",       "resize",    "map",   "lock", "unlock",
    "futex_wait",     "random",         "boot_id"};

inline constexpr std::size_t call_kinds = call_names.size();

/// Stands for a transfer of half the bytes.
inline constexpr int short_transfer = 1'000'000;

/// Says how some calls of one kind fail.
struct fault_plan {
  call kind{};
  std::uint64_t first = 0;  // the n-th of its kind, from 1; 0: none
  std::uint64_t count = 1;  // how many in a row
  int failure = 0;          // errno, or short_transfer
};

inline constexpr std::uint64_t for_ever = UINT64_MAX;

/// Counts calls and fails those that were planned.
class faults {
 public:
  void plan(const fault_plan& what) { plan_ = what; }
  [[nodiscard]] const fault_plan& planned() const { return plan_; }

  /// Counts a call; returns how it fails, or 0.
  int ask(call kind) {
    const std::uint64_t number = ++counts_[static_cast<std::size_t>(kind)];
    if (plan_.first == 0 || kind != plan_.kind || number < plan_.first) return 0;
    if (number - plan_.first >= plan_.count) return 0;
    ++met_;
    return plan_.failure;
  }

  [[nodiscard]] std::uint64_t count(call kind) const {
    return counts_[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] std::uint64_t met() const { return met_; }

 private:
  fault_plan plan_;
  std::array<std::uint64_t, call_kinds> counts_{};
  std::uint64_t met_ = 0;
};

/// Returns how a call may fail in real life.
inline std::vector<int> failures_of(call kind) {
  switch (kind) {
    case call::make_directory: return {EIO, ENOSPC, EDQUOT};
    case call::open_directory: return {EIO, EMFILE, EINTR};
    case call::open_file: return {EIO, ENOSPC, EMFILE, EINTR};
    case call::close: return {EIO, EINTR};
    case call::list: return {EIO, EMFILE};
    case call::exists: return {EIO, EINTR};
    case call::rename: return {EIO, ENOSPC, EDQUOT};
    case call::unlink: return {EIO};
    case call::size: return {EIO};
    case call::write: return {EIO, ENOSPC, EDQUOT, EINTR, short_transfer};
    case call::read: return {EIO, EINTR, short_transfer};
    case call::sync: return {EIO, ENOSPC, EDQUOT, EINTR};
    case call::sync_directory: return {EIO, EINVAL, EINTR};
    case call::allocate: return {EIO, ENOSPC, EDQUOT, EINTR, EOPNOTSUPP};
    case call::resize: return {EIO, EINTR};
    case call::map: return {ENOMEM, EMFILE};
    case call::lock: return {EIO, EINTR, EWOULDBLOCK};
    case call::unlock: return {EIO, EINTR};
    case call::futex_wait: return {EINTR, EAGAIN};
    case call::random: return {EIO};
    case call::boot_id: return {EIO, EMFILE};
  }
  return {};
}

/// Tells whether docs/errors.md lets a call of the log fail so when the system does.
constexpr bool is_documented(errc condition) {
  switch (condition) {
    case errc::io:
    case errc::no_space:
    case errc::failed:
    case errc::unsupported:
    case errc::limit:
    case errc::locked: return true;
    default: return false;
  }
}

inline std::string name_of(const fault_plan& plan) {
  const std::string how =
      plan.failure == short_transfer ? "a short transfer" : "errno " + std::to_string(plan.failure);
  const std::string often = plan.count == for_ever ? " and from then on" : "";
  return std::string{call_names[static_cast<std::size_t>(plan.kind)]} + " number " +
         std::to_string(plan.first) + often + ": " + how;
}

}  // namespace logdb::sim
