// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `world`: one simulated machine with one process on it. Tests make one after another; the latest
/// that runs is what `sim_system` talks to.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "disk.hpp"
#include "faults.hpp"
#include "scheduler.hpp"

namespace logdb::sim {

/// Is a machine: its disk, its processor, what it counts and what of it fails.
class world {
 public:
  using handle = int;

  static constexpr std::uint64_t no_boot_id = 0;  // of a machine that does not tell

  /// Is an open file or directory.
  struct open_file {
    inode_ptr file;         // null: a directory
    std::string directory;  // its path
    std::string name;       // of the file
    std::uint32_t process = 1;
  };

  world(const disk_state& state, std::uint64_t boot_number, random_source seed, switching& order)
      : storage{state}, boot{boot_number}, random{seed}, processor{order} {}
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Runs a function as the process of this machine, until all its threads have ended.
  /// @throws  what the function or a thread threw; std::runtime_error on a deadlock
  void run(std::function<void()> process) {
    const entered scope{*this};
    processor.run(std::move(process));
  }

  /// Counts an allocation if it is the library's; returns whether it is to fail.
  [[nodiscard]] bool fails_allocation() {
    if (!in_library || !in_log_call) return false;
    ++allocations;
    if (allocation_to_fail == 0 || allocations < allocation_to_fail) return false;
    return allocations_fail_on || allocations == allocation_to_fail;
  }

  /// Is the one that runs. Null outside of run().
  static world*& current() {
    static world* running = nullptr;
    return running;
  }

  /// Opens a handle; as on POSIX the lowest that is free.
  handle add(open_file opened) {
    handle lowest = 3;
    while (handles_.contains(lowest)) ++lowest;
    opened.process = processor.process();
    handles_.emplace(lowest, std::move(opened));
    return lowest;
  }
  [[nodiscard]] open_file* find(handle of) {
    const auto found = handles_.find(of);
    return found == handles_.end() ? nullptr : &found->second;
  }
  /// Returns what a lock of an open file or directory is a lock of; null: nothing.
  [[nodiscard]] inode* find_lockable(handle of) {
    open_file* const opened = find(of);
    if (opened == nullptr) return nullptr;
    return opened->file ? opened->file.get() : storage.find_itself(opened->directory);
  }
  void remove(handle of) {
    release_locks(of);
    handles_.erase(of);
  }

  /// Ends a process, as `kill -9` does: what it had open is closed, and its locks are free.
  void kill(std::uint32_t process) {
    std::erase_if(handles_, [this, process](const auto& each) {
      if (each.second.process != process) return false;
      release_locks(each.first);
      return true;
    });
    dead.insert(process);
    processor.kill(process);
  }
  [[nodiscard]] std::size_t handles() const { return handles_.size(); }

  disk storage;
  std::uint64_t boot;  // the number of this start of the machine
  random_source random;
  scheduler processor;
  faults failing;
  std::set<std::uint32_t> dead{};        // processes that were killed
  std::size_t regions = 0;               // mapped now
  bool in_library = false;               // false while the simulation itself runs
  bool in_log_call = false;              // a test called the log, and it has not returned
  std::uint64_t allocations = 0;         // of the library
  std::uint64_t allocation_to_fail = 0;  // from 1; 0: none
  bool allocations_fail_on = false;      // and from then on
  bool traces = std::getenv("LOGDB_CRASH_TRACE") != nullptr;  // tells each call
  std::function<void()> on_step{};  // called before each call takes effect

 private:
  struct entered {
    explicit entered(world& now) : before{std::exchange(current(), &now)} {}
    entered(const entered&) = delete;
    entered& operator=(const entered&) = delete;
    ~entered() { current() = before; }
    world* before;
  };

  void release_locks(handle of) {
    inode* const locked = find_lockable(of);
    if (locked == nullptr) return;
    const auto own = static_cast<std::uint64_t>(of);
    if (locked->locked_by == own) locked->locked_by = 0;
    locked->shared_by.erase(own);
    std::erase_if(locked->ranges, [own](const auto& each) { return each.by == own; });
  }

  std::map<handle, open_file> handles_;
};

/// Calls the log for a test: what allocates meanwhile is the library, or the simulation below it.
template <class Call>
decltype(auto) library(Call&& run) {
  struct scope {
    scope() { world::current()->in_log_call = world::current()->in_library = true; }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { world::current()->in_log_call = false; }
  };
  const scope inside;
  return run();
}

/// Stands around each call into the simulation: its own allocations never fail, others may run
/// before the call takes effect, and it may fail.
class system_call {
 public:
  /// @param cost  how long it takes; others run only if it takes time
  explicit system_call(nanoseconds cost) : machine_{*world::current()} {
    machine_.in_library = false;
    if (cost == nanoseconds{0}) return;
    machine_.processor.point(cost);
    machine_.in_library = false;  // another task may have run
    if (machine_.on_step) machine_.on_step();
  }
  /// Lets others run first.
  explicit system_call(std::nullptr_t) : machine_{*world::current()} {
    machine_.in_library = false;
    machine_.processor.yield();
    machine_.in_library = false;
    if (machine_.on_step) machine_.on_step();
  }
  system_call(call kind, nanoseconds cost, world::handle on = -1, std::string_view name = "")
      : system_call{cost} {
    fault_ = machine_.failing.ask(kind);
    if (machine_.traces) trace(kind, on, name);
  }
  system_call(const system_call&) = delete;
  system_call& operator=(const system_call&) = delete;
  ~system_call() { machine_.in_library = true; }

  /// Lets the call last, every other time, so that others get far while it does.
  void last(nanoseconds time) const {
    if (machine_.random.one_in(2)) return;
    machine_.processor.pause(machine_.random.one_in(4) ? 100 * time : time);
    machine_.in_library = false;
    if (machine_.on_step) machine_.on_step();
  }

  world* operator->() const { return &machine_; }
  world& operator*() const { return machine_; }
  /// Returns how it fails: an errno, short_transfer, or 0.
  [[nodiscard]] int fault() const { return fault_; }

 private:
  void trace(call kind, world::handle on, std::string_view name) const {
    const auto* const file = machine_.find(on);
    std::cerr << machine_.processor.points() << ' ' << machine_.processor.current() << ' '
              << call_names[static_cast<std::size_t>(kind)] << ' '
              << (file == nullptr ? "" : file->name) << name
              << (fault_ == 0 ? "" : " fails " + std::to_string(fault_)) << '\n';
  }

  world& machine_;
  int fault_ = 0;
};

}  // namespace logdb::sim
