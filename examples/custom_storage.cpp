// SPDX-License-Identifier: BSL-1.0
/// @file
/// A storage policy of one's own: memory that outlives the log, so that it can be opened again.
/// The contract: docs/policies/storage.md

#include <iostream>
#include <map>
#include <mutex>

#include <logdb/logdb.hpp>

/// Keeps the files of a log under its path for as long as the process runs.
class Shelf {
 public:
  using shelved = logdb::Memory;
  using system = shelved::system;
  using file = shelved::file;
  using mapping = shelved::mapping;
  struct options {};

  static constexpr std::string_view name = "Shelf";
  static constexpr bool persistent = true;
  static constexpr logdb::storage_hooks hooks{};  // it has none

  Shelf(const std::filesystem::path& path, logdb::open_mode mode, const options&)
      : mode_{mode}, files_{take(path)} {}

  const std::filesystem::path& path() const { return files_->path(); }
  std::vector<std::string> names() const { return files_->names(); }
  bool exists(std::string_view file_name) const { return files_->exists(file_name); }
  file create(std::string_view file_name) { return writable().create(file_name); }
  file open(std::string_view file_name, logdb::open_mode mode) const {
    return files_->open(file_name, mode);
  }
  void rename(std::string_view from, std::string_view to) { writable().rename(from, to); }
  void remove(std::string_view file_name) { writable().remove(file_name); }
  void sync() { writable().sync(); }

 private:
  static std::shared_ptr<shelved> take(const std::filesystem::path& path) {
    static std::mutex mutex;
    static std::map<std::filesystem::path, std::shared_ptr<shelved>> shelf;
    const std::lock_guard lock{mutex};
    auto& found = shelf[path];
    if (!found) found = std::make_shared<shelved>(path, logdb::open_mode::read_write);
    return found;
  }

  shelved& writable() {
    if (mode_ == logdb::open_mode::read_write) return *files_;
    throw logdb::error{logdb::errc::read_only, "opened to read", {.path = path()}};
  }

  logdb::open_mode mode_;
  std::shared_ptr<shelved> files_;
};

static_assert(logdb::storage_policy<Shelf>);

using shelf_log = logdb::basic_log<logdb::Storage<Shelf>>;

int main() {
  {
    shelf_log log{"orders"};
    log.append("order 42 paid");
    log.append("order 43 paid");
    log.close();
  }
  shelf_log again{"orders"};
  for (const auto& record : again.records()) {
    std::cout << record.lsn() << ": " << record.text() << "\n";
  }
  std::cout << shelf_log{"others"}.last_lsn() << " records in another log\n";
  return 0;
}
