// SPDX-License-Identifier: BSL-1.0
/// @file
/// What a program pays its compiler for: user seconds, peak memory and object size of small units.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "compile_units.hpp"
#include "support.hpp"
#include "targets.hpp"

namespace {

namespace fs = std::filesystem;

/// What the compiler took for a unit once.
struct cost {
  bool compiled = false;
  double seconds = 0;  ///< of processor time in user mode
  double memory = 0;   ///< bytes at the peak
  double object = 0;   ///< bytes of the file
};

/// A compiler and how it is called.
struct setting {
  std::string compiler;
  std::string level;

  [[nodiscard]] std::string name() const { return compiler + " " + level; }
};

[[noreturn]] void become(const std::vector<std::string>& words, bool quiet) {
  std::vector<char*> list;
  for (const auto& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  if (quiet && std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(127);
  if (quiet && std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(127);
  ::execvp(list.front(), list.data());
  ::_exit(127);
}

/// Runs a program and waits for it; what it took includes what the programs that it ran took.
cost run(const std::vector<std::string>& words, bool quiet) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  bench::require(child >= 0, "fork");
  if (child == 0) become(words, quiet);
  int status = 0;
  rusage used{};
  bench::require(::wait4(child, &status, 0, &used) == child, "wait4");
  return {.compiled = WIFEXITED(status) && WEXITSTATUS(status) == 0,
          .seconds = static_cast<double>(used.ru_utime.tv_sec) +
                     1e-6 * static_cast<double>(used.ru_utime.tv_usec),
          .memory = 1024.0 * static_cast<double>(used.ru_maxrss)};
}

/// A folder of units, and the compiler that turns them into objects.
class workshop {
 public:
  explicit workshop(bench::work_directory& work) : folder_{work.fresh()} {
    fs::create_directories(folder_);
  }

  /// Compiles a unit; without `must`, one that cannot be compiled is no error.
  [[nodiscard]] cost compile(const bench::unit& unit, const setting& how, bool must = true) const {
    const fs::path source = folder_ / "unit.cpp";
    const fs::path object = folder_ / "unit.o";
    std::ofstream{source} << "#include <" << unit.header << ">\n" << unit.code;
    cost seen = run({how.compiler, "-std=c++20", how.level, "-isystem", LOGDB_BENCH_INCLUDE,
                     unit.takes_compiled ? "-DLOGDB_COMPILED" : "-ULOGDB_COMPILED", "-c",
                     source.string(), "-o", object.string()},
                    !must);
    bench::require(seen.compiled || !must, how.name() + " cannot compile " + unit.name);
    if (seen.compiled) seen.object = static_cast<double>(fs::file_size(object));
    return seen;
  }

  /// Returns those of some units that can be compiled here, and names the others.
  [[nodiscard]] std::vector<bench::unit> installed(const std::vector<bench::unit>& all,
                                                   const setting& how) const {
    std::vector<bench::unit> found;
    for (const auto& each : all) {
      if (compile({each.name, each.header}, how, false).compiled) {
        found.push_back(each);
      } else {
        std::printf("left out: %s, as there is no <%s>\n", each.name.c_str(), each.header.c_str());
      }
    }
    return found;
  }

 private:
  fs::path folder_;
};

/// What all units took in all rounds, and what of it is wanted.
class comparison {
 public:
  comparison(std::vector<bench::unit> units, setting how)
      : units_{std::move(units)},
        how_{std::move(how)},
        seconds_{units_.size()},
        memory_{units_.size()},
        object_{units_.size()} {}

  void run(const workshop& shop, int rounds) {
    bench::in_turn(units_.size(), rounds, [&](std::size_t i) {
      const cost seen = shop.compile(units_[i], how_);
      seconds_.add(i, seen.seconds);
      memory_.add(i, seen.memory);
      object_.add(i, seen.object);
    });
  }

  void print() const {
    bench::table out{{how_.name(), "user s", "/ json, used", "MB", "object KB"}};
    for (std::size_t i = 0; i < units_.size(); ++i) {
      out.row({units_[i].name, bench::fixed(seconds_.median_of(i), 2),
               has_yardstick() ? seconds_.ratio_text(i, 0) : "",
               bench::fixed(memory_.median_of(i) / 1e6, 0),
               bench::fixed(object_.median_of(i) / 1e3, 0)});
    }
    out.print();
  }

  void judge(bench::targets& targets) const {
    judge_time("umbrella, unused", 0.6, targets);
    for (const auto& log : bench::presets()) {
      for (const auto& each : {log, bench::compiled(log)}) {
        judge_time(each.name, log.name.ends_with("_wal") ? 1.2 : 1.8, targets);
        targets.at_most(each.name + ", " + how_.name() + ", memory",
                        memory_.median_of(place(each.name)) / 1e6, 450, as_megabytes);
      }
    }
    judge_time("all presets", 5, targets);
    judge_time("all presets, of liblogdb", 5, targets);
  }

 private:
  static std::string as_megabytes(double value) { return bench::fixed(value, 0) + " MB"; }

  [[nodiscard]] bool has_yardstick() const {
    return units_.front().name == bench::peers().front().name;
  }
  [[nodiscard]] std::size_t place(const std::string& name) const {
    std::size_t i = 0;
    while (units_.at(i).name != name) ++i;
    return i;
  }
  void judge_time(const std::string& name, double wanted, bench::targets& targets) const {
    if (!has_yardstick()) return;
    targets.at_most(name + ", " + how_.name() + ", of json used", seconds_.ratio(place(name), 0),
                    wanted, bench::as_ratio);
  }

  std::vector<bench::unit> units_;
  setting how_;
  bench::results seconds_;
  bench::results memory_;
  bench::results object_;
};

/// Lists how units are compiled: by each compiler that is here, without and with optimisation.
std::vector<setting> settings(bool quick) {
  std::vector<setting> all;
  for (const char* compiler : {"g++", "clang++"}) {
    if (!run({compiler, "--version"}, true).compiled) {
      std::printf("left out: %s, which is not installed\n", compiler);
      continue;
    }
    all.push_back({compiler, "-O0"});
    if (!quick) all.push_back({compiler, "-O2"});
  }
  return all;
}

/// Lists what is compiled; what is not installed is left out, and said so.
std::vector<bench::unit> units(const workshop& shop, const setting& how, bool quick) {
  auto all = shop.installed(bench::peers(), how);
  all.push_back({"umbrella, unused", "logdb/logdb.hpp"});
  auto logs = bench::presets();
  if (quick) logs.resize(1);
  if (!quick) logs.push_back(bench::all_presets());
  for (const auto& each : logs) {
    all.push_back(each);
    all.push_back(bench::compiled(each));
  }
  return all;
}

}  // namespace

int main(int count, char** words) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  auto options = bench::parse(count, words);
  if (options.rounds == 7) options.rounds = 3;
  bench::work_directory work{options};
  const workshop shop{work};
  const auto all_settings = settings(options.quick);
  bench::require(!all_settings.empty(), "no compiler is installed");
  const auto all = units(shop, all_settings.front(), options.quick);
  bench::targets targets;
  for (const setting& how : all_settings) {
    comparison seen{all, how};
    seen.run(shop, options.rounds);
    seen.print();
    if (how.level == "-O2") seen.judge(targets);
  }
}
