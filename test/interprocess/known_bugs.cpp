// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE known_bugs
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <logdb/platform/mutex.hpp>

#include "crash/sim/atomic.hpp"
#include "crash/sim/choices.hpp"
#include "crash/sim/world.hpp"

// What searches the protocol of many processes finds two bugs that other systems had, in models of
// them: it would find the like in ours. Each model has its mended form, in which it finds nothing.

namespace {

namespace sim = logdb::sim;
using number = sim::sim_atomic<std::uint64_t>;
using mutex = logdb::platform::basic_mutex<sim::sim_system>;
using guard = std::scoped_lock<mutex>;

/// Is an append-only file that processes write behind its end.
///
/// Bug: the end is read before the lock is taken, and used after it. Whoever appended in between is
/// overwritten.
template <bool ReadsBeforeLock>
class offset_file {
 public:
  static constexpr std::uint64_t processes = 2;
  static constexpr std::uint64_t records = 2;  // of each process

  void act(std::uint64_t process) {
    for (std::uint64_t i = 0; i < records; ++i) {
      const std::uint64_t early = ReadsBeforeLock ? end_.load() : 0;
      const guard lock{mutex_};
      const std::uint64_t at = ReadsBeforeLock ? early : end_.load();
      slots_[at].store(process * records + i + 1);
      end_.store(at + 1);
    }
  }

  /// Tells whether every record that was appended is there.
  [[nodiscard]] bool holds() const {
    std::uint64_t seen = 0;
    for (std::uint64_t at = 0; at < end_.load(); ++at) seen |= 1ULL << slots_[at].load();
    return seen == (1ULL << (processes * records + 1)) - 2;
  }

 private:
  mutex mutex_;
  number end_ = 0;
  std::array<number, processes * records> slots_{};
};

/// Is a database file with a log before it. Writers append to the log; a checkpoint copies what is
/// there to the database; once all of it is copied, the next writer begins the log anew, in place.
///
/// Bug: a checkpoint notes how far the log goes before it has the lock of checkpoints. If the log
/// was begun anew meanwhile, it counts records as copied that are not there yet.
template <bool NotesBeforeLock>
class reset_log {
 public:
  static constexpr std::uint64_t processes = 3;

  void act(std::uint64_t process) {
    if (process == 0) return checkpoint();
    for (std::uint64_t i = 0; i < 2; ++i) {
      append(process * 2 + i);
      checkpoint();
    }
  }

  /// Tells whether every record is in the log or in the database.
  [[nodiscard]] bool holds() const {
    std::uint64_t seen = database_.load();
    for (std::uint64_t at = copied_.load(); at < used_.load(); ++at)
      seen |= 1ULL << log_[at].load();
    return seen == 0b111100;
  }

 private:
  void append(std::uint64_t record) {
    const guard lock{writes_};
    {
      const guard none_copies{checkpoints_};
      const std::uint64_t used = used_.load();
      if (used != 0 && copied_.load() == used) {
        used_.store(0);
        copied_.store(0);
      }
    }
    const std::uint64_t at = used_.load();
    log_[at].store(record);
    used_.store(at + 1);
  }

  void checkpoint() {
    const std::uint64_t early = NotesBeforeLock ? used_.load() : 0;
    const guard lock{checkpoints_};
    const std::uint64_t until = NotesBeforeLock ? early : used_.load();
    for (std::uint64_t at = copied_.load(); at < until; ++at) {
      database_.store(database_.load() | 1ULL << log_[at].load());
    }
    if (copied_.load() < until) copied_.store(until);
  }

  mutex writes_;
  mutex checkpoints_;
  number used_ = 0;    // records in the log
  number copied_ = 0;  // of them, to the database
  number database_ = 0;
  std::array<number, 4> log_{};
};

/// Is what a search came to.
struct outcome {
  std::uint64_t schedules = 0;
  bool broken = false;
};

/// Goes through every schedule of a model's processes with so many switches that nobody asked for,
/// until one breaks it.
template <class Model>
outcome search(std::size_t preemptions_max) {
  sim::explorer all;
  outcome found;
  do {
    sim::bounded_switching order{all, preemptions_max};
    sim::world machine{sim::disk_state{{{sim::disk::root, {}}}, {}}, 1, sim::random_source{1},
                       order};
    Model model;
    machine.run([&] {
      order.begin();
      std::vector<std::shared_ptr<sim::task>> running;
      for (std::uint64_t i = 0; i < Model::processes; ++i) {
        running.push_back(machine.processor.spawn_in(static_cast<std::uint32_t>(2 + i), [&, i] {
          machine.in_library = true;
          model.act(i);
        }));
      }
      for (const auto& each : running) machine.processor.join(*each);
      order.end();
      machine.in_library = false;
      found.broken = !model.holds();
    });
    ++found.schedules;
  } while (!found.broken && all.next());
  return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_offset_that_is_read_before_the_lock_is_found) {
  BOOST_TEST(search<offset_file<true>>(2).broken);
}

BOOST_AUTO_TEST_CASE(an_offset_that_is_read_behind_the_lock_loses_nothing_in_any_schedule) {
  const outcome found = search<offset_file<false>>(2);
  BOOST_TEST(!found.broken);
  BOOST_TEST(found.schedules > 100U);
}

BOOST_AUTO_TEST_CASE(a_log_that_is_begun_anew_under_a_checkpoint_is_found) {
  BOOST_TEST(search<reset_log<true>>(2).broken);
}

BOOST_AUTO_TEST_CASE(a_log_that_is_begun_anew_between_checkpoints_loses_nothing_in_any_schedule) {
  const outcome found = search<reset_log<false>>(2);
  BOOST_TEST(!found.broken);
  BOOST_TEST(found.schedules > 1000U);
}
