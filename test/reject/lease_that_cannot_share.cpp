// SPDX-License-Identifier: BSL-1.0
// error: logdb: Locking<P>: P::shared_writers is true, so P::lease<Storage>
#include <logdb/logdb.hpp>

struct Alone {
  struct options {};
  static constexpr std::string_view name = "Alone";
  static constexpr bool shared_writers = true;
  static constexpr std::size_t processes_max = 2;
  static constexpr logdb::locking_hooks hooks{};

  template <class Storage>
  class lease {
   public:
    lease(Storage&, const options&) {}
    bool is_first() const { return true; }
  };
};

logdb::basic_log<logdb::Locking<Alone>> wal{"a.wal"};
