// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `sample`: some of many, each as likely as any other.

#include <cstddef>
#include <vector>

#include "choices.hpp"

namespace logdb::sim {

/// Keeps some of what it sees, each as likely as any other.
///
/// @source  reservoir sampling: Vitter, ACM TOMS 1985, algorithm R
template <class T>
class sample {
 public:
  sample(std::size_t room, random_source random) : room_{room}, random_{random} {}

  /// Sees one more, which is made only if it is kept.
  template <class Make>
  void see(Make&& make) {
    const std::size_t number = seen_++;
    if (room_ == 0) return;
    const std::size_t place = number < room_ ? number : random_.below(number + 1);
    if (place >= room_) return;
    if (place >= kept_.size()) kept_.emplace_back();
    kept_[place] = make();
  }

  [[nodiscard]] const std::vector<T>& kept() const { return kept_; }
  [[nodiscard]] std::size_t seen() const { return seen_; }

 private:
  std::size_t room_;
  random_source random_;
  std::size_t seen_ = 0;
  std::vector<T> kept_;
};

}  // namespace logdb::sim
