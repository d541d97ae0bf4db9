// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The lock of the one file that a store lies in, whatever names it has.

#include <optional>
#include <string>
#include <utility>

#include <logdb/storage/directory.hpp>

namespace logdb::detail {

/// A lock of the file itself, and of any that is put in its place.
/// @threads  one at a time
template <class System>
class single_file_lock {
 public:
  using file = directory_file<System>;
  using range_lock = platform::range_lock;

  /// @param beside  the directory in which the file has a name; both outlive this
  single_file_lock(BasicDirectory<System>& beside, const std::string& name)
      : beside_{beside}, name_{name} {}
  single_file_lock(const single_file_lock&) = delete;
  single_file_lock& operator=(const single_file_lock&) = delete;

  /// Locks the file if there is one, and wants the same of the one that is made if not; false:
  /// somebody has it locked. @errors errc::io
  [[nodiscard]] bool try_take(range_lock kind) {
    kind_ = kind;
    while (locked_ || beside_.exists(name_)) {
      if (!locked_) locked_ = open(name_);
      if (!try_lock(*locked_)) return locked_.reset(), false;
      if (beside_.is_named(*locked_, name_)) break;
      locked_.reset();  // whoever had it has just put another in its place
    }
    return true;
  }
  /// @errors  errc::io
  void give_back() {
    kind_ = range_lock::none;
    if (locked_) locked_->unlock();
    locked_.reset();
  }
  /// Locks what is about to get the name, while nobody else knows it. @errors errc::io
  void take_draft(const std::string& draft_name) {
    if (kind_ == range_lock::none) return;
    auto draft = open(draft_name);
    if (try_lock(draft)) locked_ = std::move(draft);
  }

 private:
  /// Opens the file once more: an open file of its own, which only the lock needs.
  [[nodiscard]] file open(const std::string& name) const {
    return open_unshared<System>([&] { return beside_.open(name, open_mode::read_write); });
  }
  [[nodiscard]] bool try_lock(file& own) const {
    return kind_ == range_lock::shared ? own.try_lock_shared() : own.try_lock_exclusive();
  }

  BasicDirectory<System>& beside_;
  const std::string& name_;
  range_lock kind_ = range_lock::none;  // that the file is to have
  std::optional<file> locked_;          // the file once more, with that lock; none: there is none
};

}  // namespace logdb::detail
