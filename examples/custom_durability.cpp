// SPDX-License-Identifier: BSL-1.0
/// @file
/// A durability policy of one's own: the thread that appends says whether it wants to wait.
/// The contract: docs/policies/durability.md

#include <iostream>

#include <logdb/logdb.hpp>

/// Waits for stable storage only while an `urgent` is alive in this thread; else syncs soon.
struct Selective {
  struct options {
    std::uint64_t staging_bytes = 4u << 20;
  };

  static constexpr std::string_view name = "Selective";
  static constexpr logdb::watermark keeps_until = logdb::watermark::durable;
  static constexpr logdb::watermark readable = logdb::watermark::appended;
  static constexpr bool background = true;
  static constexpr bool prewrites = true;
  static constexpr logdb::durability_hooks hooks{"compatible_with"};

  static logdb::loss_bounds bounds(const options&) {
    return {.delay_max = std::chrono::milliseconds{50}};
  }

  template <class View>
  static void acknowledge(View& log, std::uint64_t end) {
    if (urgency > 0) log.wait_durable(end);
  }

  template <class Policies>
  static constexpr bool compatible_with = Policies::storage::persistent;

  template <class Policies>
  static consteval void explain() {
    static_assert(compatible_with<Policies>, "Durability<Selective> waits for stable storage");
  }

  struct urgent {
    urgent() { ++urgency; }
    urgent(const urgent&) = delete;
    urgent& operator=(const urgent&) = delete;
    ~urgent() { --urgency; }
  };

 private:
  inline static thread_local int urgency = 0;
};

static_assert(logdb::durability_policy<Selective>);

int main() {
  logdb::basic_log<logdb::Durability<Selective>> log{"shop.wal"};
  log.append("somebody looked at a shoe");
  {
    const Selective::urgent here;
    const logdb::lsn paid = log.append("somebody paid for a shoe");
    std::cout << "paid is durable: " << std::boolalpha << (log.durable_lsn() >= paid) << "\n";
  }
  log.append("somebody looked at a hat");
  log.close();
  return 0;
}
