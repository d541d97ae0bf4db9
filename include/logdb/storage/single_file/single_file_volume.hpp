// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The place of a store in one file: the file itself, which may be replaced, and what stands beside
/// it while it is open.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/format/files/names.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/storage/directory.hpp>
#include <logdb/storage/single_file/single_file_host.hpp>
#include <logdb/storage/single_file/single_file_lock.hpp>

namespace logdb::detail {

/// Returns how much room a file gets whose size is set: a segment's footer still fits behind it.
/// It is a hole until then: an address, and no space.
constexpr std::uint64_t single_file_room(std::uint64_t bytes) {
  return bytes + std::max<std::uint64_t>(format::region_alignment, bytes / 8);
}

/// Copies the first bytes of a region to one of another file.
template <class System>
void copy_bytes(const single_file_host<System>& source, const single_file_region& from,
                single_file_host<System>& to, single_file_region& copy, std::uint64_t bytes) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(bytes, zero_piece_bytes));
  for (std::uint64_t done = 0; done < bytes;) {
    const std::span piece{buffer.data(), std::min<std::uint64_t>(bytes - done, buffer.size())};
    source.bytes().read(from.offset.load(std::memory_order_relaxed) + done, piece);
    to.write(copy, done, piece);
    done += piece.size();
  }
}

/// Copies what is alive to a new file. The files that are open stay with the old one.
/// @errors  errc::io, errc::no_space
template <class System>
void copy_regions(const single_file_host<System>& source, single_file_host<System>& to) {
  to.begin();
  single_file_regions copies;
  for (const auto& [name, from] : *source.names()) {
    const auto copy = std::make_shared<single_file_region>();
    const std::uint64_t bytes = from->size.load(std::memory_order_acquire);
    to.reserve(*copy, bytes,
               std::min(from->capacity.load(std::memory_order_relaxed), single_file_room(bytes)));
    copy_bytes(source, *from, to, *copy, bytes);
    copy->size.store(bytes, std::memory_order_release);
    copies.emplace(name, copy);
  }
  to.fill(std::move(copies));
  if constexpr (has_step<durability_point::compacted_sync>) to.repeat();
}

/// Tells the files that stand beside: they are caches and locks of those who have the log open.
inline bool stands_beside(std::string_view name) {
  return name.starts_with(format::control_name) || name.starts_with(format::lock_name);
}

/// Returns the directory that a file is in.
inline std::filesystem::path directory_of(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  return parent.empty() ? std::filesystem::path{"."} : parent;
}

/// Shared by the storage and its open files.
///
/// @threads  any
template <class System>
class single_file_volume {
 public:
  using host = single_file_host<System>;
  using host_ptr = std::shared_ptr<host>;
  using file = directory_file<System>;
  using range_lock = platform::range_lock;

  /// @errors  errc::not_found, errc::not_a_log, errc::corrupt, errc::format_mismatch,
  ///          errc::permission_denied, errc::io
  single_file_volume(const std::filesystem::path& path, open_mode mode,
                     std::filesystem::perms permissions)
      : path_{path},
        name_{path.filename().string()},
        mode_{mode},
        beside_{{}, directory_of(path), mode, {name_, permissions}} {
    require_flat_name(name_, path_);
    opener_.take();
    follow();
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] open_mode mode() const { return mode_; }
  /// Returns how often the file was found replaced by another.
  [[nodiscard]] std::uint64_t replacements() const {
    return replacements_.load(std::memory_order_acquire);
  }

  /// Returns the file as it is now; null when it is still to be made. A reader looks whether it was
  /// changed or replaced, and so does a writer until its first change: before it has the right to
  /// write the file is another's. A writer beside others looks whether they have changed it.
  [[nodiscard]] host_ptr look() {
    const guard lock{mutex_};
    if (closed_) return host_;
    if (!is_ready_) {
      follow();
    } else if (host_->is_shared()) {
      host_->catch_up();
    }
    return host_;
  }

  /// Returns how much of a file inside is there now; none when it is not in there, or somebody else
  /// is at the names.
  [[nodiscard]] std::optional<std::uint64_t> size_of(std::string_view file_name) {
    const guard lock{mutex_, std::try_to_lock};
    const auto found = lock && host_ ? host_->find(file_name) : nullptr;
    if (found == nullptr) return std::nullopt;
    const std::uint64_t all = host_->bytes().size();
    const std::uint64_t bytes = found->size.load(std::memory_order_acquire);
    const std::uint64_t begin = found->offset.load(std::memory_order_relaxed);
    return all < begin ? 0 : std::min(bytes, all - begin);
  }

