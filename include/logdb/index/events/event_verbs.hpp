// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The verbs that append events, of an event log and of its transactions.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <logdb/index/append_verbs.hpp>
#include <logdb/index/events/event_check.hpp>
#include <logdb/index/events/event_lines.hpp>
#include <logdb/index/events/event_object.hpp>
#include <logdb/journal/write/batch_builder.hpp>
#include <logdb/policy/index.hpp>
#include <logdb/types.hpp>

namespace logdb::detail {

/// Gives `append` and `append_lines` to a log or a transaction, by its narrow view. What is no
/// event is refused before any lock is taken.
template <class Target>
class event_append_verbs {
 public:
  /// Appends one event, byte for byte as it is, and returns its lsn; within a transaction, its
  /// number there, from 1.
  ///
  /// @param event  one JSON object, white space around it allowed; copied
  /// @errors       errc::bad_event, whose offset() is the byte, unless `index.check` is none;
  ///               errc::record_too_large, errc::no_space, errc::failed, errc::closed,
  ///               errc::read_only; nothing was appended
  /// @durability   as the durability policy promises: docs/policies/durability.md
  /// @threads      any
  /// @blocks       for the append lock; for a sync if the policy waits for one
  /// @cost         O(bytes): the check, about 0.7 ns a byte, then that of any log's append
  template <bytes_like Bytes>
  lsn append(const Bytes& event) {
    auto view = log_access::view(self());
    const bytes_view bytes = to_bytes(event);
    const auto fault = event_fault(as_text(bytes), view.options().index);
    if (!fault) refuse(view, "the event", fault);
    return view.append(bytes);
  }
  /// Appends an event made of C++ values: `append({{"level", "INFO"}, {"ms", 12}})`.
  lsn append(const event_object& event) { return append(event.text()); }

  /// Appends the events of a range as one batch, atomically: after a crash all of them are there or
  /// none.
  ///
  /// @param events  any range of things that `append` takes; an empty one appends nothing
  /// @return        the lsn of the last of them; of an empty range, `last_lsn()`
  /// @errors        as for one event; errc::bad_event names the number of the event, from 1
  template <range_of_bytes Range>
  lsn append(Range&& events) {
    auto view = log_access::view(self());
    batch_builder batch;
    for (auto&& event : events) {
      const bytes_view bytes = to_bytes(event);
      if (const auto fault = event_fault(as_text(bytes), view.options().index); !fault) {
        refuse(view, "event " + std::to_string(batch.count() + 1) + " of the batch", fault);
      }
      batch.add(bytes);
    }
    return view.append(std::move(batch));
  }

  /// Appends those lines of newline-delimited JSON that are events, in batches, and reports those
  /// that are not. A byte order mark before the first line, the ends of lines (LF or CR LF) and
  /// lines of white space are no part of an event; the last line may lack its end.
  ///
  /// @errors  as for one event, but errc::bad_event and errc::record_too_large, which are reported;
  ///          of a log the batches before it were appended, as the other form reports
  /// @cost    as append() of ranges; memory for one batch, at most 256 KiB or one event
  template <bytes_like Bytes>
  appended_lines append_lines(const Bytes& text) {
    appended_lines report;
    append_lines(text, report);
    return report;
  }

  /// Does so, and leaves the report also when it throws: the text from `done_bytes` on can be given
  /// again, and what was refused of that is reported again. A transaction takes all or nothing.
  template <bytes_like Bytes>
  void append_lines(const Bytes& text, appended_lines& report) {
    const std::string_view given = as_text(to_bytes(text));
    report = {};
    if constexpr (requires { self().commit(); }) {
      appended_lines made;
      auto unit = self().begin();
      append_in_batches(log_access::view(unit), given, made);
      unit.commit();
      report = std::move(made);
    } else {
      append_in_batches(log_access::view(self()), given, report);
    }
  }

 private:
  /// Throws why an event is not taken: that the log takes none comes before what is wrong with it.
  template <class View>
  [[noreturn]] static void refuse(View view, const std::string& which,
                                  const query::json_result& fault) {
    view.append(batch_builder{});
    throw_bad_event(which, fault);
  }

  Target& self() { return static_cast<Target&>(*this); }

  template <class View>
  static void append_in_batches(View view, std::string_view text, appended_lines& report) {
    const auto& chosen = view.options();
    const auto batch_max = std::min<std::uint64_t>(256u << 10, chosen.durability.staging_bytes / 8);
    batch_builder batch;
    view.append(batch);  // of nothing: whoever cannot be appended to says so, whatever the text is
    event_lines lines{text};
    for (std::uint64_t before = 0; lines.next(); before = lines.read_bytes()) {
      const std::uint64_t bytes = lines.line().size();
      if (!accepts(lines, chosen, report)) continue;
      if (!batch.empty() && batch.footprint() + bytes > batch_max) {
        append_batch(view, batch, report);
        report.done_bytes = before;
      }
      batch.add(as_bytes(lines.line()));
    }
    if (!batch.empty()) append_batch(view, batch, report);
    report.done_bytes = text.size();
  }

  /// Tells whether a line is an event; reports it if not.
  template <class Options>
  static bool accepts(const event_lines& lines, const Options& chosen, appended_lines& report) {
    const auto fault = event_fault(lines.line(), chosen.index);
    const bool fits = lines.line().size() <= chosen.record_bytes_max;
    if (fault && fits) return true;
    if (report.refused_total++ >= appended_lines::kept_max) return false;
    refused_line refused{.line = lines.number()};
    if (fault) {
      refused.byte = chosen.record_bytes_max;
      refused.reason = "the end of the line: longer than record_bytes_max";
    } else {
      refused.byte = fault.byte;
      refused.reason = (lines.is_cut(fault.byte) ? "the rest of the line, which was cut: " : "") +
                       std::string{fault.expected};
    }
    report.refused.push_back(std::move(refused));
    return false;
  }

  template <class View>
  static void append_batch(View& view, batch_builder& batch, appended_lines& report) {
    report.last = view.append(batch);
    if (!report.first) report.first = report.last - (batch.count() - 1);
    report.appended += batch.count();
    batch.truncate(0);
  }
};

}  // namespace logdb::detail
