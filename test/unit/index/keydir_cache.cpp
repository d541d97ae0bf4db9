// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE unit_index_keydir_cache
#include <cstdint>
#include <string>

// With a memory limit a key-value log is a cache.
#include "unit/index/key_logs.hpp"
#include "unit/index/keys/suite.hpp"

namespace logdb::test {

LOGDB_EACH_KEY_LOG(a_cache_keeps_what_is_used_within_its_memory) {
  key_options options;
  options.memory_bytes_max = 64u << 10;  // some 5,400 keys
  fresh_keys f{kind, options};
  for (std::uint64_t n = 0; n < 100; ++n) f.log.put("used" + key_of(n), numbered(n));
  const auto others = static_cast<std::uint64_t>(40'000 / kind.share / kind.share);
  for (std::uint64_t n = 0; n < others; ++n) {
    f.log.put(key_of(n), numbered(n));
    (void)f.log.get("used" + key_of(n % 100));
  }
  BOOST_TEST(f.log.size() <= 5'462);
  for (std::uint64_t n = 0; n < 100; ++n) BOOST_TEST(f.log.contains("used" + key_of(n)));
  const auto before = contents(f.log);
  f.reopen_if_it_lasts();
  BOOST_TEST((contents(f.log) == before));  // what was evicted does not come back
  f.log.compact();
  BOOST_TEST((contents(f.log) == before));
  f.reopen_if_it_lasts();
  BOOST_TEST((contents(f.log) == before));
}

BOOST_AUTO_TEST_CASE(a_batch_larger_than_a_cache_is_whole_and_then_evicted) {
  auto options = small_options<kv_store>();
  options.index.memory_bytes_max = 64u << 10;  // some 5,400 keys
  small_log<kv_store> f{options};
  auto batch = f.log.begin();
  for (std::uint64_t n = 0; n < 20'000; ++n) batch.put(key_of(n), numbered(n));
  batch.commit();
  BOOST_TEST(f.log.size() > 15'000);
  for (std::uint64_t n = 0; n < 3'000; ++n) f.log.put("other", numbered(n));
  BOOST_TEST(f.log.size() <= 5'462);
  BOOST_TEST(f.log.get("other")->text() == numbered(2'999));
}

BOOST_AUTO_TEST_CASE(a_cache_forgets_no_key_for_a_record_that_is_damaged) {
  auto options = by_hand<kv_store>();
  options.index.memory_bytes_max = 64u << 10;  // some 5,400 keys
  small_log<kv_store> f{options};
  f.log.put("the victim", "x");
  f.log.sync();
  damage_verb(f.path / "0000000000000001.seg", "the victim", format::key_verb::erase);
  // Erased ones are many enough to be swept, and then there are too many keys.
  for (std::uint64_t n = 0; n < 4'000; ++n) f.log.put(key_of(n), numbered(n));
  for (std::uint64_t n = 0; n < 4'000; ++n) f.log.erase(key_of(n));
  for (std::uint64_t n = 0; n < 8'000; ++n) f.log.put(key_of(n), numbered(n));
  BOOST_TEST(f.log.size() <= 5'462);
  BOOST_TEST(throws(errc::corrupt, [&] { (void)f.log.get("the victim"); }));
}

}  // namespace logdb::test
