// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// `model_transaction`: a transaction, nested and rolled back as an input chooses, beside a vector
/// that should hold the same.

#include <string>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

#include "input.hpp"
#include "require.hpp"

namespace logdb::fuzz {

/// Runs one transaction to its commit or rollback.
template <class Log>
class model_transaction {
 public:
  model_transaction(Log& log, const std::vector<std::string>& before, input& in)
      : log_{log}, before_{before}, in_{in} {}

  /// Returns what the transaction holds; after run(), what it committed.
  [[nodiscard]] const std::vector<std::string>& records() const { return records_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// @return  the lsn of its last record; when it is rolled back, the log's last
  lsn run() {
    auto outer = log_.begin();
    if (fill(outer, 1)) return outer.commit();
    outer.rollback();
    records_.clear();
    return log_.last_lsn();
  }

 private:
  static constexpr int depth_max = 4;
  static constexpr int steps_max = 24;
  using transaction = typename Log::transaction_type;

  /// Works on a transaction; true when it is to be committed.
  bool fill(transaction& open, int depth) {
    for (int n = 0; n < steps_max && !in_.empty(); ++n) {
      switch (in_.below(6)) {
        case 0:
        case 1: add(open, in_.take<std::uint8_t>()); break;
        case 2: add(open, in_.below(4000)); break;
        case 3: nest(open, depth); break;
        case 4: check(open); break;
        default: return in_.below(3) != 0;
      }
    }
    return true;
  }

  void add(transaction& open, std::size_t bytes) {
    std::string text(bytes, static_cast<char>('A' + records_.size() % 26));
    bytes_ += bytes + 24;
    require(open.append(text) == lsn{records_.size() + 1}, "an append gives the number within");
    records_.push_back(std::move(text));
  }

  void nest(transaction& open, int depth) {
    if (depth == depth_max) return;
    const std::size_t begun = records_.size();
    auto inner = open.begin();
    if (fill(inner, depth + 1)) {
      require(inner.commit() == lsn{records_.size()}, "a nested commit gives the number within");
    } else if (in_.below(2) == 0) {
      inner.rollback();
      records_.resize(begun);
    } else {
      inner = transaction{std::move(inner)};
      { const transaction dropped = std::move(inner); }
      records_.resize(begun);
    }
    require(open.size() == records_.size(), "a transaction counts its records");
  }

  /// Compares what the transaction sees with the log's records and its own.
  void check(const transaction& open) {
    lsn next = log_.first_lsn();
    for (const auto& record : open.records()) {
      const std::uint64_t place = next.value() - 1;
      const bool own = place >= before_.size();
      require(record.lsn() == next, "a transaction sees dense lsns");
      require(!own || place - before_.size() < records_.size(), "a transaction sees no more");
      const auto& expected = own ? records_[place - before_.size()] : before_[place];
      require(record.text() == expected, "a transaction sees the log and itself");
      ++next;
    }
    require(next == lsn{before_.size() + records_.size() + 1}, "a transaction sees everything");
  }

  Log& log_;
  const std::vector<std::string>& before_;
  input& in_;
  std::vector<std::string> records_;
  std::size_t bytes_ = 0;
};

}  // namespace logdb::fuzz
