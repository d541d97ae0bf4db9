// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Whether the names on the way to a leaf are a path of a query: nested, flat with dots, or mixed.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/query/evaluate/strings.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/language/tree.hpp>

namespace logdb::query::detail {

/// How a path lies to a leaf: `at` its place, or at an object that the leaf is `above` it in. With
/// `*` in the path it may be both.
struct path_relation {
  bool at = false;
  bool above = false;
};

/// A path of a query, ready to be compared. The names of an event fit if each is one part of the
/// path, or several joined by dots, in order.
class path_match {
 public:
  explicit path_match(field_path path) : path_{std::move(path)} {
    for (const path_part& part : path_.parts) {
      plain_ = plain_ && !part.any && part.name.find('.') == std::string::npos;
      if (!joined_.empty() || &part != path_.parts.data()) joined_ += '.';
      joined_ += part.name;
    }
  }

  [[nodiscard]] const field_path& path() const { return path_; }

  /// Returns whether the names lead to its place. Nearly all others are told by the last name.
  [[nodiscard]] bool is_at(json_path names) const {
    if (plain_ && !names.empty() && !names.back().escaped) {
      const std::string_view last = names.back().bytes;
      const std::string_view whole = joined_;
      const bool ends =
          last.empty() || (!whole.empty() && whole.back() == last.back() && whole.ends_with(last));
      if (!ends) return false;
    }
    return of(names).at;
  }

  /// Returns how it lies to a leaf behind these names.
  [[nodiscard]] path_relation of(json_path names) const {
    if (!plain_) return of_parts(names);
    std::string_view rest = joined_;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!take(rest, names[i])) return {};
      const bool last = i + 1 == names.size();
      if (rest.empty()) return {.at = last, .above = !last};
      rest.remove_prefix(1);  // the dot
    }
    return {};
  }

 private:
  /// Takes a name off the front of the rest of a path, up to a dot or the end.
  static bool take(std::string_view& rest, const json_text& name) {
    if (!name.escaped) return take_text(rest, name.bytes);
    std::string room;
    return take_text(rest, name.decoded(room));
  }

  static bool take_text(std::string_view& rest, std::string_view text) {
    if (!rest.starts_with(text)) return false;
    if (rest.size() > text.size() && rest[text.size()] != '.') return false;
    rest.remove_prefix(text.size());
    return true;
  }

  /// Compares by parts: bit i of `reached` says that the names so far may be the first i parts.
  [[nodiscard]] path_relation of_parts(json_path names) const {
    path_relation relation;
    std::uint64_t reached = 1;  // i = path_parts_max, the end of the longest path, is `ends`
    for (std::size_t n = 0; n < names.size() && reached != 0; ++n) {
      std::string room;
      const std::string_view name = names[n].decoded(room);
      std::uint64_t next = 0;
      bool ends = false;
      for (std::size_t from = 0; from < path_.parts.size(); ++from) {
        if ((reached >> from & 1) != 0) step(name, from, next, ends);
      }
      const bool last = n + 1 == names.size();
      relation.at = last && ends;
      relation.above = relation.above || (!last && ends);
      reached = next;
    }
    return relation;
  }

  /// Adds to `next` each part that may come behind a name which begins with part `from`.
  void step(std::string_view name, std::size_t from, std::uint64_t& next, bool& ends) const {
    pattern joined;
    for (std::size_t to = from; to < path_.parts.size(); ++to) {
      if (to > from) joined.text += '.';
      if (path_.parts[to].any) {
        joined.wild.push_back(static_cast<std::uint32_t>(joined.text.size()));
        joined.text += '*';
      } else {
        joined.text += path_.parts[to].name;
      }
      if (joined.text.size() > name.size() + joined.wild.size()) return;
      if (!glob{joined}.fits(name)) continue;
      if (to + 1 == path_.parts.size()) {
        ends = true;
      } else {
        next |= std::uint64_t{1} << (to + 1);
      }
    }
  }

  field_path path_;
  std::string joined_{};  // the parts, with dots between them
  bool plain_ = true;     // no part is `*` or has a dot: a dot in `joined_` is between two parts
};

}  // namespace logdb::query::detail
