// SPDX-License-Identifier: BSL-1.0
/// @file
/// An index policy of one's own: one entry a segment, and a verb of its own.
/// The contract: docs/policies/index.md

#include <atomic>
#include <cstring>
#include <iostream>

#include <logdb/logdb.hpp>

/// Remembers one frame in the middle of each segment, and gives the log `newest()`.
struct Halves {
  struct options {};

  static constexpr std::string_view name = "Halves";
  static constexpr std::uint32_t id = 70000;  // below 65536 they are logdb's own
  static constexpr bool reads(std::uint32_t written_by) { return written_by == id; }
  static constexpr logdb::index_hooks hooks{};  // it has none: see docs/policies/index.md

  class segment_index {
   public:
    segment_index(const options&, std::uint64_t capacity) : due_{capacity / 2} {}

    std::uint64_t due() const { return due_; }
    void note(const logdb::index_entry& entry) {
      middle_ = entry;
      due_ = std::numeric_limits<std::uint64_t>::max();
      known_.store(true, std::memory_order_release);  // pairs with the acquire in known_if()
    }
    std::optional<logdb::index_entry> floor(logdb::lsn at) const {
      return known_if([&] { return middle_.first <= at; });
    }
    std::optional<logdb::index_entry> floor(logdb::timestamp time) const {
      return known_if([&] { return middle_.time < time; });
    }
    std::vector<std::byte> encode() const {
      const auto bytes = std::as_bytes(std::span{&middle_, 1});
      return known_if([] { return true; }) ? std::vector<std::byte>{bytes.begin(), bytes.end()}
                                           : std::vector<std::byte>{};
    }
    bool decode(logdb::bytes_view bytes) {
      if (bytes.empty()) return true;
      if (bytes.size() != sizeof middle_) return false;
      logdb::index_entry entry;
      std::memcpy(&entry, bytes.data(), sizeof entry);
      note(entry);
      return true;
    }

   private:
    template <class Predicate>
    std::optional<logdb::index_entry> known_if(Predicate holds) const {
      if (!known_.load(std::memory_order_acquire) || !holds()) return std::nullopt;
      return middle_;
    }

    std::uint64_t due_;  // the writer's alone
    logdb::index_entry middle_{};
    std::atomic<bool> known_ = false;
  };

  template <class Log>
  class face : public logdb::index_face<Log> {
   public:
    logdb::lsn append(std::string_view text) { return this->view().append(logdb::as_bytes(text)); }
    std::optional<logdb::record> newest() const {
      const auto now = static_cast<const Log&>(*this).snapshot();
      if (now.size() == 0) return std::nullopt;
      return now.read(now.last_lsn());
    }
  };

  template <class Transaction>
  class transaction_face : public logdb::index_face<Transaction> {
   public:
    logdb::lsn append(std::string_view text) { return this->view().append(logdb::as_bytes(text)); }
  };
};

static_assert(logdb::index_policy<Halves>);

int main() {
  logdb::basic_log<logdb::Index<Halves>> log{"states"};
  std::cout << std::boolalpha << "a new log has a newest record: " << log.newest().has_value()
            << "\n";
  for (const char* state : {"starting", "ready", "busy"}) log.append(state);
  std::cout << "the newest: " << log.newest()->text() << "\n";
  log.close();
  return 0;
}
