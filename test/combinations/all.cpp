// SPDX-License-Identifier: BSL-1.0
// All members of every coherent log with one storage and one index: STORAGE, and INDEX as it stands
// in `Index<...>`. PERSISTENT and SHARED are 1 where the storage keeps something, and where many
// processes may write.
#include <logdb/event_log.hpp>
#include <logdb/logdb.hpp>

namespace logdb::test {

using without = Durability<None>::policy;
using alone = Locking<None>::policy;

template <class D, class L>
using policies = detail::policy_set<STORAGE, D, Index<INDEX>::policy, L>;

template <class D>
inline constexpr int coherent_with = (detail::coherent<policies<D, Flock>> ? 1 : 0) +
                                     (detail::coherent<policies<D, Fcntl>> ? 1 : 0) +
                                     (detail::coherent<policies<D, alone>> ? 1 : 0);

static_assert(coherent_with<Fsync> + coherent_with<Async> + coherent_with<without> ==
                  1 + 5 * PERSISTENT + 3 * SHARED,
              "a log that is coherent is missing below");

}  // namespace logdb::test

using logdb::test::alone;
using logdb::test::policies;
using logdb::test::without;

template class logdb::log_engine<policies<without, alone>>;
#if PERSISTENT
template class logdb::log_engine<policies<logdb::Fsync, logdb::Flock>>;
template class logdb::log_engine<policies<logdb::Fsync, alone>>;
template class logdb::log_engine<policies<logdb::Async, logdb::Flock>>;
template class logdb::log_engine<policies<logdb::Async, alone>>;
template class logdb::log_engine<policies<without, logdb::Flock>>;
#endif
#if SHARED
template class logdb::log_engine<policies<logdb::Fsync, logdb::Fcntl>>;
template class logdb::log_engine<policies<logdb::Async, logdb::Fcntl>>;
template class logdb::log_engine<policies<without, logdb::Fcntl>>;
#endif
