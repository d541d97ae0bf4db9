// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The raw yardsticks: what the machine allows for a durable append, an asynchronous one, a replay.
///
/// None of them is a log: no segments, no lsn, no recovery. They are the least code that does the
/// work, as fast as is known here; docs/benchmarks.md tells what was tried.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/futex.h>
#include <mutex>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <logdb/format/crc32c.hpp>

namespace bench {

inline constexpr std::size_t record_bytes = 128;

namespace detail {

inline void check(bool good, const char* what) {
  if (!good) throw std::system_error{errno, std::generic_category(), what};
}

/// Owns a file descriptor of a new file.
class raw_file {
 public:
  explicit raw_file(const std::filesystem::path& path, int flags = O_CREAT | O_TRUNC)
      : descriptor_{::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600)} {
    check(descriptor_ >= 0, "open");
  }
  raw_file(const raw_file&) = delete;
  raw_file& operator=(const raw_file&) = delete;
  ~raw_file() { ::close(descriptor_); }

  void write(std::uint64_t offset, std::span<const std::byte> bytes) const {
    const auto done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    check(done == static_cast<ssize_t>(bytes.size()), "pwrite");
  }
  void sync() const { check(::fdatasync(descriptor_) == 0, "fdatasync"); }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}
inline void futex_wake_one(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace detail

/// Is a lock that never sleeps, for benchmarks only: test-and-test-and-set, a few tries with one
/// pause between them, then a yield between them.
/// @source T. E. Anderson, "The performance of spin lock alternatives", IEEE TPDS 1990
class backoff_lock {
 public:
  void lock() {
    if (taken_.exchange(true, std::memory_order_acquire)) lock_contended();
  }
  // Pairs with the acquire in lock() and lock_contended().
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  static constexpr int pauses_max = 20;

  [[gnu::noinline]] void lock_contended() {
    int pauses = 0;
    do {
      if (pauses++ < pauses_max) {
        detail::pause();
      } else {
        std::this_thread::yield();
      }
    } while (taken_.load(std::memory_order_relaxed) ||
             taken_.exchange(true, std::memory_order_acquire));
  }

  alignas(64) std::atomic<bool> taken_{false};
};

/// Is the yardstick of the durable append: a zero-written file, one leader queue, a futex a waiter,
/// `pwrite` + `fdatasync`. The leader takes all that queued, wakes those it covered, then hands the
/// lead to the next in the queue.
/// @source group commit: DeWitt et al., SIGMOD 1984
class leader_queue {
 public:
  /// Says how a waiter waits.
  struct strategy {
    std::uint32_t yields_max = 16;  ///< at most; a quarter of the last group before it sleeps
  };
  /// Every waiter sleeps at once: the yardstick in its plainest form.
  static constexpr strategy plain{.yields_max = 0};

  leader_queue(const std::filesystem::path& path, strategy how) : file_{path}, how_{how} {
    const std::vector<std::byte> zeros(1U << 20U);
    for (std::uint64_t at = 0; at < file_bytes; at += zeros.size()) file_.write(at, zeros);
    file_.sync();
  }

  /// Returns when the record is on stable storage. @threads any
  void append(std::span<const std::byte, record_bytes> record) {
    waiter self{.record = record.data()};
    if (!enqueue(self) && await(self) == covered) return;
    lead(self);
  }

  /// Counts the syncs made so far. Call it when no append runs.
  [[nodiscard]] std::uint64_t syncs() const { return syncs_; }

 private:
  static constexpr std::uint64_t file_bytes = 64U << 20U;
  static constexpr std::uint32_t waiting = 0, leads = 1, covered = 2, asleep = 3;

  struct waiter {
    const std::byte* record;
    waiter* next = nullptr;
    std::atomic<std::uint32_t> state{waiting};
  };

  /// Returns whether the caller leads.
  bool enqueue(waiter& self) {
    const std::lock_guard guard{mutex_};
    (last_ != nullptr ? last_->next : first_) = &self;
    last_ = &self;
    return !std::exchange(led_, true);
  }

  std::uint32_t await(waiter& self) {
    // The acquire loads pair with the exchange in tell().
    for (auto i = std::min(how_.yields_max, group_size_.load(std::memory_order_relaxed) / 4); i > 0;
         --i) {
      if (const auto told = self.state.load(std::memory_order_acquire)) return told;
      std::this_thread::yield();
    }
    std::uint32_t told = waiting;
    if (!self.state.compare_exchange_strong(told, asleep, std::memory_order_acq_rel)) return told;
    while ((told = self.state.load(std::memory_order_acquire)) == asleep) {
      detail::futex_wait(self.state, asleep);
    }
    return told;
  }

  /// Tells a waiter its fate. It may be gone at once: the wake then goes to a dead address, which
  /// at worst wakes another sleeper, and each of them looks at its word again.
  static void tell(waiter& one, std::uint32_t fate) {
    auto& word = one.state;
    if (word.exchange(fate, std::memory_order_acq_rel) == asleep) detail::futex_wake_one(word);
  }

  void lead(waiter& self) {
    waiter* group = take_all();
    commit(group);
    while (group != nullptr) {
      waiter* next = group->next;
      if (group != &self) tell(*group, covered);
      group = next;
    }
    hand_over();
  }

  waiter* take_all() {
    const std::lock_guard guard{mutex_};
    last_ = nullptr;
    return std::exchange(first_, nullptr);
  }

  void commit(const waiter* group) {
    buffer_.clear();
    for (; group != nullptr; group = group->next) {
      buffer_.insert(buffer_.end(), group->record, group->record + record_bytes);
    }
    if (end_ + buffer_.size() > file_bytes) end_ = 0;
    file_.write(end_, buffer_);
    file_.sync();
    end_ += buffer_.size();
    ++syncs_;
    group_size_.store(static_cast<std::uint32_t>(buffer_.size() / record_bytes),
                      std::memory_order_relaxed);
  }

  void hand_over() {
    mutex_.lock();
    waiter* next = first_;
    led_ = next != nullptr;
    mutex_.unlock();
    if (next != nullptr) tell(*next, leads);
  }

  detail::raw_file file_;
  strategy how_;
  std::mutex mutex_;
  waiter* first_ = nullptr;  // the queue; guarded by mutex_
  waiter* last_ = nullptr;
  bool led_ = false;
  std::atomic<std::uint32_t> group_size_{0};  // a hint
  std::vector<std::byte> buffer_;             // the rest is the leader's
  std::uint64_t end_ = 0;
  std::uint64_t syncs_ = 0;
};

/// Is the yardstick of the asynchronous append: a ring in memory behind a lock, and a thread that
/// writes it to a growing file in pieces of 1 MiB. It checks nothing and syncs nothing; when
/// `synced`, it syncs all that gathered before it gives the room back, and has as much memory as
/// the log.
template <class Lock, bool synced = false>
class memory_buffer {
 public:
  explicit memory_buffer(const std::filesystem::path& path) : file_{path}, ring_(ring_bytes) {}
  memory_buffer(const memory_buffer&) = delete;
  memory_buffer& operator=(const memory_buffer&) = delete;
  ~memory_buffer() { close(); }

  /// Copies the record; waits while the ring is full. @threads any
  void append(std::span<const std::byte, record_bytes> record) {
    std::unique_lock guard{lock_};
    while (end_ + record_bytes > written_.load(std::memory_order_acquire) + ring_bytes) {
      guard.unlock();
      wait_for_room();
      guard.lock();
    }
    std::memcpy(ring_.data() + end_ % ring_bytes, record.data(), record_bytes);
    end_ += record_bytes;
    appended_.store(end_, std::memory_order_release);  // pairs with write_next()
    if (end_ % piece_bytes == 0) {
      guard.unlock();
      pieces_.fetch_add(1, std::memory_order_release);
      pieces_.notify_one();
    }
  }

  /// Waits until less than a piece is left in memory. No append may run beside it.
  void sync() const {
    for (auto seen = written_.load(); appended_.load() - seen >= piece_bytes;
         seen = written_.load()) {
      written_.wait(seen);
    }
  }

  /// Writes what is left. No append may come after it.
  void close() {
    if (!writer_.joinable()) return;
    stop_.store(true);
    pieces_.fetch_add(1);
    pieces_.notify_one();
    writer_.join();
  }

 private:
  static constexpr std::uint64_t piece_bytes = 1U << 20U;
  static constexpr std::uint64_t ring_bytes = synced ? 32U << 20U : 8U << 20U;
  static constexpr std::uint64_t write_bytes_max = synced ? ring_bytes : piece_bytes;

  void wait_for_room() {
    const auto seen = written_.load(std::memory_order_acquire);
    if (appended_.load(std::memory_order_relaxed) - seen + record_bytes > ring_bytes) {
      written_.wait(seen);
    }
  }

  void write_all() {
    for (;;) {
      const auto seen = pieces_.load(std::memory_order_acquire);
      const bool last = stop_.load();
      while (write_next(last)) continue;
      if (last) return;
      pieces_.wait(seen);
    }
  }

  bool write_next(bool partial) {
    const auto from = written_.load(std::memory_order_relaxed);
    auto bytes = std::min(appended_.load(std::memory_order_acquire) - from,
                          write_bytes_max - from % write_bytes_max);
    if (!partial) bytes -= bytes % piece_bytes;
    if (bytes == 0) return false;
    file_.write(from, std::span{ring_}.subspan(from % ring_bytes, bytes));
    if constexpr (synced) file_.sync();
    written_.store(from + bytes, std::memory_order_release);  // pairs with append()
    written_.notify_all();
    return true;
  }

  detail::raw_file file_;
  std::vector<std::byte> ring_;
  Lock lock_;
  std::uint64_t end_ = 0;  // guarded by lock_
  alignas(64) std::atomic<std::uint64_t> appended_{0};
  alignas(64) std::atomic<std::uint64_t> written_{0};
  alignas(64) std::atomic<std::uint32_t> pieces_{0};
  std::atomic<bool> stop_{false};
  std::thread writer_{[this] { write_all(); }};  // last: it uses all of the above
};

/// Is the yardstick of the replay: records with a length and a CRC in front, in a mapped file.
class mapped_walk {
 public:
  /// Writes `records` records of `bytes` bytes each, in pieces of 1 MiB.
  mapped_walk(const std::filesystem::path& path, std::uint64_t records, std::uint32_t bytes)
      : path_{path} {
    const detail::raw_file file{path};
    std::vector<std::byte> piece;
    for (std::uint64_t i = 0; i < records; ++i) {
      add_record(piece, i, bytes);
      if (piece.size() >= (1U << 20U) || i + 1 == records) {
        file.write(file_bytes_, piece);
        file_bytes_ += piece.size();
        piece.clear();
      }
    }
    file.sync();
  }

  /// Maps the file, walks it, checks every CRC. @return the records that were good
  [[nodiscard]] std::uint64_t walk() const {
    const detail::raw_file file{path_, 0};
    void* mapped = ::mmap(nullptr, file_bytes_, PROT_READ, MAP_SHARED, file.descriptor(), 0);
    detail::check(mapped != MAP_FAILED, "mmap");
    const auto good = count_good({static_cast<const std::byte*>(mapped), file_bytes_});
    ::munmap(mapped, file_bytes_);
    return good;
  }

 private:
  struct prefix {
    std::uint32_t bytes;
    std::uint32_t crc;
  };

  static std::size_t padded(std::size_t bytes) { return (bytes + 7U) & ~std::size_t{7}; }

  static void add_record(std::vector<std::byte>& to, std::uint64_t number, std::uint32_t bytes) {
    std::vector<std::byte> payload(padded(bytes));
    for (std::uint32_t i = 0; i < bytes; ++i) payload[i] = static_cast<std::byte>(number * 31 + i);
    const prefix head{bytes, logdb::format::crc32c(std::span{payload}.first(bytes))};
    const auto raw = std::as_bytes(std::span{&head, 1});
    to.insert(to.end(), raw.begin(), raw.end());
    to.insert(to.end(), payload.begin(), payload.end());
  }

  static std::uint64_t count_good(std::span<const std::byte> left) {
    std::uint64_t good = 0;
    prefix head{};
    while (left.size() >= sizeof head) {
      std::memcpy(&head, left.data(), sizeof head);
      left = left.subspan(sizeof head);
      if (head.bytes > left.size()) break;
      if (logdb::format::crc32c(left.first(head.bytes)) != head.crc) break;
      left = left.subspan(std::min(padded(head.bytes), left.size()));
      ++good;
    }
    return good;
  }

  std::filesystem::path path_;
  std::uint64_t file_bytes_ = 0;
};

}  // namespace bench
