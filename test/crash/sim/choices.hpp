// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Where the simulation's decisions come from: a seed, a rule, or all there are one after another.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace logdb::sim {

/// Draws numbers that a seed determines (splitmix64).
class random_source {
 public:
  explicit random_source(std::uint64_t seed) : state_{seed} {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t value = state_;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
  }
  /// Returns a number below `n`, which is at least 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  /// Returns a source that is independent of what this one goes on to give.
  random_source split() { return random_source{next()}; }

 private:
  std::uint64_t state_;
};

/// Decides between `n` possibilities, over and over.
class chooser {
 public:
  chooser() = default;
  chooser(const chooser&) = delete;
  chooser& operator=(const chooser&) = delete;
  virtual ~chooser() = default;
  /// Returns a number below `n`, which is at least 1.
  virtual std::size_t choose(std::size_t n) = 0;
};

/// Goes through every sequence of decisions, depth first.
///
/// Usage: `explorer all; do { use(all); } while (all.next());`
class explorer final : public chooser {
 public:
  std::size_t choose(std::size_t n) override {
    if (n <= 1) return 0;
    if (depth_ == path_.size()) path_.push_back({0, n});
    return path_[depth_++].taken;
  }

  /// Prepares the next sequence; false: there is none.
  bool next() {
    depth_ = 0;
    while (!path_.empty()) {
      if (++path_.back().taken < path_.back().of) return true;
      path_.pop_back();
    }
    return false;
  }

  [[nodiscard]] std::vector<std::size_t> path() const {
    std::vector<std::size_t> taken;
    for (const decision& one : path_) taken.push_back(one.taken);
    return taken;
  }

 private:
  struct decision {
    std::size_t taken;
    std::size_t of;
  };

  std::vector<decision> path_;
  std::size_t depth_ = 0;
};

/// Takes the last possibility each time, and counts what there was to decide.
class counting_chooser final : public chooser {
 public:
  static constexpr std::uint64_t many = std::uint64_t{1} << 32;

  std::size_t choose(std::size_t n) override {
    if (n > 1) ++decisions_;
    if (sequences_ < many) sequences_ *= n;
    return n - 1;
  }
  [[nodiscard]] std::size_t decisions() const { return decisions_; }
  /// Returns how many sequences there are, `many` or above when there are more than that.
  [[nodiscard]] std::uint64_t sequences() const { return sequences_; }

 private:
  std::size_t decisions_ = 0;
  std::uint64_t sequences_ = 1;
};

/// Draws decisions that favour extremes: all the first, all the last, all but one, a mixture.
class sampling_chooser final : public chooser {
 public:
  /// @param decisions  about how many there will be
  sampling_chooser(random_source random, std::size_t decisions)
      : random_{random}, style_{random_.below(6)}, odd_{random_.below(decisions + 1)} {
    share_ = 1 + random_.below(15);
  }

  std::size_t choose(std::size_t n) override {
    if (n <= 1) return 0;
    const bool is_odd = at_++ == odd_;
    switch (style_) {
      case 0: return is_odd ? random_.below(n) : 0;
      case 1: return is_odd ? random_.below(n) : n - 1;
      case 2: return at_ <= odd_ ? n - 1 : 0;  // in order, as a disk without a cache would
      case 3: return random_.below(16) < share_ ? n - 1 : 0;
      case 4: return random_.below(16) < share_ ? n - 1 : random_.below(n);
      default: return random_.below(n);
    }
  }

 private:
  random_source random_;
  std::size_t style_;
  std::size_t odd_;
  std::size_t share_ = 0;  // of 16
  std::size_t at_ = 0;
};

}  // namespace logdb::sim
