// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Who else answers a question about a file of JSON lines: commands, SQLite and DuckDB.

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "support.hpp"

#if defined(LOGDB_BENCH_SQLITE)
#include "peers/sqlite.hpp"
#endif

namespace bench {

/// A question as each of them is asked it; empty: it is not asked.
struct event_question {
  std::string title;
  std::string logdb{};
  std::string grep{};  ///< the words behind `grep -c`, in C's locale
  std::string jq{};    ///< a condition
  std::string sql{};   ///< of SQLite, of one number
  std::string duckdb{};
};

/// Returns whether a shell command ends well; what it prints is dropped.
inline bool succeeds(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

/// Runs a shell command that prints a number.
inline std::uint64_t number_from(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> out{::popen(command.c_str(), "r"), ::pclose};
  require(out != nullptr, command);
  std::array<char, 64> line{};
  require(std::fgets(line.data(), static_cast<int>(line.size()), out.get()) != nullptr, command);
  return std::strtoull(line.data(), nullptr, 10);
}

#if defined(LOGDB_BENCH_SQLITE)
/// The lines as rows of SQLite, with an index for each expression that is asked.
class sqlite_events {
 public:
  explicit sqlite_events(const std::filesystem::path& path)
      : own_{path, "CREATE TABLE e(j TEXT); BEGIN;"} {}

  void add(std::string_view event) {
    sqlite3_bind_text(add_, 1, event.data(), static_cast<int>(event.size()), SQLITE_STATIC);
    sqlite_connection::step(add_);
  }
  void finish() {
    for (const char* field : {"trace", "service", "level", "ms"}) {
      const std::string name{field};
      own_.run(("CREATE INDEX by_" + name + " ON e(j->>'" + name + "')").c_str());
    }
    own_.run("COMMIT; ANALYZE;");
  }
  std::uint64_t ask(const std::string& sql) {
    sqlite3_stmt* const asked = own_.prepare(sql.c_str());
    require(sqlite3_step(asked) == SQLITE_ROW, sql);
    return static_cast<std::uint64_t>(sqlite3_column_int64(asked, 0));
  }

 private:
  sqlite_connection own_;
  sqlite3_stmt* add_ = own_.prepare("INSERT INTO e VALUES(?)");
};
#endif

/// DuckDB in a process of its own, which has read the lines into a table.
class duckdb_events {
 public:
  /// Tells whether node and its package are here.
  static bool is_here() { return succeeds("node -e \"require('@duckdb/node-api')\""); }

  duckdb_events(const char* script, const std::filesystem::path& lines) {
    std::array<int, 2> ends{};
    require(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0, "socketpair");
    child_ = ::fork();
    require(child_ >= 0, "fork");
    if (child_ == 0) {
      ::dup2(ends[1], 0);
      ::dup2(ends[1], 1);
      ::close(ends[0]);
      ::execlp("node", "node", script, lines.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(ends[1]);
    socket_ = ::fdopen(ends[0], "r+");
    require(socket_ != nullptr && line() == "ready\n", "DuckDB did not read the events");
  }
  duckdb_events(const duckdb_events&) = delete;
  duckdb_events& operator=(const duckdb_events&) = delete;
  ~duckdb_events() {
    if (socket_ != nullptr) std::fclose(socket_);
    ::waitpid(child_, nullptr, 0);
  }

  /// Returns the number, and the seconds that it took.
  std::pair<std::uint64_t, double> ask(const std::string& sql) {
    std::fprintf(socket_, "%s\n", sql.c_str());
    std::fflush(socket_);
    const std::string answer = line();
    char* rest = nullptr;
    const std::uint64_t number = std::strtoull(answer.c_str(), &rest, 10);
    return {number, std::strtod(rest, nullptr)};
  }

 private:
  std::string line() {
    std::array<char, 128> text{};
    const bool read = std::fgets(text.data(), static_cast<int>(text.size()), socket_) != nullptr;
    return read ? text.data() : "";
  }

  pid_t child_ = -1;
  FILE* socket_ = nullptr;
};

}  // namespace bench
