// SPDX-License-Identifier: BSL-1.0
/// @file
/// An index of one's own with a state of its own: the texts of a log's records in order. It is made
/// of the records at each open, follows what other processes append, decides what to append by what
/// is there, and has batches, transactions and snapshots. The contract: docs/policies/index.md

#include <cassert>
#include <functional>
#include <iostream>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <logdb/logdb.hpp>

/// Texts in order, each with the lsn of its newest record. A value: a change makes a new one, which
/// shares with the old one what has not changed, and so a copy costs nothing.
class text_tree {
 public:
  [[nodiscard]] std::optional<logdb::lsn> find(std::string_view text) const {
    const node* at = root_.get();
    while (at != nullptr && at->text != text) {
      at = text < at->text ? at->left.get() : at->right.get();
    }
    return at == nullptr ? std::nullopt : std::optional{at->newest};
  }
  /// Returns the same texts with a record more.
  [[nodiscard]] text_tree with(std::string_view text, logdb::lsn at) const {
    return text_tree{put(root_, text, at)};
  }
  /// Returns them with the records of a batch, the first of which gets an lsn.
  [[nodiscard]] text_tree with(const logdb::record_batch& records, logdb::lsn first) const {
    text_tree made = *this;
    logdb::bytes_view left = records.bytes();
    for (const std::size_t length : records.lengths()) {
      made = made.with(logdb::as_text(left.first(length)), first);
      left = left.subspan(length);
      ++first;
    }
    return made;
  }
  /// Calls `use(text, lsn)` for each text in [from, to), in order.
  template <class Use>
  void visit(std::string_view from, std::string_view to, Use use) const {
    visit(root_.get(), from, to, use);
  }

  text_tree() = default;

 private:
  struct node;
  using link = std::shared_ptr<const node>;
  /// A node of a treap: the texts are in order from left to right, the ranks from the root down.
  struct node {
    std::string text;
    logdb::lsn newest;
    std::size_t rank;
    link left;
    link right;
  };

  explicit text_tree(link root) : root_{std::move(root)} {}

  static link between(link left, const node& at, link right) {
    return std::make_shared<node>(
        node{at.text, at.newest, at.rank, std::move(left), std::move(right)});
  }
  static link put(const link& at, std::string_view text, logdb::lsn newest) {
    if (at == nullptr) {
      const std::size_t rank = std::hash<std::string_view>{}(text);
      return std::make_shared<node>(node{std::string{text}, newest, rank, {}, {}});
    }
    if (text < at->text) {
      const link left = put(at->left, text, newest);
      if (left->rank <= at->rank) return between(left, *at, at->right);
      return between(left->left, *left, between(left->right, *at, at->right));
    }
    if (text > at->text) {
      const link right = put(at->right, text, newest);
      if (right->rank <= at->rank) return between(at->left, *at, right);
      return between(between(at->left, *at, right->left), *right, right->right);
    }
    return std::make_shared<node>(node{at->text, newest, at->rank, at->left, at->right});
  }
  template <class Use>
  static void visit(const node* at, std::string_view from, std::string_view to, Use& use) {
    if (at == nullptr) return;
    if (from < at->text) visit(at->left.get(), from, to, use);
    if (from <= at->text && to > at->text) use(at->text, at->newest);
    if (to > at->text) visit(at->right.get(), from, to, use);
  }

  link root_;
};

/// What `snapshot()` of the log returns: its records up to one, and their texts.
template <class Policies>
class text_snapshot : public logdb::log_snapshot<Policies> {
 public:
  text_snapshot(logdb::log_snapshot<Policies> records, text_tree texts)
      : logdb::log_snapshot<Policies>{std::move(records)}, texts_{std::move(texts)} {}

  /// Returns the newest record with a text; nothing: there is none, or it was given up.
  [[nodiscard]] std::optional<logdb::lsn> find(std::string_view text) const {
    const auto found = texts_.find(text);
    return found && has(*found) ? found : std::nullopt;
  }
  /// Returns the texts in [from, to), in order.
  [[nodiscard]] std::vector<std::string> texts(std::string_view from, std::string_view to) const {
    std::vector<std::string> found;
    texts_.visit(from, to, [&](const std::string& text, logdb::lsn at) {
      if (has(at)) found.push_back(text);
    });
    return found;
  }

 private:
  [[nodiscard]] bool has(logdb::lsn at) const {
    return at >= this->first_lsn() && at <= this->last_lsn();
  }

  text_tree texts_;
};

template <class Policies>
class pending_texts;

/// The part of the index that lives as long as the log. Any thread may call any member.
template <class Policies>
class text_index {
 public:
  using transaction_state = pending_texts<Policies>;

  explicit text_index(logdb::index_view<Policies> log) : log_{std::move(log)} { learn(); }
  text_index(const text_index&) = delete;
  text_index& operator=(const text_index&) = delete;

