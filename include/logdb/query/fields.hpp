// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What `| fields a, b.c` shows of an event: an object with the values of those paths.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/query/compile.hpp>
#include <logdb/query/evaluate/event_time.hpp>
#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/evaluate/path_match.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/json_text.hpp>
#include <logdb/query/language/time.hpp>
#include <logdb/query/language/tree.hpp>

namespace logdb::query {

/// The fields that a query shows, ready to be taken from one event after another.
/// @threads  any, at the same time
class field_view {
 public:
  explicit field_view(const compiled_query& of) : times_{of.time_fields()} {
    for (const pipe& each : of.pipes()) {
      if (each.is != pipe::kind::fields) continue;
      for (const field_path& path : each.paths) paths_.emplace_back(path);
    }
  }

  /// Returns whether the query names any; if not, it shows whole events.
  [[nodiscard]] bool is_empty() const { return paths_.empty(); }

  /// Returns a JSON object: for each path that has one its value, as it is written, or an array of
  /// its values, by the path's names with dots between them. Of what is no JSON object it has none
  /// but `_time`, `_append`, `_lsn` and `_malformed`.
  /// @cost  O(bytes), one walk; allocates
  [[nodiscard]] std::string text(std::string_view event, const event_site& site) const {
    std::vector<std::vector<std::string>> found(paths_.size());
    detail::time_finder time{times_};
    std::string room;
    const auto told = [&](json_path names, json_kind kind, const json_text& written) {
      detail::leaf_value value{kind, written, room};
      time.see(names, value);
      for (std::size_t i = 0; i < paths_.size(); ++i) {
        if (is_field(i) && paths_[i].is_at(names)) found[i].push_back(json_of(kind, written));
      }
    };
    const bool object = walk_object(event, told);
    std::string out = "{";
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (!is_field(i)) {
        found[i] = {special(paths_[i].path().where, object, time, site)};
      } else if (!object) {
        found[i].clear();
      }
      add(paths_[i].path(), found[i], out);
    }
    return out + '}';
  }

 private:
  [[nodiscard]] bool is_field(std::size_t path) const {
    return paths_[path].path().where == place::field;
  }

  static std::string json_of(json_kind kind, const json_text& written) {
    switch (kind) {
      case json_kind::string: return '"' + std::string{written.bytes} + '"';
      case json_kind::empty_object: return "{}";
      case json_kind::empty_array: return "[]";
      default: return std::string{written.bytes};
    }
  }

  static std::string special(place where, bool object, const detail::time_finder& time,
                             const event_site& site) {
    switch (where) {
      case place::lsn: return std::to_string(site.at.value());
      case place::malformed: return object ? "false" : "true";
      case place::time:
        return '"' + print_time(object ? time.or_else(site.appended) : site.appended) + '"';
      default: return '"' + print_time(site.appended) + '"';
    }
  }

  /// Adds a path and its values, if it has any.
  static void add(const field_path& path, const std::vector<std::string>& values,
                  std::string& out) {
    if (values.empty()) return;
    if (out.size() > 1) out += ',';
    out += '"';
    out += name_of(path.where);
    for (std::size_t i = 0; i < path.parts.size(); ++i) {
      if (i > 0) out += '.';
      append_escaped(path.parts[i].any ? "*" : path.parts[i].name, out);
    }
    out += "\":";
    if (values.size() > 1) out += '[';
    for (std::size_t i = 0; i < values.size(); ++i) (out += i > 0 ? "," : "") += values[i];
    if (values.size() > 1) out += ']';
  }

  detail::time_fields times_;
  std::vector<detail::path_match> paths_{};
};

}  // namespace logdb::query
