// SPDX-License-Identifier: BSL-1.0
// The examples of docs/events.md: page FILE. In each block that is fenced as ```query, a line is a
// query, `+ event` one that it finds, `- event` one that it does not, `! text` what its error
// shows, `= text` its answer over the events that it finds.
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/error.hpp>

#include "unit/query/asked.hpp"
#include "unit/query/shown.hpp"

namespace {

/// The examples of a page, checked line by line.
class page {
 public:
  void read(std::string_view line) {
    if (line.starts_with("```")) {
      finish();
      inside_ = line == "```query";
    } else if (inside_ && line.empty()) {
      finish();
    } else if (inside_) {
      example(line);
    }
  }

  /// Ends a query: what its error shows was read as a whole.
  void finish() {
    if (!error_.empty()) check(message().starts_with(error_), "! " + error_);
    if (!answer_.empty()) check(answer() == answer_, "= " + answer());
    check(query_.empty() || used_, query_);
    query_.clear();
    error_.clear();
    answer_.clear();
    events_.clear();
    used_ = false;
  }

  [[nodiscard]] int result() const {
    std::printf("%d passed, %d failed\n", passed_, failed_);
    return failed_ == 0 && passed_ > 100 ? 0 : 1;
  }

 private:
  void example(std::string_view line) {
    if (query_.empty()) {
      query_ = line;
      return;
    }
    used_ = true;
    const std::string rest{line.substr(2)};
    if (line.starts_with("! ")) {
      error_ += (error_.empty() ? "" : "\n") + rest;
    } else if (line.starts_with("= ")) {
      answer_ += rest + "; ";
    } else {
      if (line.starts_with("+ ")) events_.push_back(rest);
      check(logdb::test::finds(query_, rest) == line.starts_with("+ "), std::string{line});
    }
  }

  [[nodiscard]] std::string answer() const {
    logdb::query::aggregator counting{logdb::query::compile(query_)};
    for (const std::string& event : events_) {
      counting.add(event, {.appended = logdb::test::noon(), .at = logdb::lsn{7}});
    }
    return logdb::test::shown(counting.result());
  }

  [[nodiscard]] std::string message() const {
    try {
      logdb::query::compile(query_);
    } catch (const logdb::error& failure) {
      if (failure.condition() == logdb::errc::bad_query) return failure.what();
    }
    return {};
  }

  void check(bool holds, const std::string& what) {
    ++(holds ? passed_ : failed_);
    if (!holds) std::printf("%s\n  %s\n%s\n", query_.c_str(), what.c_str(), message().c_str());
  }

  bool inside_ = false;
  bool used_ = false;  // an example stood below the query
  std::string query_{};
  std::string error_{};
  std::string answer_{};
  std::vector<std::string> events_{};
  int passed_ = 0;
  int failed_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  std::ifstream file{arguments[1]};
  page read;
  for (std::string line; std::getline(file, line);) read.read(line);
  read.finish();
  return read.result();
}