  /// Is called before the log is closed: nothing is left to do then.
  void close() {}

  [[nodiscard]] text_snapshot<Policies> snapshot() {
    learn();
    const state now = shown();  // first: the log is then seen up to there at least
    return {log_.snapshot().until(now.last), now.texts};
  }
  template <class Transaction>
  [[nodiscard]] Transaction begin() {
    return Transaction{std::make_shared<pending_texts<Policies>>(*this)};
  }

  logdb::lsn append(const logdb::record_batch& records) { return acknowledge(put(records)); }
  /// Appends a text unless there is a record with it, appended by whichever process.
  std::optional<logdb::lsn> append_once(std::string_view text) {
    const auto now = snapshot();
    if (now.find(text)) return std::nullopt;
    logdb::record_batch alone;
    alone.add(logdb::as_bytes(text));
    const auto [given, is_new] = put_if(alone, [&](const text_tree& texts) {
      const auto found = texts.find(text);
      return !found || *found < now.first_lsn();
    });
    acknowledge(given);  // also of what another one has just appended
    return is_new ? std::optional{given.last} : std::nullopt;
  }

  /// Puts records into the log and into the index; they are not acknowledged yet.
  logdb::ticket put(const logdb::record_batch& records) {
    log_.require_open();
    if (records.empty()) return {log_.last_lsn(), {}};
    return put_if(records, [](const text_tree&) { return true; }).first;
  }
  logdb::lsn acknowledge(const logdb::ticket& given) {
    log_.acknowledge(given);
    return given.last;
  }
  [[nodiscard]] logdb::index_view<Policies>& log() { return log_; }

 private:
  static constexpr auto readable = Policies::durability::readable == logdb::watermark::durable
                                       ? logdb::watermark::durable
                                       : logdb::watermark::appended;

  struct state {
    text_tree texts{};
    logdb::lsn last{};  // that they have
  };
  /// A state that readers see once the log has come to a stream position.
  struct awaited {
    state at{};
    logdb::stream_position end{};
  };

  /// Brings in what readers of the log see by now, of whichever process.
  void learn() {
    const auto now = follower_.look();  // may wait: before the lock, which is taken in turns
    if (!now) return;
    const std::lock_guard lock{mutex_};
    if (!follower_.catch_up(*now, adder())) return;
    newest_.last = follower_.last();
    waiting_.clear();  // all of them lie before what has just come
    shown_ = newest_;
  }

  /// Puts records if that is wanted on the texts as they are right before them.
  template <class Wanted>
  std::pair<logdb::ticket, bool> put_if(const logdb::record_batch& records, Wanted wanted) {
    auto prepared = log_.prepare(records);
    std::list<awaited> others(1), own(1);  // made now: behind the log nothing may fail
    const auto turn = log_.take_turn(prepared);
    const std::lock_guard lock{mutex_};
    logdb::ticket given{log_.last_lsn(), log_.reached(logdb::watermark::appended)};
    if (follower_.catch_up_in_turn(adder())) {
      newest_.last = given.last;
      show_later(others, given.end);
    }
    if (!wanted(newest_.texts)) return {given, false};
    text_tree next = newest_.texts.with(records, given.last + 1);
    given = log_.put_in_turn(prepared);
    follower_.pass(given);
    newest_ = {std::move(next), given.last};
    show_later(own, given.end);
    return {given, true};
  }

  /// Has readers see the newest state once the log has come to a stream position.
  void show_later(std::list<awaited>& place, logdb::stream_position end) {
    place.front() = {newest_, end};
    waiting_.splice(waiting_.end(), place);
    show();
  }
  void show() {
    if (waiting_.empty()) return;  // as always where the log is only read: it has no watermarks
    const logdb::stream_position end = log_.reached(readable);
    for (; !waiting_.empty() && waiting_.front().end <= end; waiting_.pop_front()) {
      shown_ = waiting_.front().at;
    }
  }
  [[nodiscard]] state shown() {
    const std::lock_guard lock{mutex_};
    show();
    return shown_;
  }

  [[nodiscard]] auto adder() {
    return [this](logdb::lsn at, logdb::bytes_view text) {
      assert(at > newest_.last);  // each record is given once, and in order
      newest_ = {newest_.texts.with(logdb::as_text(text), at), at};
    };
  }

  logdb::index_view<Policies> log_;
  logdb::record_follower<Policies> follower_{log_};
  std::mutex mutex_;  // taken in turns, so nothing waits for the disk under it; of all below
  state newest_;
  state shown_;
  std::list<awaited> waiting_;  // what comes after shown_, in order
};

/// What a transaction holds, and those nested in it: its records and their texts, in memory.
template <class Policies>
class pending_texts {
 public:
  explicit pending_texts(text_index<Policies>& index) : index_{index} {}

