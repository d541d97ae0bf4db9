// SPDX-License-Identifier: BSL-1.0
/// @file
/// A session store: each session ends by itself, and what has ended leaves the disk.

#include <chrono>
#include <iostream>
#include <string>

#include <logdb/logdb.hpp>

namespace {

using namespace std::chrono_literals;

/// Keeps who is logged in.
class sessions {
 public:
  explicit sessions(const char* path) : log_{path} {}

  void begin(const std::string& token, const std::string& user, std::chrono::nanoseconds ttl) {
    log_.put("session:" + token, user, ttl);
  }
  /// Lives as long again as it may.
  bool touch(const std::string& token, std::chrono::nanoseconds ttl) {
    const auto user = log_.get("session:" + token);
    return user && log_.put("session:" + token, user->text(), ttl);
  }
  void end(const std::string& token) { log_.erase("session:" + token); }

  [[nodiscard]] std::string user(const std::string& token) const {
    const auto found = log_.get("session:" + token);
    return found ? std::string{found->text()} : "nobody";
  }

  /// Drops from the disk what has ended. It happens in the background, too, once it is worth it.
  logdb::compaction_report sweep() { return log_.compact(); }

 private:
  logdb::kv_store log_;
};

}  // namespace

int main() {
  {
    sessions web{"sessions.kv"};
    web.begin("a1", "ann", 24h);
    web.begin("b2", "bob", 24h);
    web.begin("c3", "cleo", 0ns);  // over at once, so that this program need not wait
    std::cout << web.user("a1") << ", " << web.user("b2") << ", " << web.user("c3") << '\n';
    web.end("b2");
    std::cout << "touched: " << std::boolalpha << web.touch("a1", 48h) << ", "
              << web.touch("c3", 1h) << '\n';
  }
  sessions again{"sessions.kv"};  // opened again, by the next process say
  std::cout << again.user("a1") << ", " << again.user("b2") << ", " << again.user("c3") << '\n';
  const auto swept = again.sweep();
  std::cout << swept.records_read << " records before the sweep, " << swept.records_kept
            << " after\n";
}
