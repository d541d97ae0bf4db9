// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Fills a keydir when its log is opened, from the hints in the footers, or by a walk where there
/// are none.

#include <algorithm>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <logdb/index/keydir/keys/key_store.hpp>
#include <logdb/index/keydir/places/hints.hpp>
#include <logdb/journal/read/records.hpp>
#include <logdb/light.hpp>

namespace logdb::detail {

/// The hints of one segment: its footer's, or new ones.
struct segment_hints {
  std::vector<key_hint> made{};
  std::span<const key_hint> hints{};

  /// @param end_offset  where its frames end, or may end if it is active
  /// @param last        of one that is active: the last record
  /// @errors            errc::corrupt: there is no footer, and a frame is damaged
  template <class Policies>
  void take(basic_segment<Policies>& of, std::uint64_t end_offset, lsn last = format::lsn_max) {
    (void)of.known_entries();  // loads the footer, if there is one
    const auto* const known = of.entries().hints();
    const auto is_inside = [end_offset](const key_hint& each) {
      return each.offset() < end_offset;
    };
    if (known != nullptr && light::all_of(*known, is_inside)) {
      hints = *known;
      return;
    }
    hint_collector collected{make_hash_seed(of.store())};
    scan_place place = of.start();
    if (of.end_offset() != 0) of.probe(place.offset, end_offset);
    const bytes_view all = of.bytes();
    const auto there = std::min<std::uint64_t>(end_offset, all.size());  // salvage has what is left
    const auto stop = collected.walk(all.first(there), of.seed(), place);
    if (place.offset != end_offset && place.next <= last) {
      throw error{errc::corrupt, "the log is damaged: " + std::string{reason(stop)},
                  of.site(place.offset, place.next)};
    }
    of.entries().set_waste(collected.waste());
    hints = made = collected.take();
  }
};

/// Takes hints of many segments into a keydir, shard by shard.
///
/// Within a shard the hints of all segments are sorted by hash: those that no other hint resembles,
/// nearly all, go in without a look at the log. The others are read and compared; the newest record
/// of each key wins, also if it is damaged. Two segments that know the same hash know the same key,
/// unless the checksums of both records vouch for two keys.
/// @threads  one for each range of shards
template <class Policies>
class key_loader {
 public:
  /// The hints of one segment.
  struct part {
    stretch<Policies>* in = nullptr;
    segment_hints of{};
  };

  key_loader(key_store<Policies>& store, const std::vector<part>& parts)
      : store_{store}, parts_{parts} {}

  /// Takes the shards in [first, end).
  void run(std::size_t first, std::size_t end) {
    for (const part& each : parts_) {
      const auto below = light::partition_point(
          each.of.hints, [first](const key_hint& hint) { return shard_of(hint) < first; });
      rest_.push_back(
          each.of.hints.subspan(static_cast<std::size_t>(below - each.of.hints.begin())));
    }
    for (std::size_t shard = first; shard < end; ++shard) {
      gather(shard);
      take(shard);
      if constexpr (key_store<Policies>::order_type::keeps) copy_keys();
    }
  }

  /// Returns the keys that it took, if the log keeps them in order.
  [[nodiscard]] std::vector<std::string> take_names() { return std::move(names_); }

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
    std::sort(found_.begin(), found_.end(),
              [](const candidate& a, const candidate& b) { return a.hint.hash < b.hint.hash; });
  }

  /// Leaves of each key the newest record, and fills the shard with what is left.
  void take(std::size_t shard) {
    keys_.clear();
    live_ = 0;
    for (auto at = found_.begin(); at != found_.end();) {
      const auto end = std::find_if(
          at, found_.end(), [&](const candidate& each) { return each.hint.hash != at->hint.hash; });
      end - at == 1 ? add(*at) : add_newest({at, end});
      at = end;
    }
    store_.fill(shard, keys_, live_);
  }

  [[nodiscard]] bool is_cache() const {
    const auto& chosen = store_.view().options().index;
    return !store_.view().follows() &&
           chosen.memory_bytes_max != std::remove_cvref_t<decltype(chosen)>{}.memory_bytes_max;
  }

  [[nodiscard]] address address_of(const candidate& each) const {
    return parts_[each.part].in->base() + each.hint.offset();
  }

  void add(const candidate& each) {
    const bool erased = each.hint.verb() == format::key_verb::erase;
    if (erased) parts_[each.part].in->add_dead(each.hint.bytes());
    if (erased && is_cache()) return;  // it has no room for what was erased
    keys_.push_back({each.hint.hash, address_of(each)});
    if (!erased) ++live_;
  }

  /// Adds of records whose keys have the same hash the newest of each key.
  void add_newest(std::span<const candidate> alike) {
    newest_.clear();
    for (const candidate& each : alike) {
      const auto same =
          light::find_if(newest_, [&](const candidate& other) { return is_same(other, each); });
      if (same == newest_.end()) {
        newest_.push_back(each);
        continue;
      }
      const bool newer = is_newer(*same, each);
      count_replaced(newer ? *same : each, newer ? each : *same);
      if (newer) *same = each;
    }
    for (const candidate& each : newest_) add(each);
  }

  /// Tells whether two records have the same key. A footer names each key once.
  bool is_same(const candidate& a, const candidate& b) {
    if (a.part == b.part) return false;
    const bool both = reads(a, one_) && reads(b, other_);
    if (both && is_same_key(one_.record.key, other_.record.key)) return true;
    return !both || !store_.source().is_intact(one_) || !store_.source().is_intact(other_);
  }

