// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Brings a batch of writes to the log and to the keydir, at once.

#include <algorithm>
#include <vector>

#include <logdb/index/keydir/key_store.hpp>

namespace logdb::detail {

/// Commits one batch: looks up what it follows, appends it as one frame, leads the keys to it.
///
/// Readers see all of it or nothing: while the keys change, the shards say so.
template <class Policies>
class key_commit {
 public:
  using store_type = key_store<Policies>;
  using guard = typename store_type::guard;

  key_commit(store_type& store, key_batch& batch) : store_{store}, batch_{batch} {}

  /// @return  the lsn of the last record
  /// @errors  as append(); nothing was appended
  lsn run() {
    ticket given;
    {
      const auto shards = shard_numbers();
      std::vector<guard> locks;
      locks.reserve(shards.size());
      for (const std::size_t each : shards) locks.emplace_back(store_.table().shard_at(each).lock);
      given = place();
    }
    store_.view().acknowledge(given);
    store_.relieve();
    return given.last;
  }

  /// Does so under the locks of its shards, and without waiting for the disk as the policy says.
  ticket place() {
    look_up();
    complete();
    return append();
  }

 private:
  /// Is what a key of the batch was before it.
  struct target {
    std::uint64_t hash = 0;
    std::size_t write = 0;  // the last one of the key
    bool known = false;
    replaced_record<Policies> before{};
  };

  // What one frame in a segment of its own may hold.
  static constexpr std::uint64_t batch_bytes_max = std::uint64_t{1} << 31;

  [[nodiscard]] std::vector<std::size_t> shard_numbers() const {
    std::vector<std::size_t> numbers;
    for (const auto& [key, write] : batch_.newest()) {
      numbers.push_back(store_type::table_type::shard_number(store_.hash(as_bytes(key))));
    }
    std::ranges::sort(numbers);
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
  }

  /// Finds the newest record of each key, for the first write of it to link to.
  void look_up() {
    previous_.resize(batch_.size());
    targets_.reserve(batch_.newest().size());
    read_record<Policies> before;
    for (std::size_t n = 0; n < batch_.size(); ++n) {
      if (batch_.writes()[n].before != key_batch::nowhere) continue;
      const bytes_view key = batch_.record(n).key;
      target next{.hash = store_.hash(key), .write = batch_.find(key)};
      next.known = store_.look(next.hash, key, before) == store_type::lookup::found;
      if (next.known) {
        previous_[n] = store_.source().lsn_of(before);
        next.before = before.replaced();
      }
      targets_.push_back(std::move(next));
    }
  }

  /// Writes into each record its place and its link.
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

  ticket append() {
    auto& builder = batch_.builder();
    auto& view = store_.view();
    const auto table = builder.table();
    ticket given;
    if (view.fits(table.size() + builder.bytes().size())) {
      const auto put = view.append(builder.kind(), static_cast<std::uint32_t>(builder.count()),
                                   table, builder.bytes());
      given = put.given;
      store_.or_fail([&] {
        auto& in = store_.space().of(*put.in, view.segments());
        in.set_stream(put.stream);
        lead(in, put.offset);
      });
    } else {
      const auto put = view.append_attached(builder);
      given = put.first;
      store_.or_fail([&] { lead(store_.space().of(put.second), format::segment_header_bytes); });
    }
    return given;
  }

  /// Leads the keys to their last records in the frame.
  void lead(stretch<Policies>& in, std::uint64_t frame) {
    const changing scope{store_, targets_};
    for (const target& each : targets_) {
      const auto record = batch_.record(each.write);
      if (!each.known) store_.table().make_room(each.hash);
      store_.replace(each.hash, record.key, each.known ? &each.before : nullptr,
                     in.base() + frame + front_ + batch_.writes()[each.write].offset,
                     record.head.verb);
    }
    count_dead(in);
  }

  /// Counts what the batch itself has overwritten.
  void count_dead(stretch<Policies>& in) const {
    for (const auto& write : batch_.writes()) {
      if (write.before == key_batch::nowhere) continue;
      in.add_dead(batch_.record(write.before).bytes.size());
    }
  }

  /// Tells readers of the shards to wait, if more than one key changes.
  struct changing {
    changing(store_type& store, const std::vector<target>& targets) : table{store.table()} {
      if (targets.size() < 2) return;
      changed.reserve(targets.size());
      for (const target& each : targets) {
        auto& count = table.shard_of(each.hash).changes;
        if (count.load() % 2 != 0) continue;
        changed.push_back(&count);
        count.fetch_add(1);
      }
    }
    changing(const changing&) = delete;
    changing& operator=(const changing&) = delete;
    ~changing() {
      for (auto* const each : changed) each->fetch_add(1);
    }
    typename store_type::table_type& table;
    std::vector<std::atomic<std::uint32_t>*> changed{};
  };

  store_type& store_;
  key_batch& batch_;
  std::vector<target> targets_;
  std::vector<lsn> previous_;  // by write: the lsn that the first of its key follows
  std::uint64_t front_ = 0;    // bytes of the frame before the first record
};

}  // namespace logdb::detail
