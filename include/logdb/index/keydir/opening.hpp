// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Fills a keydir when its log is opened, from the hints in the footers, or by a walk where there
/// are none.

#include <algorithm>
#include <exception>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/keydir/hints.hpp>
#include <logdb/index/keydir/key_store.hpp>

namespace logdb::detail {

/// Is the hints of one segment: its footer's, or new ones.
struct segment_hints {
  std::vector<key_hint> made{};
  std::span<const key_hint> hints{};

  /// @param end_offset  where its frames end
  template <class Policies>
  void take(segment<Policies>& of, std::uint64_t end_offset) {
    (void)of.known_entries();  // loads the footer, if there is one
    if (const auto* const known = of.entries().hints()) {
      hints = *known;
      return;
    }
    hint_collector collected{make_hash_seed(of.store())};
    collected.walk(of.bytes().first(end_offset), of.seed(), of.start());
    of.entries().set_waste(collected.waste());
    hints = made = collected.take();
  }
};

/// Takes hints of many segments into a keydir, shard by shard.
///
/// Within a shard the hints of all segments are sorted by hash: those that no other hint resembles,
/// nearly all, go in without a look at the log. The others are read and compared; the highest lsn
/// of each key wins.
/// @threads  one for each range of shards
template <class Policies>
class key_loader {
 public:
  /// Is the hints of one segment.
  struct part {
    stretch<Policies>* in = nullptr;
    segment_hints of{};
  };

  key_loader(key_store<Policies>& store, const std::vector<part>& parts)
      : store_{store}, parts_{parts} {}

  /// Takes the shards in [first, end).
  void run(std::size_t first, std::size_t end) {
    for (const part& each : parts_) {
      const auto below = std::ranges::partition_point(
          each.of.hints, [first](const key_hint& hint) { return shard_of(hint) < first; });
      rest_.push_back(
          each.of.hints.subspan(static_cast<std::size_t>(below - each.of.hints.begin())));
    }
    for (std::size_t shard = first; shard < end; ++shard) {
      gather(shard);
      take(shard);
    }
  }

 private:
  struct candidate {
    key_hint hint{};
    std::size_t part = 0;
  };

  static std::size_t shard_of(const key_hint& hint) {
    return key_store<Policies>::table_type::shard_number(hint.hash);
  }

  void gather(std::size_t shard) {
    found_.clear();
    for (std::size_t n = 0; n < parts_.size(); ++n) {
      std::size_t taken = 0;
      while (taken < rest_[n].size() && shard_of(rest_[n][taken]) == shard) {
        store_.note_verb(rest_[n][taken].verb());
        found_.push_back({rest_[n][taken++], n});
      }
      rest_[n] = rest_[n].subspan(taken);
    }
    std::ranges::sort(
        found_, [](const candidate& a, const candidate& b) { return a.hint.hash < b.hint.hash; });
  }

  /// Leaves of each key the newest record, and fills the shard with what is left.
  void take(std::size_t shard) {
    keys_.clear();
    live_ = 0;
    for (auto at = found_.begin(); at != found_.end();) {
      const auto end = std::find_if(
          at, found_.end(), [&](const candidate& each) { return each.hint.hash != at->hint.hash; });
      const std::size_t first = keys_.size();
      for (auto each = at; each != end; ++each) {
        if (end - at == 1 || !known(*each, first)) add(*each);
      }
      at = end;
    }
    store_.fill(shard, keys_, live_);
  }

  [[nodiscard]] address address_of(const candidate& each) const {
    return parts_[each.part].in->base() + each.hint.offset();
  }

  void add(const candidate& each) {
    keys_.push_back({each.hint.hash, address_of(each)});
    if (each.hint.verb() != format::key_verb::erase) {
      ++live_;
    } else {
      parts_[each.part].in->add_dead(each.hint.bytes());
    }
  }