  // What logdb::transaction asks for.
  [[nodiscard]] std::uint64_t records() const { return records_.count(); }
  [[nodiscard]] std::size_t depth() const { return savepoints_.size(); }
  void push() { savepoints_.push_back({records_.count(), own_}); }
  void pop() { savepoints_.pop_back(); }
  void rollback() noexcept {
    records_.truncate(savepoints_.back().records);
    own_ = savepoints_.back().texts;
  }
  logdb::ticket place() { return index_.put(records_); }
  logdb::lsn acknowledge(const logdb::ticket& given) { return index_.acknowledge(given); }
  [[nodiscard]] auto view() const {
    return logdb::transaction_records<Policies>{index_.snapshot(), records_};
  }

  // What the verbs of its face ask for.
  logdb::lsn append(const logdb::record_batch& more) {
    index_.log().require_readable();
    index_.log().require_size(more.longest());
    text_tree own = own_.with(more, logdb::lsn{1});
    records_.add(more.view());
    own_ = std::move(own);
    return logdb::lsn{records()};
  }
  [[nodiscard]] bool has(std::string_view text) const {
    return own_.find(text) || index_.snapshot().find(text);
  }

 private:
  struct savepoint {
    std::size_t records = 0;
    text_tree texts{};
  };

  text_index<Policies>& index_;
  logdb::record_batch records_;
  text_tree own_;
  std::vector<savepoint> savepoints_;
};

/// `append` of a log and of a transaction.
template <class Target>
class text_verbs : public logdb::index_face<Target> {
 public:
  template <logdb::bytes_like Bytes>
  logdb::lsn append(const Bytes& record) {
    logdb::record_batch alone;
    alone.add(logdb::to_bytes(record));
    return this->view().index().append(alone);
  }
  /// Appends the records of a range: seen, and after a crash there, all or none.
  template <class Range>
  requires(!logdb::bytes_like<Range>) logdb::lsn append(const Range& records) {
    logdb::record_batch all;
    for (const auto& each : records) all.add(logdb::to_bytes(each));
    return this->view().index().append(all);
  }
};

/// Finds records by their text. By lsn and by time it finds what Sparse finds, with what that keeps
/// for each segment.
struct ByText {
  using options = logdb::Sparse::options;
  using segment_index = logdb::Sparse::segment_index;

  static constexpr std::string_view name = "ByText";
  static constexpr std::uint32_t id = 70001;  // below 65536 they are logdb's own
  static constexpr bool reads(std::uint32_t written_by) { return written_by == id; }
  static constexpr logdb::index_hooks hooks{"fault", "log_index"};

  template <class Policies>
  using log_index = text_index<Policies>;
  template <class Policies>
  using snapshot = text_snapshot<Policies>;
  template <class Log>
  using transaction = logdb::transaction<Log>;

  template <class Log>
  class face : public text_verbs<Log> {
   public:
    /// Appends a text unless there is a record with it; returns its lsn, or nothing.
    std::optional<logdb::lsn> append_once(std::string_view text) {
      return this->view().index().append_once(text);
    }
    [[nodiscard]] std::optional<logdb::lsn> find(std::string_view text) const {
      return this->view().index().snapshot().find(text);
    }
    [[nodiscard]] std::vector<std::string> texts(std::string_view from, std::string_view to) const {
      return this->view().index().snapshot().texts(from, to);
    }
  };
  template <class Transaction>
  class transaction_face : public text_verbs<Transaction> {
   public:
    /// Tells whether this transaction, or the log, has a record with a text.
    [[nodiscard]] bool has(std::string_view text) { return this->view().index().has(text); }
  };
};

static_assert(logdb::index_policy<ByText>);

/// Prints texts in a line.
void print(std::string_view what, const std::vector<std::string>& texts) {
  std::cout << what << ":";
  for (const auto& each : texts) std::cout << " " << each;
  std::cout << "\n";
}

int main() {
  logdb::basic_log<logdb::Index<ByText>> log{"events"};
  log.append("order-7");
  log.append(std::vector<std::string>{"order-3", "order-12"});
  std::cout << std::boolalpha << "order-3 is new: " << log.append_once("order-3").has_value()
            << ", order-4 is: " << log.append_once("order-4").has_value() << "\n";

  const auto before = log.snapshot();
  auto unit = log.begin();
  unit.append("order-5");
  std::cout << "the transaction has order-5: " << unit.has("order-5")
            << ", the log has: " << log.find("order-5").has_value() << "\n";
  unit.commit();
  print("now", log.texts("order-3", "order-8"));
  print("before", before.texts("order-3", "order-8"));
  log.close();

  // The next open makes the index of the records; so does any other process that has the log open.
  const logdb::basic_log<logdb::Index<ByText>> again{"events"};
  print("after the next open", again.texts("order-3", "order-8"));
  std::cout << "order-5 is record " << again.find("order-5")->value() << "\n";
  return 0;
}
