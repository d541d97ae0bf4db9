// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// tkrzw's HashDBM and TreeDBM: files that are mapped and changed in place, without a log.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tkrzw_dbm_hash.h>
#include <tkrzw_dbm_tree.h>

#include "../support.hpp"
#include "store.hpp"

namespace bench {

/// @tparam Dbm  tkrzw::HashDBM or TreeDBM
template <class Dbm>
class tkrzw_store final : public key_value_store {
 public:
  tkrzw_store(const std::filesystem::path& path, std::uint64_t keys) {
    typename Dbm::TuningParameters tuned;
    tuned.update_mode = tkrzw::HashDBM::UPDATE_IN_PLACE;
    tuned.num_buckets = static_cast<std::int64_t>(2 * keys);
    constexpr bool writable = true;
    check(db_.OpenAdvanced(path.string(), writable, tkrzw::File::OPEN_DEFAULT, tuned));
  }
  ~tkrzw_store() override { (void)db_.Close(); }
  void put(std::string_view key, std::string_view value) override { check(db_.Set(key, value)); }
  std::size_t get(std::string_view key) override {
    return db_.Get(key, &value_room()).IsOK() ? value_room().size() : 0;
  }
  void erase(std::string_view key) override { (void)db_.Remove(key); }
  std::size_t scan(std::string_view from, std::size_t count) override {
    const auto at = db_.MakeIterator();
    std::size_t bytes = 0;
    for (bool more = at->Jump(from).IsOK(); more && count != 0; --count) {
      if (!at->Get(nullptr, &value_room()).IsOK()) break;
      bytes += value_room().size();
      more = at->Next().IsOK();
    }
    return bytes;
  }

 private:
  static void check(const tkrzw::Status& status) { require(status.IsOK(), "tkrzw"); }

  Dbm db_;
};

}  // namespace bench