  /// Tells whether one of the keys from `first` on is the same, and then leaves the newer record.
  bool known(const candidate& each, std::size_t first) {
    (void)store_.source().read(address_of(each), fresh_);
    for (std::size_t n = first; n < keys_.size(); ++n) {
      (void)store_.source().read(keys_[n].at, known_);
      if (!is_same_key(known_.record.key, fresh_.record.key)) continue;
      const bool newer = store_.source().lsn_of(known_) < store_.source().lsn_of(fresh_);
      choose(newer ? known_ : fresh_, newer ? fresh_ : known_);
      if (newer) keys_[n].at = address_of(each);
      if (newer && each.hint.verb() == format::key_verb::erase) {
        fresh_.in->add_dead(fresh_.disk_bytes());
      }
      const auto lives = [](const auto& one) {
        return one.record.head.verb != format::key_verb::erase;
      };
      if (newer) live_ += static_cast<std::uint64_t>(lives(fresh_)) - (lives(known_) ? 1 : 0);
      return true;
    }
    return false;
  }

  static void choose(const read_record<Policies>& older, const read_record<Policies>& newer) {
    if (newer.record.head.verb != format::key_verb::add) older.in->add_dead(older.disk_bytes());
  }

  key_store<Policies>& store_;
  const std::vector<part>& parts_;
  std::vector<std::span<const key_hint>> rest_;  // by part: what is still to be taken
  std::vector<candidate> found_;
  std::vector<hashed_address> keys_;
  std::uint64_t live_ = 0;
  read_record<Policies> fresh_;
  read_record<Policies> known_;
};

/// Fills the keydir of a log that was just opened.
/// @cost  about 50 ns a key on each of two threads; reads only keys that were written again
template <class Policies>
class key_opening {
 public:
  explicit key_opening(key_store<Policies>& store) : store_{store} {}

  /// Takes all there is.
  /// @errors  errc::corrupt, errc::io
  void run(const read_scope<Policies>& scope) {
    for (const auto* segments : {&scope.list->log, &scope.list->attached}) {
      for (const auto& each : *segments) {
        if (each->base() && each->base() <= scope.last) gather(each);
      }
    }
    load();
  }

  /// Takes the sealed segments at the front, and returns the last lsn in them.
  lsn run_sealed(const read_scope<Policies>& scope) {
    lsn last = scope.first - 1;
    for (const auto& each : scope.list->log) {
      if (!each->end() || each->end() > scope.last + 1) break;
      gather(each);
      last = each->end() - 1;
    }
    for (const auto& own : scope.list->attached) {
      if (own->base() && own->end() <= last + 1) gather(own);
    }
    load();
    return last;
  }

 private:
  static constexpr std::size_t many = 20'000;  // that a second thread is worth it
  static constexpr std::size_t shards = key_store<Policies>::table_type::shard_count;

  void gather(const segment_ptr<Policies>& each) {
    auto& next = parts_.emplace_back();
    next.in = &store_.space().of(each);
    const bytes_view all = each->bytes();
    const std::uint64_t end = each->end_offset() != 0 ? each->end_offset() : all.size();
    next.of.take(*each, std::min<std::uint64_t>(end, all.size()));
    next.in->add_dead(each->entries().waste().dead_bytes);
    count_ += next.of.hints.size();
  }

  void load() {
    load_all();
    if constexpr (key_store<Policies>::order_type::keeps) sort_keys();
  }

  /// Brings all keys into their order.
  /// @cost  O(keys × log keys); reads each key in the log
  void sort_keys() {
    std::vector<std::string> keys;
    typename key_store<Policies>::table_type::cursor at;
    std::vector<address> page;
    read_record<Policies> found;
    while (store_.table().next_page(at, page)) {
      for (const address each : page) {
        if (store_.source().read(each, found)) keys.emplace_back(as_text(found.record.key));
      }
    }
    std::ranges::sort(keys);  // neighbours one after the other are found faster
    for (const std::string& key : keys) store_.order().insert(as_bytes(key));
  }

  void load_all() {
    if (count_ < many) return load(0, shards);
    std::exception_ptr failure;
    typename key_store<Policies>::system::thread second{[&] {
      try {
        load(shards / 2, shards);
      } catch (...) {
        failure = std::current_exception();
      }
    }};
    try {
      load(0, shards / 2);
    } catch (...) {
      second.join();
      throw;
    }
    second.join();
    if (failure) std::rethrow_exception(failure);
  }

  void load(std::size_t first, std::size_t end) {
    key_loader<Policies>{store_, parts_}.run(first, end);
  }

  key_store<Policies>& store_;
  std::vector<typename key_loader<Policies>::part> parts_;
  std::size_t count_ = 0;
};

}  // namespace logdb::detail
