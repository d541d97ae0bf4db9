// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The keys that a batch writes: what each was before, and its pointing at its record in the frame.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <logdb/index/keydir/keys/key_store.hpp>

namespace logdb::detail {

/// What a key of the batch was before it.
template <class Policies>
struct batch_target {
  std::uint64_t hash = 0;
  std::size_t write = 0;  // the last one of the key
  bool known = false;
  replaced_record<Policies> before{};

  /// Tells whether the order of keys may not have it: an erased key stays there until eviction.
  [[nodiscard]] bool is_without_value() const {
    return !known || before.verb == format::key_verb::erase;
  }
};

/// The keys of one batch, as they were when they were last looked up.
/// @threads  one at a time, under the locks of the shards
template <class Policies>
class batch_targets {
 public:
  using store_type = key_store<Policies>;
  using guard = typename store_type::guard;
  using target = batch_target<Policies>;

  batch_targets(store_type& store, key_batch& batch) : store_{store}, batch_{batch} {}

  [[nodiscard]] std::size_t size() const { return targets_.size(); }
  [[nodiscard]] auto begin() const { return targets_.begin(); }
  [[nodiscard]] auto end() const { return targets_.end(); }
  [[nodiscard]] const target& operator[](std::size_t n) const { return targets_[n]; }
  [[nodiscard]] bytes_view key_of(const target& of) const { return batch_.record(of.write).key; }

  /// Takes the locks of the shards of all keys, in ascending order.
  [[nodiscard]] std::vector<guard> lock_shards() {
    const auto shards = shard_numbers();
    std::vector<guard> locks;
    locks.reserve(shards.size());
    for (const std::size_t each : shards) locks.emplace_back(store_.table().shard_at(each).lock);
    return locks;
  }

  /// Finds the newest record of each key, for the first write of it to link to.
  void look_up() {
    previous_.assign(batch_.size(), lsn{});
    targets_.clear();
    targets_.reserve(batch_.newest().size());
    read_record<Policies> before;
    for (std::size_t n = 0; n < batch_.size(); ++n) {
      if (batch_.writes()[n].before != key_batch::nowhere) continue;
      const bytes_view key = batch_.record(n).key;
      target next{.hash = store_.hash(key), .write = batch_.find(key)};
      next.known = look_settled(store_, next.hash, key, before);
      if (next.known) {
        previous_[n] = store_.source().lsn_of(before);
        next.before = before.replaced();
      }
      targets_.push_back(std::move(next));
    }
  }

  /// Looks the keys up once more; tells whether each is what it was: it may be elsewhere.
  [[nodiscard]] bool look_again() {
    const auto before = std::exchange(previous_, {});
    look_up();
    return previous_ == before;
  }

  /// Asks `wants(newest)` whether a single write is wanted, of the newest record of its key or
  /// null; several are.
  template <class Wants>
  [[nodiscard]] bool is_wanted(Wants& wants) {
    if (batch_.newest().size() != 1) return true;
    read_record<Policies> newest;
    const auto& only = targets_.front();
    const bool known = look_settled(store_, only.hash, batch_.record(only.write).key, newest);
    return wants(known ? &newest : nullptr);
  }

  /// Writes into each record where it stands in the frame, and its link.
  /// @errors  errc::record_too_large
  void complete() {
    const std::uint64_t table = batch_.size() * format::batch_length_bytes(batch_.builder().kind());
    front_ = format::frame_header_bytes + table;
    if (batch_.size() > format::frame_count_max ||
        (batch_.size() > 1 && front_ + batch_.builder().footprint() > batch_bytes_max)) {
      throw error{errc::record_too_large,
                  "a batch or transaction of a key-value log may have 2 GiB"};
    }
    const auto bytes = batch_.builder().writable();
    for (std::size_t n = 0; n < batch_.size(); ++n) {
      const auto& write = batch_.writes()[n];
      const bool near = write.before != key_batch::nowhere;
      const std::uint64_t link = near ? n - write.before : previous_[n].value();
      format::finish_batched(bytes.subspan(write.offset, batch_.builder().lengths()[n]), link, near,
                             static_cast<std::uint32_t>(front_ + write.offset),
                             static_cast<std::uint32_t>(n));
    }
  }

  /// Points the keys at their last records in the frame that is put at an offset. While readers
  /// wait; there is room.
  void point(stretch<Policies>& in, std::uint64_t frame) noexcept {
    for (const target& each : targets_) {
      const auto record = batch_.record(each.write);
      store_.replace(each.hash, each.known ? &each.before : nullptr,
                     in.base() + frame + front_ + batch_.writes()[each.write].offset,
                     record.head.verb);
    }
    count_dead(in);
  }

 private:
  // What one frame in a segment of its own may hold.
  static constexpr std::uint64_t batch_bytes_max = std::uint64_t{1} << 31;

  [[nodiscard]] std::vector<std::size_t> shard_numbers() const {
    std::vector<std::size_t> numbers;
    for (const auto& [key, write] : batch_.newest()) {
      numbers.push_back(store_type::table_type::shard_number(store_.hash(as_bytes(key))));
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
  }

  /// Counts what the batch itself has overwritten.
  void count_dead(stretch<Policies>& in) const {
    for (std::size_t n = 0; n < batch_.size(); ++n) {
      auto at = batch_.writes()[n].before;
      if (at == key_batch::nowhere || adds(n)) continue;  // before an add there still is a value
      while (at != key_batch::nowhere) {
        in.add_dead(batch_.record(at).bytes.size());
        at = adds(at) ? batch_.writes()[at].before : key_batch::nowhere;
      }
    }
  }
  [[nodiscard]] bool adds(std::size_t write) const {
    return batch_.record(write).head.verb == format::key_verb::add;
  }

  store_type& store_;
  key_batch& batch_;
  std::vector<target> targets_;
  std::vector<lsn> previous_;  // by write: the lsn that the first of its key follows
  std::uint64_t front_ = 0;    // bytes of the frame before the first record
};

}  // namespace logdb::detail
