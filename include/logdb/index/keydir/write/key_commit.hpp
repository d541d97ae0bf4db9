// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Brings a batch of writes to the log and to the keydir, at once.

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <logdb/index/keydir/keys/key_store.hpp>

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

  /// Puts the batch into the log.
  /// @errors  as append(); nothing was put, and the batch may be put another time
  ticket put() {
    store_.view().require_writer();
    if constexpr (store_type::is_shared) {
      const auto always = [](const auto*) { return true; };
      return *put_if(always);
    } else {
      const auto locks = lock_shards();
      return place();
    }
  }
  /// Waits as the durability policy says. @return the lsn of the last record @errors errc::failed
  lsn acknowledge(const ticket& given) {
    store_.view().acknowledge(given);
    store_.relieve();
    return given.last;
  }

  /// Does so, where other processes write, too, if `wants(newest)` says so of the newest record of
  /// a single key, or null; nothing: it did not.
  template <class Wants>
  std::optional<lsn> run_if(Wants& wants) {
    const auto given = put_if(wants);
    return given ? std::optional{acknowledge(*given)} : std::nullopt;
  }
  template <class Wants>
  std::optional<ticket> put_if(Wants& wants) {
    auto& builder = batch_.builder();
    const std::uint64_t bytes = builder.table().size() + builder.bytes().size();
    if (!store_.view().fits(bytes)) return put_attached(wants);
    ticket given;
    bool wanted = true;
    store_.in_turn(bytes, static_cast<std::uint32_t>(batch_.size()), [&] {
      const auto locks = lock_shards();
      look_up();
      wanted = asks(wants);
      if (!wanted) return;
      complete();
      given = append();
    });
    return wanted ? std::optional{given} : std::nullopt;
  }

  /// Does so under the locks of its shards, and without waiting for the disk as the policy says.
  ticket place() {
    look_up();
    complete();
    return append();
  }

 private:
  struct target;

  /// Room in the table, and in the order of keys, for those that are not there: given back if
  /// nothing comes of it.
  class key_room {
   public:
    explicit key_room(key_commit& of) : of_{of} {
      std::vector<std::uint64_t> hashes;
      for (const target& each : of_.targets_) {
        if (!each.known) hashes.push_back(each.hash);
      }
      std::sort(hashes.begin(), hashes.end());
      of_.store_.table().make_room(hashes);
      if constexpr (store_type::order_type::keeps) order();
    }
    key_room(const key_room&) = delete;
    key_room& operator=(const key_room&) = delete;
    ~key_room() { give_back(taken_); }
    void use() noexcept { taken_ = 0; }

   private:
    void order() {
      try {
        for (; taken_ < of_.targets_.size(); ++taken_) {
          const target& each = of_.targets_[taken_];
          if (each.is_without_value()) of_.store_.order().insert(key_of(each));
        }
      } catch (...) {
        give_back(taken_);
        throw;
      }
    }
    void give_back(std::size_t count) noexcept {
      for (const target& each : std::span{of_.targets_}.first(count)) {
        if (each.is_without_value()) of_.store_.give_room_back(key_of(each));
      }
    }
    [[nodiscard]] bytes_view key_of(const target& of) const {
      return of_.batch_.record(of.write).key;
    }

    key_commit& of_;
    std::size_t taken_ = 0;  // so many targets are in the order
  };

  /// The addresses of a segment that nothing in the log names yet: given back if nothing ever
  /// does.
  class own_stretch {
   public:
    own_stretch(store_type& store, const segment_ptr<Policies>& own)
        : store_{store}, own_{own}, in_{store.space().of(own)} {}
    own_stretch(const own_stretch&) = delete;
    own_stretch& operator=(const own_stretch&) = delete;
    ~own_stretch() {
      if (own_->base()) return;  // it is committed
      if (const auto gone = store_.space().remove(own_->number())) store_.space().reuse(*gone);
    }
    [[nodiscard]] stretch<Policies>& get() const { return in_; }

   private:
    store_type& store_;
    const segment_ptr<Policies>& own_;
    stretch<Policies>& in_;
  };

  [[nodiscard]] std::vector<guard> lock_shards() {
    const auto shards = shard_numbers();
    std::vector<guard> locks;
    locks.reserve(shards.size());
    for (const std::size_t each : shards) locks.emplace_back(store_.table().shard_at(each).lock);
    return locks;
  }

  /// What a key of the batch was before it.
  struct target {
    std::uint64_t hash = 0;
    std::size_t write = 0;  // the last one of the key
    bool known = false;
    replaced_record<Policies> before{};

    /// Tells whether the order of keys may not have it: an erased key stays there until eviction.
    [[nodiscard]] bool is_without_value() const {
      return !known || before.verb == format::key_verb::erase;
    }
  };

  // A batch that does not fit into staging is written before it has its place. If its keys have
  // changed since, it is written again, and the last time nobody else may append meanwhile.
  static constexpr int attempts = 3;

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

  /// Writes the batch to a segment of its own, and commits it there if its keys are still what it
  /// says that they were.
  template <class Wants>
  std::optional<ticket> put_attached(Wants& wants) {
    auto outcome = result::changed;
    ticket given;
    for (int n = 1; outcome == result::changed; ++n) {
      uncommitted<Policies> own;
      if (n < attempts) own = write_ahead();
      store_.in_turn(format::attach_bytes, batch_.size(), [&] {
        const auto locks = lock_shards();
        outcome = own ? look_again() : write_now(own);
        if (outcome == result::done && !asks(wants)) outcome = result::unwanted;
        if (outcome == result::done) given = attach(own.segment());
      });
    }
    return outcome == result::unwanted ? std::nullopt : std::optional{given};
  }

  enum class result : std::uint8_t { done, changed, unwanted };

  [[nodiscard]] uncommitted<Policies> write_ahead() {
    {
      const auto locks = lock_shards();
      look_up();
      complete();
    }
    return store_.view().write_attached(batch_.builder());
  }

  result write_now(uncommitted<Policies>& own) {
    look_up();
    complete();
    own = store_.view().write_attached(batch_.builder());
    return result::done;
  }

  /// Looks the keys up once more: they may be elsewhere, but must be what they were.
  result look_again() {
    const auto before = std::exchange(previous_, {});
    look_up();
    return previous_ == before ? result::done : result::changed;
  }

  ticket attach(const segment_ptr<Policies>& own) {
    (void)own->bytes();  // mapped before another process can compact it
    return lead_behind(own, [&] { return store_.view().attach_in_turn(own, batch_.size()); });
  }

  /// Commits what stands in a segment of its own, and leads the keys there.
  template <class Commit>
  ticket lead_behind(const segment_ptr<Policies>& own, Commit commit) {
    key_room room{*this};
    shards_changing<typename store_type::table_type> readers_wait{targets_.size()};
    const own_stretch in{store_, own};
    const ticket given = commit();
    room.use();
    readers_wait.begin(store_.table(), targets_);
    lead(in.get(), format::segment_header_bytes);
    store_.view().settled().signal();  // what it has replaced may be worth a compaction
    return given;
  }

  /// Asks whether a write is wanted, of the newest record of its key.
  template <class Wants>
  bool asks(Wants& wants) {
    if (batch_.newest().size() != 1) return true;
    read_record<Policies> newest;
    const auto& only = targets_.front();
    const bool known = look_settled(store_, only.hash, batch_.record(only.write).key, newest);
    return wants(known ? &newest : nullptr);
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
    const auto table = builder.table();
    if (!store_.view().fits(table.size() + builder.bytes().size())) return append_attached();
    // All that may fail comes before the frame stands in the log.
    key_room room{*this};
    shards_changing<typename store_type::table_type> readers_wait{targets_.size()};
    const auto put =
        append_frame(store_, builder.kind(), static_cast<std::uint32_t>(builder.count()), table,
                     builder.bytes());
    room.use();
    readers_wait.begin(store_.table(), targets_);
    lead(put.in, put.offset);
    return put.given;
  }

  ticket append_attached() {
    uncommitted<Policies> own;
    {
      const shards_preparing snapshots_pass{store_.table(), targets_};
      own = store_.view().write_attached(batch_.builder());
    }
    return lead_behind(own.segment(),
                       [&] { return store_.view().put_attached(own.segment(), batch_.size()); });
  }

  /// Leads the keys to their last records in the frame. While readers wait; there is room.
  void lead(stretch<Policies>& in, std::uint64_t frame) noexcept {
    for (const target& each : targets_) {
      const auto record = batch_.record(each.write);
      store_.replace(each.hash, each.known ? &each.before : nullptr,
                     in.base() + frame + front_ + batch_.writes()[each.write].offset,
                     record.head.verb);
    }
    count_dead(in);
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
