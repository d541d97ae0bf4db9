// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What can go wrong, and `error`, the one exception type of the library. Listed in docs/errors.md.

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <logdb/types.hpp>

namespace logdb {

/// Says what went wrong. docs/errors.md tells for each when, what state it leaves, what to do.
enum class errc {
  io = 1,             ///< the system refused a read, a write or a sync
  no_space,           ///< the disk or the quota is full
  permission_denied,  ///< the path may not be read, written or created
  not_found,          ///< there is no log, segment or record of that name or number
  not_a_log,          ///< the path holds something else
  format_mismatch,    ///< written by other policies, or by a newer format version
  corrupt,            ///< what was promised is damaged
  locked,             ///< another writer has the log open
  read_only,          ///< a write on a log that was opened to read
  closed,             ///< the log was closed
  failed,             ///< a sync failed and could not be healed; what is durable can be read
  record_too_large,   ///< over options::record_bytes_max
  truncated,          ///< the record was given up by truncation or retention
  invalid_argument,   ///< an option or an argument out of its range
  unsupported,        ///< the file system or the kernel lacks something that is needed
  busy,               ///< maintenance lags behind, and the options say to report it
};

/// Gives the remedy for an error: what a person may do about it.
constexpr std::string_view remedy(errc code) {
  switch (code) {
    case errc::io: return "check the device and the kernel's log; nothing acknowledged was lost";
    case errc::no_space: return "free space on this file system, or keep less: options::retention";
    case errc::permission_denied: return "give this user access to the path, or open it read_only";
    case errc::not_found:
      return "check the path or the number; open with open_mode::read_write to create";
    case errc::not_a_log: return "choose an empty or a new directory; nothing here was changed";
    case errc::format_mismatch: return "open it with the policies and the version that wrote it";
    case errc::corrupt:
      return "restore a copy, or open with recovery_mode::salvage to read what is intact";
    case errc::locked: return "close the other writer, or open it read_only";
    case errc::read_only: return "open it with open_mode::read_write";
    case errc::closed: return "open the log again";
    case errc::failed: return "close and reopen the log once the device works again";
    case errc::record_too_large: return "split the record, or raise options::record_bytes_max";
    case errc::truncated: return "read from first_lsn()";
    case errc::invalid_argument: return "correct the argument";
    case errc::unsupported: return "use a local file system such as ext4, xfs or btrfs";
    case errc::busy: return "try again, or let writes wait: options::index.pressure";
  }
  return "see docs/errors.md";
}

namespace detail {

constexpr std::string_view describe(errc code) {
  switch (code) {
    case errc::io: return "the system reported an input/output error";
    case errc::no_space: return "no space is left";
    case errc::permission_denied: return "permission denied";
    case errc::not_found: return "not found";
    case errc::not_a_log: return "not a logdb log";
    case errc::format_mismatch: return "a format that this log cannot read";
    case errc::corrupt: return "corrupt";
    case errc::locked: return "another writer has it open";
    case errc::read_only: return "opened read-only";
    case errc::closed: return "the log is closed";
    case errc::failed: return "the log has failed";
    case errc::record_too_large: return "the record is too large";
    case errc::truncated: return "the record was truncated away";
    case errc::invalid_argument: return "invalid argument";
    case errc::unsupported: return "not supported here";
    case errc::busy: return "busy";
  }
  return "unknown error";
}

class error_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "logdb"; }
  [[nodiscard]] std::string message(int code) const override {
    return std::string{describe(static_cast<errc>(code))};
  }
};

}  // namespace detail

/// Returns the category of `errc`.
inline const std::error_category& error_category() noexcept {
  static const detail::error_category category;
  return category;
}

inline std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

/// Says where an error happened; what does not apply stays empty.
struct error_site {
  std::filesystem::path path{};
  std::optional<std::uint64_t> offset{};
  std::optional<lsn> at{};
  int os_error = 0;  ///< errno, or 0
};

/// Is what every function of the library throws. Its message names the path, the offset, the lsn
/// and the remedy.
class error : public std::system_error {
 public:
  error(errc code, const std::string& what, error_site site = {})
      : std::system_error{make_error_code(code)},
        code_{code},
        site_{std::move(site)},
        text_{std::make_shared<const std::string>(compose(code, what, site_))} {}

  [[nodiscard]] const char* what() const noexcept override { return text_->c_str(); }
  [[nodiscard]] errc condition() const noexcept { return code_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return site_.path; }
  [[nodiscard]] std::optional<std::uint64_t> offset() const noexcept { return site_.offset; }
  [[nodiscard]] std::optional<lsn> at() const noexcept { return site_.at; }
  [[nodiscard]] int os_error() const noexcept { return site_.os_error; }
  [[nodiscard]] std::string_view remedy() const noexcept { return logdb::remedy(code_); }

 private:
  static std::string compose(errc code, const std::string& what, const error_site& site) {
    std::string text = what + ": " + std::string{detail::describe(code)};
    if (!site.path.empty()) text += ", " + site.path.string();
    if (site.offset) text += ", offset " + std::to_string(*site.offset);
    if (site.at) text += ", lsn " + std::to_string(site.at->value());
    if (site.os_error != 0) text += " (" + std::generic_category().message(site.os_error) + ")";
    return text + "; " + std::string{logdb::remedy(code)};
  }

  errc code_;
  error_site site_;
  std::shared_ptr<const std::string> text_;  // shared: copying an exception must not throw
};

/// Maps an errno to the condition that it stands for.
inline errc errc_from_errno(int os_error) noexcept {
  switch (os_error) {
    case ENOSPC:
    case EDQUOT: return errc::no_space;
    case EACCES:
    case EPERM:
    case EROFS: return errc::permission_denied;
    case ENOENT: return errc::not_found;
    case ENOTDIR:
    case ELOOP: return errc::not_a_log;
    case EOPNOTSUPP: return errc::unsupported;
    default: return errc::io;
  }
}

/// Throws what an errno means for an operation on a path.
[[noreturn]] inline void throw_errno(int os_error, const std::string& what,
                                     std::filesystem::path path = {}) {
  throw error{errc_from_errno(os_error), what, {.path = std::move(path), .os_error = os_error}};
}

}  // namespace logdb

template <>
struct std::is_error_code_enum<logdb::errc> : std::true_type {};
