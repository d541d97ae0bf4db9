// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Index<None>: append and replay only.

#include <limits>

#include <logdb/index/append_verbs.hpp>
#include <logdb/policy/index.hpp>

namespace logdb::detail {

/// Keeps nothing: a record is found by walking its segment.
struct no_index {
  struct options {};

  static constexpr std::string_view name = "None";
  static constexpr std::uint32_t id = 0;
  static constexpr index_hooks hooks{};

  /// Plain records: what one of the two writes the other can read.
  static constexpr bool reads(std::uint32_t written_by) { return written_by <= 1; }

  class segment_index {
   public:
    template <class Options>
    segment_index(const Options&, std::uint64_t) {}

    [[nodiscard]] static std::uint64_t due() { return std::numeric_limits<std::uint64_t>::max(); }
    static void note(const index_entry&) {}
    [[nodiscard]] static std::optional<index_entry> floor(lsn) { return std::nullopt; }
    [[nodiscard]] static std::optional<index_entry> floor(timestamp) { return std::nullopt; }
    [[nodiscard]] static std::vector<std::byte> encode() { return {}; }
    static bool decode(bytes_view) { return true; }
  };

  template <class Log>
  class face : public append_verbs<Log> {};

  template <class Transaction>
  class transaction_face : public append_verbs<Transaction> {};
};

}  // namespace logdb::detail
