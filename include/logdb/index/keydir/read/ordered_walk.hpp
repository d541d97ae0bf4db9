// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A walk through the keys of an ordered keydir, some dozen at a time.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <logdb/index/keydir/keys/key_store.hpp>
#include <logdb/stored_bytes.hpp>

namespace logdb::detail {

/// Gives keys with their values in the order of their bytes, or in the opposite one.
///
/// A miss of the cache takes longer than all the rest of a row, so what a row needs is fetched for
/// many at once: first the keys, then the slots, then the records. What was read ahead is given
/// only if nothing was written since, or the key still leads to it.
/// @threads  one at a time
template <class Policies>
class ordered_walk {
  using store_type = key_store<Policies>;

 public:
  /// @param to  one past the last; nothing: to the end
  ordered_walk(store_type& store, std::string from, std::optional<std::string> to, bool reverse)
      : store_{store}, from_{std::move(from)}, to_{std::move(to)}, reverse_{reverse} {}

  /// Returns the next key that has a value; null: there is none. Valid until the next call.
  /// @errors  errc::corrupt, errc::io, errc::closed
  const key_entry* next() {
    for (;;) {
      while (next_ == rows_.size()) {
        if (!look_ahead()) return nullptr;
      }
      row& at = rows_[next_++];
      if (is_current(at) || read_again(at)) return &at.entry;
    }
  }

 private:
  // A walk that ends soon looks at little that it does not need.
  static constexpr std::size_t ahead_first = 8;
  static constexpr std::size_t ahead_max = 32;

  struct row {
    std::uint64_t hash = 0;
    address listed = 0;  // where the table led; 0: it was not read
    key_entry entry{};
  };

  [[nodiscard]] bool is_current(const row& at) {
    if (at.listed == 0) return false;
    auto& view = store_.view();
    const auto ends = at.entry.value.expires();
    if (ends && *ends <= view.clock()) return false;
    if (view.follows() || view.reached(watermark::appended) == seen_) return true;
    store_.refresh();
    const auto inside = store_.gate().enter();
    return store_.table().holds(at.hash, at.listed);
  }

  bool read_again(row& at) {
    auto value = store_.get(at.entry.key.bytes());
    if (value) at.entry.value = *std::move(value);
    return value.has_value();
  }

  /// Reads the next rows; false: there are no more keys.
  bool look_ahead() {
    rows_.clear();
    next_ = 0;
    if (!store_.view().follows()) seen_ = store_.view().reached(watermark::appended);
    store_.refresh();
    const auto inside = store_.gate().enter();
    keys_.clear();
    reverse_ ? look_back() : look_on();
    if (keys_.empty()) return false;
    rows_.reserve(keys_.size());
    last_ = as_text(keys_[look_up() - 1]);
    ahead_ = std::min(2 * ahead_, ahead_max);
    return true;
  }

  void look_on() {
    store_.order().next_keys(as_bytes(last_ ? *last_ : from_), last_.has_value(), ahead_, keys_);
    const auto is_past = [this](bytes_view key) { return compare_keys(key, as_bytes(*to_)) >= 0; };
    while (to_ && !keys_.empty() && is_past(keys_.back())) keys_.pop_back();
  }

  void look_back() {
    const auto& bound = last_ ? last_ : to_;
    const bytes_view end = bound ? as_bytes(*bound) : bytes_view{};
    store_.order().previous_keys(bound ? &end : nullptr, ahead_, keys_);
    const auto is_past = [this](bytes_view key) { return compare_keys(key, as_bytes(from_)) < 0; };
    while (!keys_.empty() && is_past(keys_.back())) keys_.pop_back();
  }

  /// Reads the rows of the keys, up to the first that cannot be read at once: that one is read
  /// when it is its turn, and those behind it after it. Returns how many were dealt with.
  std::size_t look_up() {
    fetch();
    std::size_t done = 0;
    while (done < keys_.size() && try_take(keys_[done], hashes_[done])) ++done;
    if (done != 0) return done;
    rows_.emplace_back().entry.key = stored_bytes::copy_of(keys_.front());
    return 1;
  }

  /// Has the processor fetch the slots of all, and then the records that these lead to.
  void fetch() {
    auto& table = store_.table();
    hashes_.clear();
    for (const bytes_view key : keys_) {
      table.prefetch(hashes_.emplace_back(store_.hash(key)));
    }
    for (const std::uint64_t hash : hashes_) {
      (void)table.find(hash, [this](address candidate) {
        const auto* const in = store_.space().at(candidate);
        if (in != nullptr) in->prefetch(candidate - in->base());
        return true;
      });
    }
  }

  /// Reads a row if the key has a value; false: that needs a wait or a look at other records, or
  /// failed.
  bool try_take(bytes_view key, std::uint64_t hash) {
    using lookup = typename store_type::lookup;
    try {
      const lookup looked = store_.look_between(hash, key, found_);
      if (looked == lookup::again) return false;
      if (looked == lookup::none) return true;
      if (!store_.is_readable(found_)) return false;
      if (!store_.is_value(found_)) return !store_.is_veil(found_);
      row& made = rows_.emplace_back();
      made.hash = hash;
      made.listed = found_.listed;
      made.entry.key = store_.source().keep(found_, found_.record.key);
      made.entry.value = store_.value_of(found_);
      return true;
    } catch (const error&) {
      return false;  // who comes to it is told: those before it are sound
    }
  }

  store_type& store_;
  std::string from_;
  std::optional<std::string> to_;  // nothing: no bound
  bool reverse_;
  std::vector<row> rows_;  // ahead, in order
  std::size_t next_ = 0;
  stream_position seen_{};  // what was appended before the rows were looked up
  std::size_t ahead_ = ahead_first;
  std::optional<std::string> last_;  // the last key that was dealt with
  std::vector<bytes_view> keys_;     // of look_ahead(), as the rest: valid inside the gate
  std::vector<std::uint64_t> hashes_;
  read_record<Policies> found_;
};

}  // namespace logdb::detail
