// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The values that the paths of an aggregate have in one event.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <logdb/query/evaluate/answer.hpp>
#include <logdb/query/evaluate/event_time.hpp>
#include <logdb/query/evaluate/leaf.hpp>
#include <logdb/query/evaluate/path_match.hpp>
#include <logdb/query/json.hpp>
#include <logdb/query/language/time.hpp>
#include <logdb/query/language/tree.hpp>
#include <logdb/types.hpp>

namespace logdb::query::detail {

/// The values of some paths in one event after another.
class collector {
 public:
  explicit collector(const time_fields& times) : times_{times} {}

  /// Adds a path; returns its number.
  std::size_t add(const field_path& path) {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (paths_[i].path() == path) return i;
    }
    wants_time_ = wants_time_ || path.where == place::time;
    paths_.emplace_back(path);
    values_.emplace_back();
    return paths_.size() - 1;
  }

  /// Has the time of each event read, too.
  void want_time() { wants_time_ = true; }

  /// Reads an event. Strings, numbers, true and false are values; the others are none.
  void read(std::string_view event, timestamp appended, lsn at) {
    if (paths_.empty() && !wants_time_) return;
    for (auto& values : values_) values.clear();
    time_finder time{times_};
    const bool object =
        walk_object(event, [&](json_path names, json_kind kind, const json_text& text) {
          leaf_value value{kind, text, room_};
          if (wants_time_) time.see(names, value);
          for (std::size_t i = 0; i < paths_.size(); ++i) {
            if (paths_[i].path().where == place::field && paths_[i].is_at(names)) {
              keep(values_[i], value);
            }
          }
        });
    time_ = object ? time.or_else(appended) : appended;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      settle(paths_[i].path().where, values_[i], object, appended, at);
    }
  }

  /// Returns the values of a path in the event that was read, in its order.
  [[nodiscard]] const std::vector<answer_value>& values(std::size_t path) const {
    return values_[path];
  }
  /// Returns the time of the event that was read, if that was wanted.
  [[nodiscard]] timestamp time() const { return time_; }

 private:
  static void keep(std::vector<answer_value>& into, leaf_value& value) {
    using enum answer_value::kind;
    switch (value.kind()) {
      case json_kind::string: into.push_back({text, std::string{value.text()}}); break;
      case json_kind::number:
        into.push_back(make_number(value.number(), value.written().bytes));
        break;
      case json_kind::true_: into.push_back({true_, "true"}); break;
      case json_kind::false_: into.push_back({false_, "false"}); break;
      default: break;
    }
  }

  /// Sets the value of a path that is no field's; what was found in no object is none.
  void settle(place where, std::vector<answer_value>& into, bool object, timestamp appended,
              lsn at) const {
    using enum answer_value::kind;
    if (where == place::field) {
      if (!object) into.clear();
    } else if (where == place::lsn) {
      const std::string digits = std::to_string(at.value());
      into.push_back(make_number(parse_number(digits), digits));
    } else if (where == place::malformed) {
      into.push_back(object ? answer_value{false_, "false"} : answer_value{true_, "true"});
    } else {
      into.push_back({text, print_time(where == place::time ? time_ : appended)});
    }
  }

  const time_fields& times_;
  std::vector<path_match> paths_{};
  std::vector<std::vector<answer_value>> values_{};  // of each path
  timestamp time_{};
  bool wants_time_ = false;
  std::string room_{};
};

}  // namespace logdb::query::detail
