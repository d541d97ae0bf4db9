// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Brings a batch of writes to the log and to the keydir, at once.

#include <cstdint>
#include <optional>

#include <logdb/index/keydir/keys/key_store.hpp>
#include <logdb/index/keydir/write/batch_targets.hpp>
#include <logdb/index/keydir/write/key_room.hpp>

namespace logdb::detail {

/// Commits one batch: looks up what it follows, appends it as one frame, points the keys at it.
///
/// Readers see all of it or nothing: while the keys change, the shards say so.
template <class Policies>
class key_commit {
 public:
  using store_type = key_store<Policies>;

  key_commit(store_type& store, key_batch& batch)
      : store_{store}, batch_{batch}, targets_{store, batch} {}

  /// Puts the batch into the log.
  /// @errors  as append(); nothing was put, and the batch may be put another time
  ticket put() {
    store_.view().require_writer();
    if constexpr (store_type::is_shared) {
      const auto always = [](const auto*) { return true; };
      return *put_if(always);
    } else {
      const auto locks = targets_.lock_shards();
      return put_under_locks();
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
      const auto locks = targets_.lock_shards();
      targets_.look_up();
      wanted = targets_.is_wanted(wants);
      if (!wanted) return;
      targets_.complete();
      given = append();
    });
    return wanted ? std::optional{given} : std::nullopt;
  }

  /// Does so under the locks of its shards, and without waiting for the disk as the policy says.
  ticket put_under_locks() {
    targets_.look_up();
    targets_.complete();
    return append();
  }

 private:
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

  // A batch that does not fit into staging is written before it has its place. If its keys have
  // changed since, it is written again, and the last time nobody else may append meanwhile.
  static constexpr int attempts = 3;

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
        const auto locks = targets_.lock_shards();
        outcome = own && !targets_.look_again() ? result::changed : result::done;
        if (!own) own = write_now();
        if (outcome == result::done && !targets_.is_wanted(wants)) outcome = result::unwanted;
        if (outcome == result::done) given = attach(own.segment());
      });
    }
    return outcome == result::unwanted ? std::nullopt : std::optional{given};
  }

  enum class result : std::uint8_t { done, changed, unwanted };

  [[nodiscard]] uncommitted<Policies> write_ahead() {
    {
      const auto locks = targets_.lock_shards();
      targets_.look_up();
      targets_.complete();
    }
    return store_.view().write_attached(batch_.builder());
  }

  [[nodiscard]] uncommitted<Policies> write_now() {
    targets_.look_up();
    targets_.complete();
    return store_.view().write_attached(batch_.builder());
  }

  ticket attach(const segment_ptr<Policies>& own) {
    (void)own->bytes();  // mapped before another process can compact it
    return commit_attached(own, [&] { return store_.view().attach_in_turn(own, batch_.size()); });
  }

  /// Commits what stands in a segment of its own, and points the keys there.
  template <class Commit>
  ticket commit_attached(const segment_ptr<Policies>& own, Commit commit) {
    key_room room{store_, targets_};
    shards_changing<typename store_type::table_type> readers_wait{targets_.size()};
    const own_stretch in{store_, own};
    const ticket given = commit();
    room.use();
    readers_wait.begin(store_.table(), targets_);
    targets_.point(in.get(), format::segment_header_bytes);
    store_.view().settled().signal();  // what it has replaced may be worth a compaction
    return given;
  }

  ticket append() {
    auto& builder = batch_.builder();
    const auto table = builder.table();
    if (!store_.view().fits(table.size() + builder.bytes().size())) return append_attached();
    // All that may fail comes before the frame stands in the log.
    key_room room{store_, targets_};
    shards_changing<typename store_type::table_type> readers_wait{targets_.size()};
    const auto put =
        append_frame(store_, builder.kind(), static_cast<std::uint32_t>(builder.count()), table,
                     builder.bytes());
    room.use();
    readers_wait.begin(store_.table(), targets_);
    targets_.point(put.in, put.offset);
    return put.given;
  }

  ticket append_attached() {
    uncommitted<Policies> own;
    {
      const shards_preparing snapshots_pass{store_.table(), targets_};
      own = store_.view().write_attached(batch_.builder());
    }
    return commit_attached(
        own.segment(), [&] { return store_.view().put_attached(own.segment(), batch_.size()); });
  }

  store_type& store_;
  key_batch& batch_;
  batch_targets<Policies> targets_;
};

}  // namespace logdb::detail
