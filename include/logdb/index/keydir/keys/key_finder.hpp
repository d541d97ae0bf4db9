// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Finds the newest record of a key, and decides what damage among those that may be it means.

#include <cstdint>

#include <logdb/format/hash.hpp>
#include <logdb/index/keydir/places/record_source.hpp>
#include <logdb/index/keydir/table/table.hpp>

namespace logdb::detail {

/// Says what a look for a record came to.
enum class key_lookup : std::uint8_t {
  none,   ///< there is none, or it is damaged and salvage passes that
  found,  ///< it is there
  again,  ///< its segment has just gone
};

/// Looks into the table, and compares with the log.
///
/// A key has one slot in the table. So a damaged record, whose key nobody can tell, is another
/// key's if the key that is looked for has an intact one; if not, it may be that key's.
/// @threads  any; inside the gate, or under the shard's lock
template <class Policies>
class key_finder {
 public:
  using table_type = keydir_table<typename Policies::storage::system>;
  using read_type = read_record<Policies>;

  /// @param salvages  damage is passed, and what is given was checked
  key_finder(table_type& table, const record_source<Policies>& source, bool salvages)
      : table_{table}, source_{source}, salvages_{salvages} {}

  /// Looks a key up. Unless the log salvages, what is found was compared, not checked.
  /// @errors  errc::corrupt, errc::io
  key_lookup look(std::uint64_t hash, bytes_view key, read_type& out) const {
    if (salvages_) [[unlikely]]
      return look_past(hash, key, out);
    bool stale = false;
    damaged_record damaged;
    const address at = table_.find(hash, [&](address candidate) {
      const reading read = source_.find(candidate, out);
      if (read == reading::gone) return stale = true;
      if (read == reading::whole && is_same_key(out.record.key, key)) [[likely]]
        return true;
      note(read, out, damaged);
      return false;
    });
    if (stale) return key_lookup::again;
    out.listed = at;
    if (at != 0) [[likely]]
      return key_lookup::found;
    if (damaged.in != nullptr) source_.throw_corrupt(damaged.in, damaged.offset);
    return key_lookup::none;
  }

  /// Reads what the table leads to, checksums and all.
  /// @errors  errc::corrupt, errc::io
  key_lookup read_whole(address at, read_type& out) const {
    const reading read = source_.find(at, out);
    if (read == reading::gone) return key_lookup::again;
    if (read == reading::whole && source_.is_intact(out)) return key_lookup::found;
    if (!salvages_) source_.throw_corrupt(out.in, out.offset);
    return key_lookup::none;
  }

 private:
  /// Where something damaged stands.
  struct damaged_record {
    const stretch<Policies>* in = nullptr;  // null: nothing is damaged
    std::uint64_t offset = 0;
  };

  /// Takes down what has not the key that was looked for, if it is damaged.
  [[gnu::noinline]] void note(reading read, const read_type& other, damaged_record& damaged) const {
    if (read == reading::whole && source_.is_intact(other)) return;
    damaged = {other.in, other.offset};
  }

  /// Looks a key up among what is intact.
  [[gnu::noinline]] key_lookup look_past(std::uint64_t hash, bytes_view key, read_type& out) const {
    bool stale = false;
    out.listed = table_.find(hash, [&](address candidate) {
      const reading read = source_.find(candidate, out);
      stale = read == reading::gone;
      return stale ||
             (read == reading::whole && is_same_key(out.record.key, key) && source_.is_intact(out));
    });
    if (stale) return key_lookup::again;
    return out.listed != 0 ? key_lookup::found : key_lookup::none;
  }

  table_type& table_;
  const record_source<Policies>& source_;
  bool salvages_;
};

}  // namespace logdb::detail