  /// Tells whether the second record of a key is the newer one. If damage hides that, the damaged
  /// one is: who asks for the key is told.
  bool is_newer(const candidate& older, const candidate& newer) {
    const auto& first = *parts_[older.part].in->segment();
    const auto& second = *parts_[newer.part].in->segment();
    if (first.end() && first.end() <= second.base()) return true;
    if (second.end() && second.end() <= first.base()) return false;
    // One is attached within the other: there the records tell.
    const auto at = lsn_of(older, one_);
    return at && at < lsn_of(newer, other_).value_or(format::lsn_max);
  }

  bool reads(const candidate& each, read_record<Policies>& out) const {
    return store_.source().find(address_of(each), out) == reading::whole;
  }

  /// Returns the lsn of a record; nothing: what says it is damaged.
  std::optional<lsn> lsn_of(const candidate& each, read_record<Policies>& out) const {
    if (!reads(each, out) || !store_.source().is_placed(out)) return std::nullopt;
    return store_.source().lsn_of(out);
  }

  void count_replaced(const candidate& older, const candidate& newer) {
    if (newer.hint.verb() == format::key_verb::add) return;
    if (!reads(older, one_)) return parts_[older.part].in->add_dead(older.hint.bytes());
    auto gone = one_.replaced();
    gone.listed = address_of(older);
    end_values(store_, gone);
  }

  /// Copies the keys that were just taken out of their records.
  /// @errors  errc::corrupt: one is not what its hint says
  void copy_keys() {
    for (const hashed_address& each : keys_) {
      if (!store_.source().read(each.at, one_)) continue;
      if (store_.hash(one_.record.key) != each.hash) store_.source().throw_corrupt(one_);
      names_.emplace_back(as_text(one_.record.key));
    }
  }

  key_store<Policies>& store_;
  const std::vector<part>& parts_;
  std::vector<std::span<const key_hint>> rest_;  // by part: what is still to be taken
  std::vector<candidate> found_;
  std::vector<hashed_address> keys_;
  std::vector<candidate> newest_;  // of keys with the same hash
  std::vector<std::string> names_;
  std::uint64_t live_ = 0;
  read_record<Policies> one_;
  read_record<Policies> other_;
};

/// Fills the keydir of a log that was just opened.
/// @cost  about 50 ns a key on each of two threads; reads only keys that were written again, and
///        what has no footer. All keys if they are kept in order; all records if it salvages
template <class Policies>
class key_opening {
 public:
  explicit key_opening(key_store<Policies>& store) : store_{store} {}

  /// Takes all there is.
  /// @errors  errc::corrupt, errc::io
  void run(const read_scope<Policies>& scope) {
    if (scope.salvage) return replay(scope);
    for (const auto* segments : {&scope.list->log, &scope.list->attached}) {
      for (const auto& each : *segments) {
        if (each->base() && each->base() <= scope.last) gather(each, scope.last);
      }
    }
    load();
  }

  /// Takes the sealed segments at the front, and returns the last lsn in them; who salvages takes
  /// none, and reads all.
  lsn run_sealed(const read_scope<Policies>& scope) {
    lsn last = scope.first - 1;
    if (scope.salvage) return last;
    for (const auto& each : scope.list->log) {
      if (!each->end() || each->end() > scope.last + 1) break;
      gather(each, last);
      last = each->end() - 1;
    }
    for (const auto& own : scope.list->attached) {
      if (own->base() && own->end() <= last + 1) gather(own, last);
    }
    load();
    return last;
  }

 private:
  static constexpr std::size_t many = 20'000;  // that a second thread is worth it
  static constexpr std::size_t shards = key_store<Policies>::table_type::shard_count;

  void gather(const segment_ptr<Policies>& each, lsn last) {
    const std::uint64_t bytes = each->bytes().size();  // first: so much is addressed
    auto& next = parts_.emplace_back();
    next.in = &store_.space().of(each);
    const std::uint64_t end = each->end_offset();
    end != 0 ? next.of.take(*each, end) : next.of.take(*each, bytes, last);
    next.in->add_dead(each->entries().waste().dead_bytes);
    // The values under that one may have ended with a record that no hint tells of.
    const auto adds = [](const key_hint& hint) { return hint.verb() == format::key_verb::add; };
    if (light::any_of(next.of.hints, adds)) next.in->doubt();
    count_ += next.of.hints.size();
  }

  /// Takes what is intact of everything, record by record, and believes no hint: for salvage.
  void replay(const read_scope<Policies>& scope) {
    record_places<Policies> places;
    places.note(*scope.list, store_.space(), true);
    for (const record& each : record_range<Policies>{scope, scope.first}) {
      point_key(store_, each, places);
    }
  }

  void load() {
    load_all();
    std::sort(names_.begin(), names_.end());  // neighbours one after the other are found faster
    for (const std::string& key : names_) store_.order().insert(as_bytes(key));
    names_ = {};
  }

  void load_all() {
    if (count_ < many) return load(0, shards, names_);
    std::exception_ptr failure;
    std::vector<std::string> names;
    typename key_store<Policies>::system::thread second{[&] {
      try {
        load(shards / 2, shards, names);
      } catch (...) {
        failure = std::current_exception();
      }
    }};
    try {
      load(0, shards / 2, names_);
    } catch (...) {
      second.join();
      throw;
    }
    second.join();
    if (failure) std::rethrow_exception(failure);
    for (std::string& name : names) names_.push_back(std::move(name));
  }

  void load(std::size_t first, std::size_t end, std::vector<std::string>& names) {
    key_loader<Policies> loader{store_, parts_};
    loader.run(first, end);
    names = loader.take_names();
  }

  key_store<Policies>& store_;
  std::vector<typename key_loader<Policies>::part> parts_;
  std::size_t count_ = 0;
  std::vector<std::string> names_;  // the keys, if the log keeps them in order
};

}  // namespace logdb::detail
