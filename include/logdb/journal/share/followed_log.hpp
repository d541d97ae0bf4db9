// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// A log that another process may write, as a reader knows it: what was walked, and how far.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <logdb/compiled.hpp>
#include <logdb/error.hpp>
#include <logdb/journal/open/find_end.hpp>
#include <logdb/journal/open/rebuild.hpp>
#include <logdb/journal/open/staged_view.hpp>
#include <logdb/journal/read/record_walker.hpp>
#include <logdb/journal/segments/known_segments.hpp>
#include <logdb/journal/share/writer_link.hpp>
#include <logdb/options.hpp>
#include <logdb/policy/storage_traits.hpp>
#include <logdb/stats.hpp>

namespace logdb::detail {

/// What the options and policies of a log say to a reader.
template <class Policies>
struct follow_wishes {
  typename Policies::index::options index{};
  recovery_mode recovery = recovery_mode::refuse;
  watermark readable = watermark::durable;  // where the writer does not say
  bool has_many_writers = false;
};

/// The segments of a log that others may write, brought up to date when they are asked for. Writes
/// nothing.
///
/// @threads  one at a time
template <class Policies>
class followed_log {
 public:
  using storage = typename Policies::storage;
  using table = basic_known_segments<Policies>;

  followed_log(std::shared_ptr<storage> volume, const follow_wishes<Policies>& wishes)
      : wishes_{wishes}, link_{std::move(volume)} {}

  /// Learns of what the writer did since; again if it dropped meanwhile what was to be looked at.
  /// @errors  errc::not_found, errc::not_a_log, errc::format_mismatch, errc::corrupt, errc::io
  void refresh();

  /// What a reader may see, as of the last refresh().
  [[nodiscard]] const read_scope<Policies>& scope() const { return scope_; }
  [[nodiscard]] const table& segments() const { return *segments_; }
  [[nodiscard]] writer_link<storage>& writers() { return link_; }
  /// What the first refresh() found.
  [[nodiscard]] const recovery_report& report() const { return report_; }

 private:
  static constexpr bool may_see_accepted = file_traits<typename storage::file>::maps_private();

  /// Learns of what the writer did since. The watermark comes first: the manifest then names all it
  /// covers.
  void look() {
    lsn last = look_at_watermark();
    auto found = read_manifest();
    // What was shown from staging stands in the segments by now.
    const bool outgrown = staged_ && *staged_ && last >= *staged_;
    if (!segments_ || found.generation != generation_ || outgrown) {
      // It may be another writer's by now, with a control file of its own.
      link_.detach();
      last = look_at_watermark();
      found = read_manifest();
      reload(found);
      const bool shows = !staged_ || *staged_ > last;
      staged_ = shows && show_staged() ? walked_->place.next - 1 : lsn{};
    }
    walk(std::max(last, staged_.value_or(lsn{})));
    scope_.list = segments_->list();
    scope_.first = scope_.list->log.front()->base();
    // A control file may say anything.
    scope_.last = std::clamp(scope_.last, scope_.first - 1, format::lsn_max);
    scope_.salvage = wishes_.recovery == recovery_mode::salvage;
  }

  /// Shows what is only accepted, where a reader sees that; tells whether there was some.
  bool show_staged() {
    if constexpr (may_see_accepted) {
      if (!link_ || shown() == watermark::durable) return false;
      if (!staged_view<Policies>{link_.ring(), *segments_}.show()) return false;
      walk(watermark_lsn());
      return true;
    }
    return false;
  }

  [[nodiscard]] lsn look_at_watermark() {
    link_.attach(wishes_.recovery, [this] { return read_manifest().store; });
    return watermark_lsn();
  }
  /// Returns up to which watermark readers see records: by the word of who writes the log.
  [[nodiscard]] watermark shown() const {
    const watermark said = link_ ? link_.ring().shown(wishes_.readable) : wishes_.readable;
    return std::clamp(said, watermark::written, watermark::durable);
  }
  [[nodiscard]] lsn watermark_lsn() const { return link_.reached(shown()); }

  /// To salvage a log whose manifest is gone or damaged makes one of the segments, once: a writer
  /// that does so leaves a sound one.
  [[nodiscard]] format::manifest read_manifest() {
    if (rebuilt_ && !is_manifest_sound<Policies>(*link_.volume())) return *rebuilt_;
    const bool salvages = wishes_.recovery == recovery_mode::salvage;
    auto found = load_or_rebuild<Policies>(*link_.volume(), open_mode::read_only, wishes_.recovery,
                                           salvages || !segments_);
    if (!found) require_no_segments(*link_.volume());
    if (!found) {
      throw error{errc::not_found,
                  "there is no log here",
                  {.path = link_.volume()->path(), .remedy = create_remedy}};
    }
    if (salvages && !is_manifest_sound<Policies>(*link_.volume())) rebuilt_ = found;
    return *std::move(found);
  }

