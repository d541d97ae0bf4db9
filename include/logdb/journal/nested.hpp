// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What transactions have in common that nest: beginning, being the innermost, ending.

#include <cstddef>
#include <memory>
#include <utility>

#include <logdb/error.hpp>
#include <logdb/platform/expects.hpp>

namespace logdb::detail {

/// One transaction of those that nest in each other and share a state; rolled back when it is
/// destroyed before it ended.
///
/// The state has `push()` and `pop()` of a savepoint, how many there are as `depth()`, and a
/// `rollback()` to the last one that does not throw.
/// @threads  one at a time, of all that share the state
template <class State>
class nested {
 public:
  /// Begins the next one inside those that the state has.
  explicit nested(std::shared_ptr<State> state) : state_{std::move(state)} {
    state_->push();
    depth_ = state_->depth();
  }
  nested(nested&& other) noexcept = default;
  nested& operator=(nested&& other) noexcept {
    if (this != &other) {
      abandon();
      state_ = std::move(other.state_);
      depth_ = other.depth_;
    }
    return *this;
  }
  ~nested() { abandon(); }

  /// Begins one within this one. @errors errc::invalid_argument: it is over, or not the innermost
  [[nodiscard]] nested begin() const {
    require_innermost();
    return nested{state_};
  }
  /// Tells whether there is one around it.
  [[nodiscard]] bool is_inner() const { return depth_ > 1; }

  /// Returns the state. @errors errc::invalid_argument: it is over
  [[nodiscard]] State& require_begun() const {
    if (state_ != nullptr) return *state_;
    throw error{errc::invalid_argument, "the transaction is over"};
  }
  /// The same; @errors also if one within it is open
  State& require_innermost() const {
    if (require_begun().depth() == depth_) return *state_;
    throw error{errc::invalid_argument, "a transaction nested in this one is still open"};
  }

  /// Ends it with what was done, and returns the state. None within it is open.
  std::shared_ptr<State> end() {
    LOGDB_EXPECTS(state_ != nullptr && state_->depth() <= depth_);
    return std::exchange(state_, nullptr);
  }
  /// Takes back what was done since it began, also by those within it that were left open.
  void abandon() noexcept {
    const auto state = std::exchange(state_, nullptr);
    if (state == nullptr) return;
    while (state->depth() >= depth_) {
      state->rollback();
      state->pop();
    }
  }

 private:
  std::shared_ptr<State> state_;  // null: over
  std::size_t depth_ = 0;         // 1: outermost
};

}  // namespace logdb::detail
