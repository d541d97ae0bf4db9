// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `fiber`: a function with a stack of its own that runs when it is told to; the simulation's
/// threads.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <cxxabi.h>
#include <functional>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <ucontext.h>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define LOGDB_SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOGDB_SIM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define LOGDB_SIM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOGDB_SIM_TSAN 1
#endif
#endif

#ifdef LOGDB_SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef LOGDB_SIM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace logdb::sim {

#if defined(LOGDB_SIM_ASAN) || defined(LOGDB_SIM_TSAN)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif

namespace detail {

/// Is memory for one stack, with a page below it that nobody may touch; kept for the next fiber.
class stack {
 public:
  static constexpr std::size_t page_bytes = 4096;
  static constexpr std::size_t bytes = std::size_t{is_sanitized ? 1024 : 256} << 10;

  stack() : memory_{take()} {
#ifdef LOGDB_SIM_ASAN
    ASAN_UNPOISON_MEMORY_REGION(bottom(), bytes);  // frames that were left without returning
#endif
  }
  stack(const stack&) = delete;
  stack& operator=(const stack&) = delete;
  ~stack() { spare().push_back(memory_); }

  [[nodiscard]] std::byte* bottom() const { return memory_ + page_bytes; }

 private:
  static std::vector<std::byte*>& spare() {
    static std::vector<std::byte*> kept;
    return kept;
  }

  static std::byte* take() {
    if (spare().empty()) return make();
    std::byte* const memory = spare().back();
    spare().pop_back();
    return memory;
  }

  static std::byte* make() {
    void* const memory = ::mmap(nullptr, page_bytes + bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc{};
    ::mprotect(memory, page_bytes, PROT_NONE);
    return static_cast<std::byte*>(memory);
  }

  std::byte* memory_;
};

/// Is what the C++ runtime knows of the exceptions in flight on one stack. The layout is that of
/// the Itanium ABI.
struct exception_state {
  std::array<std::byte, 2 * sizeof(void*)> bytes{};

  /// Exchanges this with what the thread has.
  void exchange() {
    void* const live = abi::__cxa_get_globals();
    std::array<std::byte, 2 * sizeof(void*)> kept{};
    std::memcpy(kept.data(), live, kept.size());
    std::memcpy(live, bytes.data(), bytes.size());
    bytes = kept;
  }
};

}  // namespace detail

/// Runs a function bit by bit: resume() enters it, suspend() within it leaves it.
///
/// The function must not throw. One that is destroyed before its end is dropped without unwinding.
/// @threads  one
class fiber {
 public:
  explicit fiber(std::function<void()> body) : body_{std::move(body)} {
    ::getcontext(&own_);
    own_.uc_stack.ss_sp = stack_.bottom();
    own_.uc_stack.ss_size = detail::stack::bytes;
    own_.uc_link = nullptr;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    // makecontext passes ints only.
    ::makecontext(&own_, reinterpret_cast<void (*)()>(&fiber::enter), 2,
                  static_cast<unsigned>(self >> 32), static_cast<unsigned>(self & 0xffffffffu));
#ifdef LOGDB_SIM_TSAN
    tsan_own_ = __tsan_create_fiber(0);
#endif
  }
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;
  ~fiber() {
#ifdef LOGDB_SIM_TSAN
    __tsan_destroy_fiber(tsan_own_);
#endif
  }

  [[nodiscard]] bool is_done() const { return done_; }

  /// Goes on with the function until it suspends or ends.
  void resume() {
    exceptions_.exchange();
#ifdef LOGDB_SIM_ASAN
    __sanitizer_start_switch_fiber(&asan_main_, stack_.bottom(), detail::stack::bytes);
#endif
#ifdef LOGDB_SIM_TSAN
    tsan_main_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(tsan_own_, 0);
#endif
    ::swapcontext(&main_, &own_);
#ifdef LOGDB_SIM_ASAN
    __sanitizer_finish_switch_fiber(asan_main_, nullptr, nullptr);
#endif
    exceptions_.exchange();
  }

  /// Returns to who resumed it. Only from within.
  void suspend() {
#ifdef LOGDB_SIM_ASAN
    __sanitizer_start_switch_fiber(done_ ? nullptr : &asan_own_, main_bottom_, main_bytes_);
#endif
#ifdef LOGDB_SIM_TSAN
    __tsan_switch_to_fiber(tsan_main_, 0);
#endif
    ::swapcontext(&own_, &main_);
#ifdef LOGDB_SIM_ASAN
    __sanitizer_finish_switch_fiber(asan_own_, &main_bottom_, &main_bytes_);
#endif
  }

 private:
  static void enter(unsigned high, unsigned low) {
    const std::uintptr_t self = (static_cast<std::uintptr_t>(high) << 32) | low;
    reinterpret_cast<fiber*>(self)->run();
  }

  void run() {
#ifdef LOGDB_SIM_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &main_bottom_, &main_bytes_);
#endif
    body_();
    body_ = nullptr;
    done_ = true;
    suspend();
  }

  std::function<void()> body_;
  detail::stack stack_;
  ::ucontext_t own_{};
  ::ucontext_t main_{};
  detail::exception_state exceptions_;  // the other side's while one runs
  bool done_ = false;
#ifdef LOGDB_SIM_ASAN
  void* asan_main_ = nullptr;
  void* asan_own_ = nullptr;
  const void* main_bottom_ = nullptr;
  std::size_t main_bytes_ = 0;
#endif
#ifdef LOGDB_SIM_TSAN
  void* tsan_own_ = nullptr;
  void* tsan_main_ = nullptr;
#endif
};

}  // namespace logdb::sim