  void reload(const format::manifest& found) {
    auto fresh = std::make_unique<table>(link_.volume(), found, wishes_.index, wishes_.recovery,
                                         wishes_.has_many_writers);
    if (segments_ && !was_replaced()) keep_known(*fresh);
    segments_ = std::move(fresh);
    generation_ = found.generation;
    walked_.reset();
    passed_to_ = {};
  }

  /// Tells whether the storage found another file in the place of its own: what is mapped of the
  /// old one no longer grows.
  [[nodiscard]] bool was_replaced() {
    const std::uint64_t now = storage_traits<storage>::replacements(*link_.volume());
    return std::exchange(replacements_, now) != now;
  }

  /// Takes over the segments that are known already, so that they stay mapped.
  void keep_known(table& fresh) const {
    const auto known = segments_->list();
    fresh.edit([&known](auto& list) {
      for (auto& segment : list.log) {
        const auto same = known->find_log(segment->number(), segment->salt());
        // A walk bounds what the manifest does not yet: that is to be walked again.
        const bool says_the_same = same != nullptr && !same->is_overlaid() &&
                                   segment->end() == same->end() &&
                                   segment->entry() == same->entry();
        if (says_the_same) segment = same;
      }
    });
  }

  /// Walks what the manifest does not bound, from where the last walk ended.
  void walk(lsn last) {
    const auto list = segments_->list();
    if (link_) {
      // A frame that is just being written is no damage: the walk stops there and goes on next
      // time.
      auto walk =
          walked_ ? open_walk<Policies>{*list, std::move(*walked_)} : open_walk<Policies>{*list};
      walk.walk_on();
      walked_ = std::move(walk.end());
      const lsn next = walked_->place.next;
      const bool is_damage = next <= last && next != passed_to_;
      if (is_damage && wishes_.recovery == recovery_mode::salvage) pass_damage(*list, last);
      // Nothing says that the parts of a copy are of one moment.
      scope_.last = link_.ring().is_copy() ? std::min(last, next - 1) : last;
    } else if (!walked_) {
      walked_ = end_finder<Policies>{*list, wishes_.recovery, dead_writer{}}.run();
      scope_.last = walked_->place.next - 1;
      report_.damages = walked_->damages;
    }
    report_.scanned_bytes = walked_->scanned_bytes;
    adopt_met(*segments_, *walked_);
  }

  /// Goes on behind what is no frame, though the kernel was given records up to one behind it: no
  /// writer is just at it.
  void pass_damage(const segment_list<Policies>& list, lsn given) {
    walked_ = end_finder<Policies>{list, recovery_mode::salvage, {.kept = given}}.run();
    passed_to_ = walked_->place.next;
    if (scope_.list) return;  // the report is of the open
    for (const damage& each : walked_->damages) {
      if (each.kind == damage_kind::corruption) report_.damages.push_back(each);
    }
  }

  follow_wishes<Policies> wishes_;
  writer_link<storage> link_;
  std::unique_ptr<table> segments_;
  std::uint64_t generation_ = 0;
  std::optional<format::manifest> rebuilt_;  // of the segments, while there is no sound one
  std::uint64_t replacements_ = 0;           // of the storage's file, when segments_ was made
  std::optional<log_end<Policies>> walked_;  // of the open part
  lsn passed_to_{};                          // of the open part, behind damage; 0: none was passed
  // The last record that was shown from staging; 0: none was; nothing: nobody has looked. Only the
  // first look shows what is staged: a writer that lives writes it soon.
  std::optional<lsn> staged_;
  read_scope<Policies> scope_;
  held_list<Policies> held_;
  recovery_report report_;
};

template <class Policies>
LOGDB_INLINE void followed_log<Policies>::refresh() {
  for (;;) {
    try {
      look();
      // The writer may have dropped some of it before it was held.
      if (held_.hold(scope_.list) || read_manifest().generation == generation_) return;
    } catch (const error& missing) {
      if (missing.condition() != errc::corrupt || read_manifest().generation == generation_) throw;
    }
  }
}

}  // namespace logdb::detail
