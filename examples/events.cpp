// SPDX-License-Identifier: BSL-1.0
/// @file
/// A log of JSON events at the command line: loads lines, finds, counts, sums, follows, exports.
///
///     events app.events load app.jsonl
///     journalctl -o json | events journal.events load
///     events app.events find 'level:ERROR service:api | newest 10'
///     events app.events sum '_time:15m | count by service'
///     events app.events draw 'level:ERROR | histogram 1m'
///     events app.events follow 'level:ERROR'
///     events journal.events --time __REALTIME_TIMESTAMP count _time:15m

#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <stop_token>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <logdb/event_log.hpp>

#include "events_show.hpp"

namespace {

constexpr std::size_t piece_bytes = 1u << 20;  // of lines that are appended at once

constexpr const char* usage =
    "events LOG load [FILE]          appends the lines of a file, or of the standard input, such "
    "as\n"
    "                                that of `journalctl -o json`\n"
    "events LOG find [QUERY]         prints the events that match, each behind its number\n"
    "events LOG sum QUERY            prints the answer of the aggregate that the query ends with\n"
    "events LOG draw QUERY           draws the histogram that the query ends with\n"
    "events LOG count [QUERY]        prints how many match\n"
    "events LOG follow [QUERY] [N]   prints those that match as they come, N of them\n"
    "events LOG export [QUERY]       prints those that match as lines that `load` takes\n"
    "events LOG explain [QUERY]      prints what answering takes\n"
    "Behind LOG may stand `--time FIELD`, where the events have their time, and `--color`: what "
    "was\n"
    "found is red, as it is on a terminal.\n";

/// What the command line says behind the log.
struct words {
  std::string time_field{};
  bool color = ::isatty(STDOUT_FILENO) == 1;
  std::vector<std::string> rest{};  // the verb, and what it takes
};

/// Appends lines a piece at a time, and tells what was refused.
class loader {
 public:
  explicit loader(const std::string& path) : events_{path} {}

  /// Returns how many lines were refused.
  /// @param whole  the bytes of the input; 0: nobody knows
  std::uint64_t load(std::istream& in, std::uint64_t whole) {
    std::string piece, line;
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
    show::progress bar{whole};
    while (std::getline(in, line)) {
      ++lines;
      bytes += line.size() + 1;
      bar.at(bytes);
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

/// Prints matches; on a terminal with what was found in red.
class printer {
 public:
  printer(const logdb::event_log& events, const std::string& query, bool color)
      : fields_{events.compile(query)} {
    if (color) show::add_texts(events.compile(query).where(), texts_);
  }
  void operator()(const logdb::record& event) const {
    const std::string text{fields_.is_empty() ? std::string{event.text()}
                                              : fields_.text(event.text(), site_of(event))};
    std::cout << event.lsn() << ' ' << show::highlighted(text, texts_) << std::endl;
  }

 private:
  static logdb::query::event_site site_of(const logdb::record& event) {
    return {.appended = event.time(), .at = event.lsn()};
  }

  logdb::query::field_view fields_;
  std::vector<std::string> texts_{};
};

void follow(logdb::event_log& events, const std::string& query, std::uint64_t most, bool color) {
  const printer put{events, query, color};
  std::stop_source stop;
  for (const auto& event : events.tail(query, events.last_lsn() + 1, stop.get_token())) {
    put(event);
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

bool ask(const std::string& path, const words& said) {
  logdb::event_log::options options;
  options.mode = logdb::open_mode::read_only;  // beside a program that writes it
  options.index.time_field = said.time_field;
  logdb::event_log events{path, options};
  const std::string& verb = said.rest[0];
  const std::string& query = said.rest[1];
  if (verb == "find") {
    const printer put{events, query, said.color};
    for (const auto& event : events.query(query)) put(event);
  } else if (verb == "count") {
    std::cout << events.count(query) << '\n';
  } else if (verb == "sum") {
    print(events.aggregate(query));
  } else if (verb == "draw") {
    show::draw(events.aggregate(query));
  } else if (verb == "follow") {
    const auto most = said.rest[2].empty() ? std::numeric_limits<std::uint64_t>::max()
                                           : std::stoull(said.rest[2]);
    follow(events, query, most, said.color);
  } else if (verb == "export") {
    events.export_lines(query, [](std::string_view line) { std::cout << line; });
  } else if (verb == "explain") {
    explain(events, query);
  } else {
    return false;
  }
  return true;
}

int load(const std::string& path, const std::string& name) {
  if (name.empty()) return loader{path}.load(std::cin, 0) == 0 ? 0 : EXIT_FAILURE;
  std::ifstream file{name};
  if (!file) {
    std::cerr << name << " cannot be read\n";
    return EXIT_FAILURE;
  }
  std::error_code unknown;  // of a pipe, for example
  const auto whole = std::filesystem::file_size(name, unknown);
  return loader{path}.load(file, unknown ? 0 : whole) == 0 ? 0 : EXIT_FAILURE;
}

int run(int count, char** arguments) {
  words said;
  for (int i = 2; i < count; ++i) {
    const std::string word = arguments[i];
    if (word == "--color") {
      said.color = true;
    } else if (word == "--time" && i + 1 < count) {
      said.time_field = arguments[++i];
    } else {
      said.rest.push_back(word);
    }
  }
  const bool has_verb = !said.rest.empty();
  said.rest.resize(3);
  if (has_verb && said.rest[0] == "load") return load(arguments[1], said.rest[1]);
  if (has_verb && ask(arguments[1], said)) return 0;
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
