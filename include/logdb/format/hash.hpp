// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// The hash of keys: 64 bits, keyed by a seed of each store, so that nobody who only chooses keys
/// can choose their hashes.

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include <logdb/types.hpp>

namespace logdb::detail {

/// What keys are hashed with: fixed for a store, unlike that of any other.
struct hash_seed {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// Multiplies to 128 bits and folds them.
inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class Word>
std::uint64_t load_word(const std::byte* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Takes up to 16 bytes as two integers; they overlap where there are fewer.
inline std::pair<std::uint64_t, std::uint64_t> load_ends(const std::byte* at, std::size_t bytes) {
  if (bytes >= 8) return {load_word<std::uint64_t>(at), load_word<std::uint64_t>(at + bytes - 8)};
  if (bytes >= 4) return {load_word<std::uint32_t>(at), load_word<std::uint32_t>(at + bytes - 4)};
  if (bytes == 0) return {0, 0};
  const auto byte = [at](std::size_t n) { return static_cast<std::uint64_t>(at[n]); };
  return {byte(0) << 16 | byte(bytes / 2) << 8 | byte(bytes - 1), 0};
}

/// Hashes a key. What footers keep rests on it: do not change.
///
/// @threads  any
/// @cost     about 3 ns for 16 bytes
/// @source   the folded multiplication of wyhash, Wang Yi, 2019, public domain
inline std::uint64_t hash_key(bytes_view key, hash_seed seed) {
  constexpr std::uint64_t mix = 0x9e3779b97f4a7c15;
  std::uint64_t state = seed.low ^ mix;
  const std::byte* at = key.data();
  std::size_t left = key.size();
  for (; left > 16; left -= 16, at += 16) {
    state = fold_multiply(load_word<std::uint64_t>(at) ^ seed.high,
                          load_word<std::uint64_t>(at + 8) ^ state);
  }
  const auto [a, b] = load_ends(at, left);
  state = fold_multiply(a ^ seed.high, b ^ state);
  return fold_multiply(state ^ seed.low, key.size() ^ seed.high ^ mix);
}

/// Tells whether two keys are the same.
inline bool is_same_key(bytes_view a, bytes_view b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// Makes the seed of a store from its identity, which is random and stays.
inline hash_seed make_hash_seed(const std::array<std::byte, 16>& store) {
  const std::uint64_t low = load_word<std::uint64_t>(store.data());
  const std::uint64_t high = load_word<std::uint64_t>(store.data() + 8);
  // A factor of zero would make every hash alike.
  return {fold_multiply(low ^ 0xa0761d6478bd642f, high ^ 0xe7037ed1a0b428db) | 1,
          fold_multiply(low ^ 0x8ebc6af09c88c6e3, high ^ 0x589965cc75374cc3) | 1};
}

}  // namespace logdb::detail
