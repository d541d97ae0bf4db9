// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// One verb of a log during which one call of the system, or one allocation, fails; then the
/// program goes on. What the log holds must be what it was told to hold: right then, after more
/// verbs, and after the next open.

#include <array>
#include <cstdint>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "power_cut.hpp"
#include "shards.hpp"
#include "story.hpp"
#include "workload.hpp"

namespace logdb::sim {

/// Says what fails: the n-th call of a kind, or the n-th allocation, of a verb.
struct verb_fault {
  std::uint64_t number = 0;  // from 1; 0: nothing fails
  bool is_allocation = false;
  call kind{};
  int failure = 0;
};

inline std::string name_of(const verb_fault& fault) {
  if (fault.is_allocation) return "allocation " + std::to_string(fault.number);
  return name_of(fault_plan{fault.kind, fault.number, 1, fault.failure});
}

/// Is how much a verb did that could have failed.
struct verb_extent {
  std::array<std::uint64_t, call_kinds> calls{};
  std::uint64_t allocations = 0;
};

/// Is a log and what it should hold.
/// @tparam Model  contents that can be compared
template <class Log, class Model>
class verb_subject {
 public:
  /// Tells whether what the last verb tried was refused.
  [[nodiscard]] bool was_refused() const { return refused_; }
  void forget_refusals() { refused_ = false; }

  void reopen() {
    log_->close();
    log_.reset();
  }

 protected:
  enum class outcome { done, refused, failed };

  /// Calls the log; what it throws must be documented.
  template <class Call>
  outcome attempt(Call call) {
    try {
      library(call);
      return outcome::done;
    } catch (const error& thrown) {
      if (thrown.condition() == errc::failed) return failed_ = true, outcome::failed;
      if (!is_documented(thrown.condition())) throw;
    } catch (const std::bad_alloc&) {
      // As documented for memory that runs out.
    }
    refused_ = true;
    return outcome::refused;
  }

  /// Makes a change; returns whether it was made.
  template <class Call>
  bool change(Model after, Call call) {
    if (failed_) return false;
    const outcome came = attempt(call);
    if (came == outcome::failed) maybe_ = std::move(after);
    if (came == outcome::done) model_ = std::move(after);
    return came == outcome::done;
  }

  [[nodiscard]] bool has_failed() const { return failed_; }
  /// Says what the log may hold, too, that has just failed.
  void may_hold(Model after) { maybe_ = std::move(after); }

  /// Closes it as a verb; the check opens it again.
  void close() {
    (void)attempt([this] { log_->close(); });
    log_.reset();
    forget_refusals();
  }

  /// Compares, once the log is open and sound, with what `read()` returns. What nobody waits for
  /// may fail behind a verb: whoever comes next is told, and a read shows what is durable; then
  /// `ask()` throws that it has failed.
  template <class Open, class Read, class Ask>
  void compare(Open open, Read read, Ask ask) {
    if (failed_ && log_ != nullptr) {
      try {
        log_->close();
      } catch (const error& thrown) {
        if (thrown.condition() != errc::failed) throw;
      }
      log_.reset();
    }
    if (log_ == nullptr) open();
    Model found;
    outcome came = attempt([&] { found = read(); });
    if (came == outcome::refused) throw mismatch{"it cannot be read"};
    if (came == outcome::done && found != model_ && !failed_) came = attempt(ask);
    if (came == outcome::failed) return compare(open, read, ask);  // behind the last verb
    if (found != model_ && failed_ && maybe_ && found == *maybe_) model_ = *maybe_;
    if (found != model_) throw mismatch{failed_ ? "lost behind a failure" : "not what it holds"};
    failed_ = false;
    maybe_.reset();
  }

  template <class Open, class Read>
  void compare(Open open, Read read) {
    compare(open, read, [] {});
  }

  std::unique_ptr<Log> log_;  // null: closed
  Model model_{};

 private:
  bool refused_ = false;
  bool failed_ = false;         // the log said so
  std::optional<Model> maybe_;  // what may be there after the next open, too
};

/// Is one run of a verb. @tparam Subject  a verb_subject with the verbs
template <class Subject>
class verb_trial {
 public:
  verb_trial(std::size_t verb, const verb_fault& fault) : verb_{verb}, fault_{fault} {}

  /// @throws  mismatch, or what nobody expects
  void run() {
    machine_.run([this] { process(); });
    if (machine_.handles() != 0) throw mismatch{"a file stayed open"};
    if (machine_.regions != 0) throw mismatch{"a mapping stayed"};
  }

  [[nodiscard]] const verb_extent& extent() const { return extent_; }

