// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a segment knows of its summary: whether it is open, and whether it is to be made.

#include <cstdint>
#include <memory>
#include <utility>

#include <logdb/platform/atomic.hpp>
#include <logdb/query/summary/bytes/reader.hpp>

namespace logdb::detail {

/// A summary whose head was checked, with the bytes that it views.
class open_summary {
 public:
  explicit open_summary(query::summary_view view) : view_{view} {}
  open_summary(const open_summary&) = delete;
  open_summary& operator=(const open_summary&) = delete;
  virtual ~open_summary() = default;

  [[nodiscard]] const query::summary_view& view() const { return view_; }

 private:
  friend class summary_slot;
  query::summary_view view_;
  std::unique_ptr<const open_summary> older_{};  // was shown before; somebody may still read it
};

/// One whose bytes are a mapping.
template <class Mapping>
class mapped_summary : public open_summary {
 public:
  mapped_summary(query::summary_view view, Mapping bytes)
      : open_summary{view}, bytes_{std::move(bytes)} {}

 private:
  Mapping bytes_;
};

/// Where the summary of one segment is found. What was shown once stays as long as the segment.
/// @threads  show(): one at a time; the rest: any
class summary_slot {
 public:
  enum class state : std::uint8_t {
    unknown,  ///< nobody has looked for it
    there,    ///< it is there, as far as is known
    wanted,   ///< what is there is of no use
    none,     ///< none is to be made: it would not fit its budget, or the segment is damaged
  };

  summary_slot() = default;
  summary_slot(const summary_slot&) = delete;
  summary_slot& operator=(const summary_slot&) = delete;
  ~summary_slot() { delete shown_.load(std::memory_order_acquire); }

  /// Returns the summary that was opened last; null: none was, or it is of no use.
  [[nodiscard]] const open_summary* current() const {
    if (known() == state::wanted) return nullptr;
    return shown_.load(std::memory_order_acquire);  // pairs with show()
  }

  /// Shows a summary to whoever asks from now on, unless somebody was faster.
  /// @return  the one that is shown
  const open_summary* show(std::unique_ptr<open_summary> made) {
    const open_summary* before = shown_.load(std::memory_order_acquire);
    if (before != nullptr && known() != state::wanted) return before;
    made->older_.reset(before);
    const open_summary* const fresh = made.get();
    if (!shown_.compare_exchange_strong(before, fresh, std::memory_order_acq_rel)) {
      (void)made->older_.release();
      return before;
    }
    (void)made.release();
    note(state::there);
    return fresh;
  }

  [[nodiscard]] state known() const { return state_.load(std::memory_order_acquire); }
  void note(state now) { state_.store(now, std::memory_order_release); }

 private:
  platform::atomic<const open_summary*> shown_ = nullptr;  // the newest; owns those before
  platform::atomic<state> state_ = state::unknown;
};

}  // namespace logdb::detail
