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
  limit,              ///< a limit of this process or machine, such as that on open files
  bad_event,          ///< what was to be appended to an event log is not one JSON object
  bad_query,          ///< the text or the expression is no query
  too_large,          ///< an answer would take more memory than its options allow
};

/// Gives the remedy for an error of which no more is known: what a person may do about it.
constexpr std::string_view remedy(errc code) {
  switch (code) {
    case errc::io: return "check the device and the kernel's log";
    case errc::no_space: return "free space on this file system, or keep less: options::retention";
    case errc::permission_denied: return "give this user access to the path, or open it read_only";
    case errc::not_found: return "check the path or the number";
    case errc::not_a_log: return "choose an empty or a new directory; nothing here was changed";
    case errc::format_mismatch: return "open it with the policies and the version that wrote it";
    case errc::corrupt:
      return "restore a copy, or open with recovery_mode::salvage to read what is intact";
    case errc::locked:
      return "close the other writer, open it read_only, or let several write: Locking<Fcntl>";
    case errc::read_only: return "open it with open_mode::read_write";
    case errc::closed: return "open the log again";
    case errc::failed: return "mend what the message names, then close the log and open it again";
    case errc::record_too_large: return "split the record, or raise options::record_bytes_max";
    case errc::truncated: return "read from first_lsn()";
    case errc::invalid_argument: return "correct the argument";
    case errc::unsupported: return "use a local file system such as ext4, xfs or btrfs";
    case errc::busy: return "try again, or let writes wait: options::index.pressure";
    case errc::limit:
      return "raise the limit, or use less of it: ulimit -a shows those of a process";
    case errc::bad_event:
      return "correct the JSON there, or take any bytes: options::index.check = none";
    case errc::bad_query: return "correct the query: docs/events.md has the grammar";
    case errc::too_large: return "ask for less, or raise the limit that the message names";
  }
  return "see docs/errors.md";
}

namespace detail {

/// What to do where a log was to be read and none is.
inline constexpr std::string_view create_remedy =
    "check the path, or open with open_mode::read_write to create a log there";

/// What to do where the control file of an open log was harmed: the log itself may be whole.
inline constexpr std::string_view reopen_remedy =
    "close the log in all processes, and open it again";
/// What to do where files of an open log are gone.
inline constexpr std::string_view gone_remedy =
    "its files were removed while it was open: close it in all processes, and restore a copy";

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
    case errc::limit: return "a limit of this process or machine is reached";
    case errc::bad_event: return "not a JSON object";
    case errc::bad_query: return "not a query";
    case errc::too_large: return "the answer is too large";
  }
  return "unknown error";
}

/// Gives the remedy for what the system said; empty where the condition has said enough.
constexpr std::string_view remedy_for(int os_error) {
  switch (os_error) {
    case EMFILE: return "close files, or raise this process's limit on them: ulimit -n";
    case ENFILE: return "close files, or raise the machine's limit on them: sysctl fs.file-max";
    case ENOMEM:
      return "free memory, or raise the limit on it (ulimit -v, the container's) or on mappings "
             "(sysctl vm.max_map_count)";
    case EFBIG:
      return "raise the limit on the size of a file (ulimit -f), or lower options::segment_bytes "
             "and durability.staging_bytes";
    case EAGAIN: return "try again, or raise the limit on locked memory: ulimit -l";
    case ENOLCK: return "the kernel has no room for another lock: close files that are locked";
    case EDQUOT: return "raise the quota of this user, or keep less: options::retention";
    case EROFS: return "the file system is mounted read-only: open it read_only, or mount it anew";
    case ENOENT: return "check the path: it, or a part of it, is not there or was removed";
    case ENOTDIR:
      return "check the path: it or a part of it is a file; a log in one file is opened with "
             "Storage<SingleFile>";
    case ELOOP: return "check the path: its symbolic links lead in a circle";
    case ENAMETOOLONG: return "choose a shorter path: a name has at most 255 bytes, a path 4095";
    case EISDIR:
      return "a directory is there: open a log in a directory without Storage<SingleFile>, or move "
             "away what is no log";
    case EEXIST:
    case ENOTEMPTY: return "move away what is in the way there";
    default: return {};
  }
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

/// Compares by the name of the category, not by its address: a program and a plugin that was loaded
/// into it may have one each.
inline bool operator==(const std::error_code& code, errc wanted) noexcept {
  return code.value() == static_cast<int>(wanted) &&
         std::string_view{code.category().name()} == error_category().name();
}

/// Says where an error happened; what does not apply stays empty.
struct error_site {
  std::filesystem::path path{};
  std::optional<std::uint64_t> offset{};
  std::optional<lsn> at{};
  int os_error = 0;  ///< errno, or 0
  /// what a person may do here, of static storage; empty: what the errno or the condition says
  std::string_view remedy{};
};

/// What every function of the library throws. Its message names the path, the offset, the lsn
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
  [[nodiscard]] const error_site& site() const noexcept { return site_; }
  [[nodiscard]] std::string_view remedy() const noexcept { return choose_remedy(code_, site_); }

 private:
  static std::string_view choose_remedy(errc code, const error_site& site) noexcept {
    if (!site.remedy.empty()) return site.remedy;
    const std::string_view known = detail::remedy_for(site.os_error);
    return known.empty() ? logdb::remedy(code) : known;
  }

  static std::string compose(errc code, const std::string& what, const error_site& site) {
    std::string text = what + ": " + std::string{detail::describe(code)};
    if (!site.path.empty()) text += ", " + site.path.string();
    if (site.offset) text += ", offset " + std::to_string(*site.offset);
    if (site.at) text += ", lsn " + std::to_string(site.at->value());
    if (site.os_error != 0) text += " (" + std::generic_category().message(site.os_error) + ")";
    return text + "; " + std::string{choose_remedy(code, site)};
  }

  errc code_;
  error_site site_;
  std::shared_ptr<const std::string> text_;  // shared: copying an exception must not throw
};

/// Maps an errno to the condition that it stands for. What is wrong with the process or with what
/// it asked for is no `errc::io`: that is for the device.
inline errc errc_from_errno(int os_error) noexcept {
  switch (os_error) {
    case ENOSPC:
    case EDQUOT: return errc::no_space;
    case EACCES:
    case EPERM:
    case EROFS: return errc::permission_denied;
    case ENOENT: return errc::not_found;
    case ENOTDIR:
    case ELOOP:
    case EEXIST:
    case EISDIR:
    case ENOTEMPTY: return errc::not_a_log;
    case ENAMETOOLONG: return errc::invalid_argument;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
    case EAGAIN:
    case ENOLCK: return errc::limit;
    case EINVAL:
    case ENODEV:
    case ENOSYS:
    case EOPNOTSUPP: return errc::unsupported;
    default: return errc::io;
  }
}

/// Throws what an errno means for an operation on a path.
/// @param remedy  of static storage; empty: what the errno says
[[noreturn]] inline void throw_errno(int os_error, const std::string& what,
                                     std::filesystem::path path = {},
                                     std::string_view remedy = {}) {
  throw error{errc_from_errno(os_error),
              what,
              {.path = std::move(path), .os_error = os_error, .remedy = remedy}};
}

}  // namespace logdb

template <>
struct std::is_error_code_enum<logdb::errc> : std::true_type {};
