// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// What a key-value log should hold: a map, with the verbs that both have.

#include <map>
#include <string>

namespace logdb::test {

using key_model = std::map<std::string, std::string>;

/// Is a model with the verbs of a log and of a transaction.
struct model_writer {
  key_model& keys;
  void put(const std::string& key, const std::string& value) { keys[key] = value; }
  void erase(const std::string& key) { keys.erase(key); }
  model_writer& begin() { return *this; }
  void commit() const {}
};

}  // namespace logdb::test