 private:
  void process() {
    Subject subject{};
    const verb_extent before = count();
    arm(before);
    subject.perform(verb_);
    measure(before);
    machine_.failing.plan({});
    machine_.allocation_to_fail = 0;
    subject.check();
    // Whatever was refused can be done now.
    subject.forget_refusals();
    subject.perform(verb_);
    if (subject.was_refused()) throw mismatch{"refused without a reason"};
    subject.check();
    subject.reopen();
    subject.check();
  }

  [[nodiscard]] verb_extent count() const {
    verb_extent now{.allocations = machine_.allocations};
    for (std::size_t kind = 0; kind < call_kinds; ++kind) {
      now.calls[kind] = machine_.failing.count(static_cast<call>(kind));
    }
    return now;
  }
  void measure(const verb_extent& before) {
    extent_ = count();
    extent_.allocations -= before.allocations;
    for (std::size_t kind = 0; kind < call_kinds; ++kind) extent_.calls[kind] -= before.calls[kind];
  }

  void arm(const verb_extent& before) {
    if (fault_.number == 0) return;
    if (fault_.is_allocation) {
      machine_.allocation_to_fail = before.allocations + fault_.number;
      return;
    }
    const std::uint64_t first = before.calls[static_cast<std::size_t>(fault_.kind)] + fault_.number;
    machine_.failing.plan({fault_.kind, first, 1, fault_.failure});
  }

  std::size_t verb_;
  verb_fault fault_;
  verb_extent extent_{};
  random_source random_{7};
  random_switching order_{random_.split()};
  world machine_{disk_state{{{disk::root, {}}}, {}}, 1, random_.split(), order_};
};

/// Is a way to run a verb of one of several logs.
struct verb_case {
  std::size_t log = 0;
  std::size_t verb = 0;
  verb_fault fault{};
};

/// Runs a case on a new subject and returns its extent.
template <class Subject>
verb_extent run_on(const verb_case& one) {
  const auto trial = std::make_unique<verb_trial<Subject>>(one.verb, one.fault);
  trial->run();
  return trial->extent();
}

/// Returns a case for each thing that can fail in each verb of each log.
/// @param run  runs a case and returns its extent
template <class Run>
std::vector<verb_case> all_verb_cases(std::size_t logs, std::size_t verbs, const Run& run) {
  std::vector<verb_case> cases;
  for (std::size_t n = 0; n < logs * verbs; ++n) {
    verb_case one{n / verbs, n % verbs};
    const verb_extent extent = run(one);
    for (std::size_t kind = 0; kind < call_kinds; ++kind) {
      for (std::uint64_t number = 1; number <= extent.calls[kind]; ++number) {
        for (const int failure : failures_of(static_cast<call>(kind))) {
          one.fault = {number, false, static_cast<call>(kind), failure};
          cases.push_back(one);
        }
      }
    }
    for (std::uint64_t number = 1; number <= extent.allocations; ++number) {
      one.fault = {number, true};
      cases.push_back(one);
    }
  }
  return cases;
}

/// Runs a share of all cases; returns what went wrong, and counts.
template <class Run, class Name>
std::string run_verb_cases(const std::vector<verb_case>& all, std::uint64_t wanted,
                           scoreboard& board, const Run& run, const Name& name) {
  const std::uint64_t step = std::max<std::uint64_t>(1, all.size() / wanted);
  return run_sharded(
      board, {.cases = all.size(), .step = step}, [&](std::uint64_t number, scoreboard& counts) {
        const verb_case& one = all.at(number);
        try {
          run(one);
        } catch (const std::exception& thrown) {
          throw mismatch{name(one) + ", " + name_of(one.fault) + ": " + thrown.what()};
        }
        counts.add(one.fault.is_allocation ? 2 : 1, 1);
      });
}

/// Runs a share of all cases of some logs, says how many, and returns what went wrong.
/// @param of    what the logs are, for the line that it prints
/// @param some  how many cases, unless LOGDB_CRASH_FAULTS says so
template <class Run>
std::string try_verbs(std::string_view of, std::span<const std::string_view> logs,
                      std::span<const std::string_view> verbs, std::uint64_t some,
                      scoreboard& board, const Run& run) {
  const auto all = all_verb_cases(logs.size(), verbs.size(), run);
  std::string failure =
      run_verb_cases(all, number_from_environment("LOGDB_CRASH_FAULTS", some), board, run,
                     [&](const verb_case& one) {
                       return std::string{logs[one.log]} + ", " + std::string{verbs[one.verb]};
                     });
  std::cout << "fault points in verbs of " << of << ": " << board.count(1) + board.count(2)
            << " of " << all.size() << ", calls " << board.count(1) << ", allocations "
            << board.count(2) << std::endl;
  return failure;
}

}  // namespace logdb::sim
