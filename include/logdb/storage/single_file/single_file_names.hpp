// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The names of one open file that holds many: read, changed, made durable, and shared with other
/// processes that change them.

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include <logdb/platform/expects.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/storage/single_file/single_file_line.hpp>
#include <logdb/storage/single_file/single_file_shown.hpp>
#include <logdb/storage/single_file/single_file_tables.hpp>

namespace logdb::detail {

/// The names of a store in one file, and which syncs of it have failed.
///
/// Where processes share the file each change is made in turn, under a lock in their control file,
/// on top of what the others have published: room is taken and told in one step, so that no two
/// take the same, and who dies in between leaves a table that is whole.
///
/// @threads  any
template <class System>
class single_file_names {
 public:
  using file = directory_file<System>;
  using region = single_file_region;
  using region_ptr = std::shared_ptr<region>;
  using regions_ptr = std::shared_ptr<const single_file_regions>;
  using line_type = single_file_line<System>;

  explicit single_file_names(file opened) : tables_{std::move(opened)} {}
  single_file_names(const single_file_names&) = delete;
  single_file_names& operator=(const single_file_names&) = delete;

  /// Reads what is in the file. @errors errc::not_a_log, errc::corrupt, errc::format_mismatch
  void load() {
    const guard lock{io_mutex_};
    read();
  }
  /// The same if somebody else has changed it.
  void refresh() {
    const guard lock{io_mutex_};
    if (!tables_.is_current()) read();
  }
  /// The same among processes that share it. @cost  none if nobody has
  void catch_up() {
    if (progress().newest() == shown_.generation()) return;
    const guard lock{io_mutex_};
    const turn mine{*this};
  }
  /// Makes a new file one that holds none, on stable storage.
  void begin() {
    const guard lock{io_mutex_};
    shown_.note_written(tables_.write(*names()));
    sync_all();
  }

  /// Goes on as one of several processes that change it, of which this is the first: nobody else
  /// sees the line yet.
  void begin_sharing(line_type& line) {
    const guard lock{io_mutex_};
    progress().begin_sharing(line);
    for (const auto& [name, own] : *names()) own->known_since = failures();
    progress().enter(line);
  }
  /// The same beside others.
  void share(line_type& line) {
    const guard lock{io_mutex_};
    progress().enter(line);
    const turn mine{*this};
  }
  [[nodiscard]] bool is_shared() const { return progress().is_shared(); }

  [[nodiscard]] const file& bytes() const { return tables_.bytes(); }
  [[nodiscard]] regions_ptr names() const { return shown_.all(); }
  /// Returns a region; null when there is none of that name.
  [[nodiscard]] region_ptr find(std::string_view name) const { return shown_.find(name); }

  /// Returns a new, empty region; null when the name is taken.
  [[nodiscard]] region_ptr create(std::string_view name) {
    auto made = std::make_shared<region>();
    const bool is_new = change([&](single_file_regions& all) {
      made->known_since = failures();
      return all.try_emplace(std::string{name}, made).second;
    });
    return is_new ? made : nullptr;
  }
  /// Returns false when there is nothing of that name.
  bool rename(std::string_view from, std::string_view to) {
    return change([&](single_file_regions& all) { return rename_region(all, from, to); });
  }
  void remove(std::string_view name) {
    change([&](single_file_regions& all) { return erase_region(all, name); });
  }

  /// Names what was written to regions that have no names yet.
  void fill(single_file_regions all) {
    change([&](single_file_regions& names) {
      names = std::move(all);
      return true;
    });
  }

  /// Makes the names durable.
  void sync() {
    const guard lock{io_mutex_};
    sync_all();
  }

  /// Writes the table once more, so that damage to one of the two loses nothing.
  void repeat() {
    const guard lock{io_mutex_};
    {
      const turn mine{*this};
      publish(*names());
    }
    sync_all();
  }

  /// Refuses every change of names and places from now on, and has nothing in common with others.
  void close() {
    const guard lock{io_mutex_};
    tables_.close();
  }

  /// Returns which part of the file nothing stands in any more, 0 .. 1.
  [[nodiscard]] double dead_ratio() {
    const guard lock{io_mutex_};
    const turn mine{*this};
    const std::uint64_t all = tables_.heads().end() - format::single_file_data_begin;
    const std::uint64_t live = tables_.heads().table_bytes() + capacity_of(*names());
    return all == 0 ? 0 : 1 - static_cast<double>(live) / static_cast<double>(all);
  }

 protected:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;

  ~single_file_names() = default;

  [[nodiscard]] single_file_progress<System>& progress() { return tables_.progress(); }
  [[nodiscard]] const single_file_progress<System>& progress() const { return tables_.progress(); }
  [[nodiscard]] std::uint64_t failures() const { return progress().failures(); }

  /// Holds the names against the other processes, and knows what they did. With io_mutex_ held.
  class turn {
   public:
    explicit turn(single_file_names& host) : turn_{host.progress().line()} {
      LOGDB_EXPECTS(host.io_mutex_.is_held());
      host.learn(turn_.is_inherited());
    }

   private:
    single_file_turn<System> turn_;
  };

  /// Reads what nobody shares yet.
  void read() { show(tables_.load()); }

  /// Takes over what others wrote.
  /// @param inherited  whoever had the turn died with it, and may have written one and not said so
  void learn(bool inherited) {
    if (!is_shared()) return;
    if (inherited || tables_.is_behind()) show(shown_.merge(tables_.catch_up(), learned_at_));
    learned_at_ = failures();
    if (inherited) progress().note_inherited(tables_.heads().newest());
  }

  void show(single_file_regions all) { shown_.show(std::move(all), tables_.heads().newest()); }

  /// Exchanges the names for a changed copy, once that is in the file; false: it changed nothing.
  template <class Change>
  bool change(Change&& make_change) {
    const guard lock{io_mutex_};
    const turn mine{*this};
    auto next = *names();
    if (!make_change(next)) return false;
    publish(next);
    show(std::move(next));
    return true;
  }

  /// Writes a table of these names, behind one that is on stable storage. In a turn.
  void publish(const single_file_regions& all) {
    LOGDB_EXPECTS(io_mutex_.is_held());
    shown_.note_written(tables_.publish(all));
  }
  /// The same where it is enough that others learn of it: who goes on alone says it with the next
  /// change.
  void tell() {
    if (is_shared()) publish(*names());
  }

  void sync_all() {
    const std::uint64_t before = failures();
    // Alone it costs nothing to look.
    const std::uint64_t table = is_shared() && progress().is_settled() ? 0 : prepare_table();
    tables_.sync();
    // Another process's may have dropped what this one then found clean.
    if (failures() != before) tables_.throw_in_doubt(0);
    if (table == 0) return;
    const turn mine{*this};
    tables_.note_synced(table);
  }

  /// Returns the generation that the next sync makes durable.
  std::uint64_t prepare_table() {
    const turn mine{*this};
    tables_.settle();
    if (tables_.is_to_renew()) publish(*names());
    return tables_.heads().newest();
  }

  mutable mutex io_mutex_;  // of tables_; held over syncs, so that none is missed
  single_file_tables<System> tables_;

 private:
  std::uint64_t learned_at_ = 0;  // failed syncs when what others did was last looked at
  shown_names<System> shown_;
};

}  // namespace logdb::detail