  /// Returns where in the file a file inside begins; none when it is not known.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::string_view file_name) {
    const guard lock{mutex_, std::try_to_lock};
    const auto found = lock && host_ ? host_->find(file_name) : nullptr;
    if (found == nullptr) return std::nullopt;
    return found->offset.load(std::memory_order_relaxed);
  }

  /// Goes on as one of several processes that write the file: the first, when it has done what is
  /// to be done alone, or beside others. @errors errc::corrupt, errc::io
  void share(single_file_line<System>& line, bool first) {
    const guard lock{mutex_};
    if (first) return host_->begin_sharing(line);
    follow();
    if (host_ == nullptr) {
      throw error{errc::corrupt, "the file is gone", {.path = path_, .remedy = gone_remedy}};
    }
    host_->share(line);
    is_ready_ = true;
  }

  /// Throws in a child of the process that opened it: the file is the parent's, and the locks are
  /// copies that nobody gives back. @errors errc::closed
  void require_own() const {
    if (opener_.is_own()) return;
    throw error{errc::closed, "it was opened before a fork, by the parent", {.path = path_}};
  }

  /// Returns the file to change it, and makes it if there is none. @errors errc::closed, errc::io
  [[nodiscard]] host_ptr take() {
    require_own();
    const guard lock{mutex_};
    if (closed_) throw error{errc::closed, "the log was closed", {.path = path_}};
    if (!is_ready_) make_ready();
    return host_;
  }

  /// Changes nothing from here on. Before, if the log was closed as it should be, gives dead space
  /// back where it is more than a ratio of the file. What was opened can still be read.
  void close(bool settled, double ratio) noexcept {
    if (!opener_.is_own()) return;
    const guard lock{mutex_};
    if (std::exchange(closed_, true) || host_ == nullptr) return;
    try {
      if (settled) finish(ratio);
    } catch (const std::exception&) {
      // The log is whole as it is; the next close tries again.
    }
    host_->close();
  }

  // --- beside ----------------------------------------------------------------------------------

  [[nodiscard]] std::string beside(std::string_view file_name) const {
    require_flat_name(file_name, path_);
    return beside(name_, file_name);
  }
  [[nodiscard]] static std::string beside(const std::string& name, std::string_view file_name) {
    return name + "-" + std::string{file_name};
  }
  /// Returns the names of files that are gone, and beside which one of that name stands still.
  [[nodiscard]] std::vector<std::string> gone_with(std::string_view file_name) const {
    const std::string suffix = beside({}, file_name);
    std::vector<std::string> gone;
    for (const std::string& other : beside_.names()) {
      if (!other.ends_with(suffix) || other.size() == suffix.size()) continue;
      std::string name = other.substr(0, other.size() - suffix.size());
      if (!beside_.exists(name)) gone.push_back(std::move(name));
    }
    return gone;
  }
  [[nodiscard]] BasicDirectory<System>& directory() { return beside_; }

  /// Opens a file to lock it; its last holder may remove it any time.
  [[nodiscard]] file open_lock(std::string_view file_name) {
    return open_unshared<System>([&, name = beside(file_name)] { return open_or_create(name); });
  }

  /// Locks the file itself, whatever names it has, and the one that is made if there is none yet;
  /// false: somebody has it locked. @errors errc::io
  [[nodiscard]] bool try_lock_itself(range_lock kind) {
    const guard lock{mutex_};
    return own_lock_.try_take(kind);
  }
  /// @errors  errc::io
  void unlock_itself() {
    const guard lock{mutex_};
    own_lock_.give_back();
  }

 private:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;

  [[nodiscard]] file open_or_create(const std::string& name) {
    for (;;) {
      try {
        return beside_.create(name);
      } catch (const error& failure) {
        if (failure.os_error() != EEXIST) throw;
      }
      try {
        return beside_.open(name, open_mode::read_write);
      } catch (const error& failure) {
        if (failure.condition() != errc::not_found) throw;
      }
    }
  }

  [[nodiscard]] std::string draft_name() const { return name_ + "-new"; }

  /// Returns null for an empty file: its maker has put nothing into it.
  [[nodiscard]] host_ptr open_host() const {
    if (mode_ == open_mode::read_only && !beside_.exists(name_)) throw_nothing_here();
    file opened = beside_.open(name_, mode_);
    if (opened.size() == 0) {
      if (mode_ == open_mode::read_write) return nullptr;
      throw_nothing_here();
    }
    auto made = std::make_shared<host>(std::move(opened));
    made->load();
    return made;
  }

  [[noreturn]] void throw_nothing_here() const {
    throw error{errc::not_found, "there is no log here", {.path = path_, .remedy = create_remedy}};
  }

  void follow() {
    if (host_ != nullptr && beside_.is_named(host_->bytes(), name_)) return host_->refresh();
    if (host_ != nullptr) replacements_.fetch_add(1, std::memory_order_release);
    host_ = mode_ == open_mode::read_only || beside_.exists(name_) ? open_host() : nullptr;
  }

  /// Makes a file under a draft name, and puts it in place when it is whole.
  template <class Fill>
  [[nodiscard]] host_ptr put_new(Fill fill) {
    beside_.remove(draft_name());
    try {
      auto made = std::make_shared<host>(beside_.create(draft_name()));
      fill(*made);
      beside_.rename(draft_name(), name_);
      beside_.sync();
      return made;
    } catch (...) {
      discard_draft();
      throw;
    }
  }

  void discard_draft() noexcept {
    try {
      beside_.remove(draft_name());
    } catch (const std::exception&) {
      // The next writer removes it.
    }
  }

  void make_ready() {
    follow();
    beside_.remove(draft_name());  // of a writer that died
    if (host_ == nullptr) {
      host_ = put_new([this](host& made) {
        made.begin();
        own_lock_.take_draft(draft_name());
      });
    } else {
      // The process that put the file there may have died before its name was durable.
      if constexpr (has_step<durability_point::file_name_sync>) beside_.sync();
    }
    is_ready_ = true;
  }

  void finish(double ratio) {
    if (host_->dead_ratio() > ratio) {
      (void)put_new([this](host& made) { copy_regions(*host_, made); });
    } else {
      host_->repeat();
    }
  }

  std::filesystem::path path_;
  std::string name_;  // of the file in its directory
  open_mode mode_;
  platform::claim<System> opener_;  // the process that opened it
  BasicDirectory<System> beside_;
  mutex mutex_;  // of the four below
  host_ptr host_;
  single_file_lock<System> own_lock_{beside_, name_};
  bool is_ready_ = false;  // there is a file, its name is durable, and no draft of it is left
  bool closed_ = false;
  platform::atomic<std::uint64_t> replacements_ = 0;
};

}  // namespace logdb::detail
