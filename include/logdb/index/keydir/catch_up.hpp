// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Brings a keydir up to what other processes have written: by reading the log from where it has
/// been applied to.

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <logdb/index/keydir/opening.hpp>
#include <logdb/journal/records.hpp>

namespace logdb::detail {

/// Follows a log that somebody else writes, and compacts.
/// @threads  any; one at a time catches up, the others wait for it
template <class Policies>
class key_follower {
 public:
  using store_type = key_store<Policies>;
  using guard = typename store_type::guard;

  explicit key_follower(store_type& store) : store_{store} {
    at_latest([this](const auto& scope) {
      applied_ = key_opening<Policies>{store_}.run_sealed(scope);
      note(*scope.list);
    });
  }

  /// Applies what is in the log beyond what was applied.
  /// @errors  errc::corrupt, errc::io
  void catch_up() {
    const guard lock{mutex_};
    at_latest([this](const auto& scope) {
      if (scope.last != applied_ || scope.list != list_) apply(scope);
    });
  }

 private:
  /// Calls with what may be read now; again if segments went meanwhile that were to be read.
  template <class Call>
  void at_latest(Call call) {
    for (;;) {
      const auto scope = store_.view().scope();
      try {
        return call(scope);
      } catch (const error& missing) {
        if (missing.condition() != errc::corrupt) throw;
        if (store_.view().scope().list == scope.list) throw;
      }
    }
  }

  void apply(const read_scope<Policies>& scope) {
    note_places(*scope.list);
    if (scope.list != list_) note(*scope.list);
    if (applied_ < scope.last) {
      for (const record& each :
           record_range<Policies>{scope, std::max(applied_ + 1, scope.first)}) {
        apply(each);
      }
      applied_ = scope.last;
    }
    if (!gone_.empty()) follow_compaction(scope);
    list_ = scope.list;
  }

  struct place {
    bytes_view bytes{};
    address base = 0;
  };

  void note_places(const segment_list<Policies>& list) {
    places_.clear();
    for (const auto* segments : {&list.log, &list.attached}) {
      for (const auto& each : *segments) {
        if (each->base()) places_.push_back({each->bytes(), store_.space().of(each).base()});
      }
    }
    std::ranges::sort(places_, {}, [](const place& each) { return each.bytes.data(); });
  }

  [[nodiscard]] address address_of(bytes_view record) const {
    const auto past = std::ranges::upper_bound(places_, record.data(), {},
                                               [](const place& each) { return each.bytes.data(); });
    const place& in = *std::prev(past);
    return in.base + static_cast<std::uint64_t>(record.data() - in.bytes.data());
  }

  /// Remembers which segments there are, and which have gone.
  void note(const segment_list<Policies>& list) {
    std::set<segment_number> now;
    for (const auto* segments : {&list.log, &list.attached}) {
      for (const auto& each : *segments) now.insert(each->number());
    }
    std::ranges::set_difference(known_, now, std::back_inserter(gone_));
    known_ = std::move(now);
  }

  /// Takes one record that is newer than all before.
  void apply(const record& each) {
    const auto found = format::decode_key_record(each.bytes());
    if (found) lead(store_.hash(found->key), *found, address_of(each.bytes()), each.lsn());
  }

  /// Leads a key to a record unless it leads to a later one.
  void lead(std::uint64_t hash, const format::key_record& found, address at, lsn where) {
    const guard lock{store_.table().shard_of(hash).lock};
    if (store_.look(hash, found.key, known_record_) != store_type::lookup::found) {
      store_.table().make_room(hash);
      return store_.replace(hash, found.key, nullptr, at, found.head.verb);
    }
    if (store_.source().lsn_of(known_record_) > where) return;
    const auto before = known_record_.replaced();
    store_.replace(hash, found.key, &before, at, found.head.verb);
  }

  /// Leads keys to where compaction has put their records, and forgets what it has dropped.
  void follow_compaction(const read_scope<Policies>& scope) {
    for (const auto& each : scope.list->log) {
      if (each->role() != format::segment_role::compacted) continue;
      for (const record& one : record_range<Policies>{bounded(scope, *each), each->base()})
        apply(one);
    }
    std::vector<std::shared_ptr<stretch<Policies>>> left;
    for (const segment_number number : gone_) {
      if (auto* const old = store_.space().find(number)) forget(*old);
      if (auto old = store_.space().remove(number)) left.push_back(std::move(old));
    }
    gone_.clear();
    store_.gate().wait_for_readers();
    for (const auto& each : left) store_.space().reuse(*each);
  }

  static read_scope<Policies> bounded(read_scope<Policies> scope, const segment<Policies>& each) {
    scope.last = std::min(scope.last, each.end() - 1);
    return scope;
  }

  /// Drops the keys that still lead to a segment that has gone.
  void forget(const stretch<Policies>& old) {
    const address end = old.base() + old.segment()->capacity();
    typename store_type::table_type::cursor at;
    std::vector<address> page;
    for (;;) {
      const auto inside = store_.gate().enter();
      if (!store_.table().next_page(at, page)) return;
      for (const address each : page) {
        if (each < old.base() || each >= end || !store_.source().read(each, known_record_))
          continue;
        store_.drop(store_.hash(known_record_.record.key), each,
                    known_record_.record.head.verb != format::key_verb::erase);
      }
    }
  }

  store_type& store_;
  typename store_type::table_type::mutex mutex_;  // of all below
  lsn applied_{};
  segment_list_ptr<Policies> list_;
  std::vector<place> places_;
  std::set<segment_number> known_;
  std::vector<segment_number> gone_;  // and still lead there
  read_record<Policies> known_record_;
};

}  // namespace logdb::detail
