// SPDX-License-Identifier: BSL-1.0
/// @file
/// A log of JSON events at the command line: loads lines, finds, counts, sums, follows, exports.
///
///     events app.events load < app.jsonl
///     events app.events find 'level:ERROR service:api | newest 10'
///     events app.events sum '_time:15m | count by service'
///     events app.events follow 'level:ERROR'

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <limits>
#include <stop_token>
#include <string>
#include <string_view>

#include <logdb/event_log.hpp>

namespace {

constexpr std::size_t piece_bytes = 1u << 20;  // of lines that are appended at once

constexpr const char* usage =
    "events LOG load [FILE]          appends the lines of a file, or of the standard input\n"
    "events LOG find [QUERY]         prints the events that match, each behind its number\n"
    "events LOG sum QUERY            prints the answer of the aggregate that the query ends with\n"
    "events LOG count [QUERY]        prints how many match\n"
    "events LOG follow [QUERY] [N]   prints those that match as they come, N of them\n"
    "events LOG export [QUERY]       prints those that match as lines that `load` takes\n"
    "events LOG explain [QUERY]      prints what answering takes\n";

/// Appends lines a piece at a time, and tells what was refused.
class loader {
 public:
  explicit loader(const std::string& path) : events_{path} {}

  /// Returns how many lines were refused.
  std::uint64_t load(std::istream& in) {
    std::string piece, line;
    std::uint64_t lines = 0;
    while (std::getline(in, line)) {
      ++lines;
      piece += line;
      if (!in.eof()) piece += '\n';
      if (piece.size() >= piece_bytes) append(piece, lines);
    }
    append(piece, lines);
    events_.close();
    std::cout << appended_ << " events appended, " << refused_ << " lines refused\n";
    return refused_;
  }

 private:
  void append(std::string& piece, std::uint64_t lines) {
    const logdb::appended_lines report = events_.append_lines(piece);
    for (const auto& refused : report.refused) {
      std::cerr << "line " << before_ + refused.line << ", byte " << refused.byte << ": expected "
                << refused.reason << '\n';
    }
    appended_ += report.appended;
    refused_ += report.refused_total;
    before_ = lines;
    piece.clear();
  }

  logdb::event_log events_;
  std::uint64_t before_ = 0;  // lines in the pieces before
  std::uint64_t appended_ = 0;
  std::uint64_t refused_ = 0;
};

void print(const logdb::record& event) {
  std::cout << event.lsn() << ' ' << event.text() << std::endl;
}

void follow(logdb::event_log& events, const std::string& query, std::uint64_t most) {
  std::stop_source stop;
  for (const auto& event : events.tail(query, events.last_lsn() + 1, stop.get_token())) {
    print(event);
    if (--most == 0) return;
  }
}

std::string_view text_of(const logdb::query::answer_value& value) {
  return value.is == logdb::query::answer_value::kind::absent ? "-" : std::string_view{value.text};
}

/// Prints groups, or buckets, a line each.
void print(const logdb::query::answer& answer) {
  for (const auto& row : answer.rows) {
    std::cout << row.count;
    for (const auto* values : {&row.values, &row.figures}) {
      for (const auto& value : *values) std::cout << '\t' << text_of(value);
    }
    std::cout << '\n';
  }
  for (std::size_t bucket = 0; bucket < answer.buckets; ++bucket) {
    const auto begin = answer.begin + bucket * answer.width;
    std::cout << logdb::query::print_time(begin);
    for (const auto& series : answer.series) {
      std::cout << '\t' << text_of(series.value) << ' ' << series.counts[bucket];
    }
    std::cout << '\n';
  }
}

void explain(const logdb::event_log& events, const std::string& query) {
  const logdb::query_report report = events.explain(query);
  std::cout << "query    " << report.query << '\n'
            << "segments " << report.segments << '\n'
            << "events   " << report.events << ", " << report.bytes << " bytes\n"
            << "excluded " << report.excluded << " without parsing them\n"
            << "matched  " << report.matched << '\n';
}

bool ask(const std::string& path, const std::string& verb, const std::string& query,
         std::uint64_t most) {
  logdb::event_log::options options;
  options.mode = logdb::open_mode::read_only;  // beside a program that writes it
  logdb::event_log events{path, options};
  if (verb == "find") {
    for (const auto& event : events.query(query)) print(event);
  } else if (verb == "count") {
    std::cout << events.count(query) << '\n';
  } else if (verb == "sum") {
    print(events.aggregate(query));
  } else if (verb == "follow") {
    follow(events, query, most);
  } else if (verb == "export") {
    events.export_lines(query, [](std::string_view line) { std::cout << line; });
  } else if (verb == "explain") {
    explain(events, query);
  } else {
    return false;
  }
  return true;
}

int run(int count, char** words) {
  const std::string verb = count > 2 ? words[2] : "";
  const std::string word = count > 3 ? words[3] : "";
  if (verb == "load") {
    std::ifstream file;
    if (!word.empty()) file.open(word);
    if (!file) {
      std::cerr << word << " cannot be read\n";
      return EXIT_FAILURE;
    }
    return loader{words[1]}.load(word.empty() ? std::cin : file) == 0 ? 0 : EXIT_FAILURE;
  }
  const auto most = count > 4 ? std::stoull(words[4]) : std::numeric_limits<std::uint64_t>::max();
  if (count > 2 && ask(words[1], verb, word, most)) return 0;
  std::cerr << usage;
  return EXIT_FAILURE;
}

}  // namespace

int main(int count, char** words) {
  try {
    return run(count, words);
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return EXIT_FAILURE;
  }
}
