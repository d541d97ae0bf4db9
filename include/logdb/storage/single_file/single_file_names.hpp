// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The names of one open file that holds many: read, changed, made durable, and shared with other
/// processes that change them.

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include <logdb/durability_point.hpp>
#include <logdb/error.hpp>
#include <logdb/platform/atomic.hpp>
#include <logdb/platform/mutex.hpp>
#include <logdb/platform/scoped_lock.hpp>
#include <logdb/storage/single_file/single_file_heads.hpp>
#include <logdb/storage/single_file/single_file_line.hpp>

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

  explicit single_file_names(file opened) : file_{std::move(opened)} {}
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
    if (!heads_.is_current(file_)) read();
  }
  /// The same among processes that share it. @cost  none if nobody has
  void catch_up() {
    // Acquire: pairs with the release in publish().
    if (numbers().newest.load(std::memory_order_acquire) == shown_.load(std::memory_order_acquire))
      return;
    const guard lock{io_mutex_};
    const turn mine{*this};
  }
  /// Makes a new file one that holds none, on stable storage.
  void begin() {
    const guard lock{io_mutex_};
    write_table(*names());
    sync_all();
  }

  /// Goes on as one of several processes that change it, of which this is the first: nobody else
  /// sees the line yet.
  void begin_sharing(line_type& line) {
    const guard lock{io_mutex_};
    line.lock.init();
    line.magic = line_type::sound;
    line.numbers.start_as(numbers());
    for (const auto& [name, own] : *names()) own->known_since = failures();
    enter(line);
  }
  /// The same beside others.
  void share(line_type& line) {
    const guard lock{io_mutex_};
    enter(line);
    const turn mine{*this};
  }
  [[nodiscard]] bool is_shared() const { return line_.load(std::memory_order_acquire) != nullptr; }

  [[nodiscard]] const file& bytes() const { return file_; }
  [[nodiscard]] regions_ptr names() const {
    const guard lock{names_mutex_};
    return names_;
  }
  /// Returns a region; null when there is none of that name.
  [[nodiscard]] region_ptr find(std::string_view name) const {
    const auto all = names();
    const auto found = all->find(name);
    return found == all->end() ? nullptr : found->second;
  }

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
    return change([&](single_file_regions& all) {
      const auto found = all.find(from);
      if (found == all.end()) return false;
      auto moved = found->second;
      all.erase(found);
      all.insert_or_assign(std::string{to}, std::move(moved));
      return true;
    });
  }
  void remove(std::string_view name) {
    change([&](single_file_regions& all) {
      const auto found = all.find(name);
      if (found == all.end()) return false;
      all.erase(found);
      return true;
    });
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
    closed_ = true;
    own_numbers_.start_as(numbers());
    numbers_.store(&own_numbers_, std::memory_order_release);
    line_.store(nullptr, std::memory_order_release);
  }

  /// Returns which part of the file nothing stands in any more, 0 .. 1.
  [[nodiscard]] double dead_ratio() {
    const guard lock{io_mutex_};
    const turn mine{*this};
    const std::uint64_t all = heads_.end() - format::single_file_data_begin;
    std::uint64_t live = heads_.table_bytes();
    for (const auto& [name, own] : *names()) live += own->capacity.load(std::memory_order_relaxed);
    return all == 0 ? 0 : 1 - static_cast<double>(live) / static_cast<double>(all);
  }

 protected:
  using mutex = platform::basic_mutex<System>;
  using guard = platform::scoped_lock<mutex>;

  ~single_file_names() = default;

  [[nodiscard]] single_file_numbers<System>& numbers() const {
    return *numbers_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t failures() const {
    return numbers().failures.load(std::memory_order_seq_cst);
  }

  /// Holds the names against the other processes, and knows what they did. Requires io_mutex_.
  class turn {
   public:
    explicit turn(single_file_names& host) : turn_{host.line_.load(std::memory_order_relaxed)} {
      host.learn(turn_.is_inherited());
    }

   private:
    single_file_turn<System> turn_;
  };

  void enter(line_type& line) {
    line_.store(&line, std::memory_order_release);
    numbers_.store(&line.numbers, std::memory_order_release);
  }

  /// Reads what nobody shares yet.
  void read() {
    show(heads_.load(file_));
    numbers().generation.store(heads_.begun_at(), std::memory_order_relaxed);
    numbers().newest.store(heads_.newest(), std::memory_order_release);
    numbers().durable.store(0, std::memory_order_release);
  }

  /// Takes over what others wrote.
  /// @param inherited  whoever had the turn died with it, and may have written one and not said so
  void learn(bool inherited) {
    if (!is_shared()) return;
    if (inherited || numbers().newest.load(std::memory_order_acquire) != heads_.newest())
      merge(heads_.catch_up(file_));
    learned_at_ = failures();
    if (!inherited) return;
    numbers().generation.fetch_add(1, std::memory_order_relaxed);
    if (numbers().newest.load(std::memory_order_acquire) == heads_.newest()) return;
    numbers().generation.store(
        std::max(numbers().generation.load(std::memory_order_relaxed), heads_.newest()),
        std::memory_order_relaxed);
    numbers().newest_at.store(region::clean,
                              std::memory_order_seq_cst);  // when, nobody knows: it is in doubt
    numbers().newest.store(heads_.newest(), std::memory_order_release);
  }

  /// Shows what was found; a region that is known stays the same object.
  void merge(single_file_regions found) {
    const auto known = names();
    for (auto& [name, own] : found) {
      const auto same = known->find(name);
      if (same != known->end() && is_same(*same->second, *own)) {
        update(*same->second, *own);
        own = same->second;
      } else {
        own->known_since = learned_at_;
      }
    }
    show(std::move(found));
  }

  /// Regions are never reused, so one that stands at the same place is the same.
  static bool is_same(const region& known, const region& found) {
    return known.capacity.load(std::memory_order_relaxed) == 0 ||
           known.offset.load(std::memory_order_relaxed) ==
               found.offset.load(std::memory_order_relaxed);
  }
  static void update(region& known, const region& found) {
    known.offset.store(found.offset.load(std::memory_order_relaxed), std::memory_order_relaxed);
    known.capacity.store(found.capacity.load(std::memory_order_relaxed), std::memory_order_relaxed);
    // Release: pairs with the acquires of those who then load the offset.
    known.size.store(found.size.load(std::memory_order_relaxed), std::memory_order_release);
  }

  [[noreturn]] void throw_in_doubt(std::uint64_t offset) const {
    throw error{errc::io,
                "a sync of the file failed since this was written",
                {.path = file_.path(), .offset = offset}};
  }

  void show(single_file_regions all) {
    auto next = std::make_shared<const single_file_regions>(std::move(all));
    {
      const guard lock{names_mutex_};
      names_ = std::move(next);
    }
    shown_.store(heads_.newest(),
                 std::memory_order_release);  // behind the names: pairs with catch_up()
  }

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

  /// Requires io_mutex_ and a turn.
  void publish(const single_file_regions& all) {
    require_changeable();
    settle();
    write_table(all);
  }
  /// The same where it is enough that others learn of it: who goes on alone says it with the next
  /// change.
  void tell() {
    if (is_shared()) publish(*names());
  }

  void require_changeable() const {
    if (closed_) throw error{errc::closed, "the log was closed", {.path = file_.path()}};
  }

  void write_table(const single_file_regions& all) {
    auto& told = numbers();
    const std::uint64_t generation = told.generation.fetch_add(1, std::memory_order_relaxed) + 1;
    heads_.publish(file_, all, generation, told.durable.load(std::memory_order_acquire));
    shown_.store(generation, std::memory_order_release);
    told.newest_at.store(failures(), std::memory_order_seq_cst);
    told.newest.store(generation, std::memory_order_release);  // pairs with catch_up()
  }

  /// Brings what was found to stable storage before anything is written beside it.
  void settle() {
    if (heads_.has(numbers().durable.load(std::memory_order_acquire)) || closed_) return;
    if constexpr (has_step<durability_point::table_settled>) {
      heads_.repeat(file_);
      numbers().newest_at.store(failures(), std::memory_order_seq_cst);
      sync_file();
    }
    numbers().durable.store(heads_.newest(), std::memory_order_release);
  }

  /// Tells whether a sync failed since the ruling table was written: it must be written anew.
  [[nodiscard]] bool is_in_doubt() const {
    return numbers().newest_at.load(std::memory_order_seq_cst) != failures();
  }
  /// Tells whether the next sync need not be told of: what rules is on stable storage.
  [[nodiscard]] bool is_settled() const {
    return numbers().durable.load(std::memory_order_acquire) ==
               numbers().newest.load(std::memory_order_acquire) &&
           !is_in_doubt();
  }

  void sync_all() {
    const std::uint64_t before = failures();
    // Alone it costs nothing to look.
    const std::uint64_t table = is_shared() && is_settled() ? 0 : prepare_table();
    sync_file();
    // Another process's may have dropped what this one then found clean.
    if (failures() != before) throw_in_doubt(0);
    if (table != 0) note_synced(table);
  }

  /// Returns the generation that the next sync makes durable.
  std::uint64_t prepare_table() {
    const turn mine{*this};
    settle();
    // What a failed sync may have dropped is written anew.
    constexpr bool anew = has_step<durability_point::table_in_doubt>;
    if (anew && is_in_doubt() && !closed_) publish(*names());
    return heads_.newest();
  }

  /// Says that a sync covered a table, if it stands there still.
  void note_synced(std::uint64_t table) {
    const turn mine{*this};
    const bool sound = !has_step<durability_point::table_in_doubt> || !is_in_doubt();
    const bool newer = table > numbers().durable.load(std::memory_order_acquire);
    if (sound && newer && heads_.has(table))
      numbers().durable.store(table, std::memory_order_release);
  }

  void sync_file() {
    try {
      file_.sync();
    } catch (...) {
      numbers().failures.fetch_add(1, std::memory_order_seq_cst);
      throw;
    }
  }

  file file_;
  mutable mutex io_mutex_;  // of heads_ and closed_; held over syncs, so that none is missed
  single_file_heads<System> heads_;
  bool closed_ = false;

 private:
  std::uint64_t learned_at_ = 0;  // failed syncs when what others did was last looked at
  platform::atomic<std::uint64_t> shown_ = 0;  // generation of names_
  single_file_numbers<System> own_numbers_{};
  // Changed under io_mutex_. Released, as line_, behind what it points at.
  platform::atomic<single_file_numbers<System>*> numbers_{&own_numbers_};
  platform::atomic<line_type*> line_ = nullptr;  // null: no other process changes the file
  mutable mutex names_mutex_;                    // never held over the disk
  regions_ptr names_ = std::make_shared<const single_file_regions>();
};

}  // namespace logdb::detail
