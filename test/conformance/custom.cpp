// SPDX-License-Identifier: BSL-1.0
/// @file
/// The policies that the examples show, word for word; each example has a main of its own.

#include "conformance/typed.hpp"
#include "crash/support/quick_system.hpp"

#define main custom_storage_main
#include "../../examples/custom_storage.cpp"
#undef main
#define main custom_durability_main
#include "../../examples/custom_durability.cpp"
#undef main
#define main custom_index_main
#include "../../examples/custom_index.cpp"
#undef main
#define main custom_locking_main
#include "../../examples/custom_locking.cpp"
#undef main
#define main ordered_index_main
#include "../../examples/ordered_index.cpp"
#undef main

namespace logdb::test {

/// Has the verbs that the suite calls; the example's own are fewer.
struct HalvesWithBatches : Halves {
  template <class Log>
  class face : public detail::append_verbs<Log> {};
  template <class Transaction>
  class transaction_face : public detail::append_verbs<Transaction> {};
};

/// The index with a state of its own, on a disk that nobody waits for.
template <class... Others>
using quick_texts = basic_log<Storage<BasicDirectory<quick_system>>, Index<ByText>, Others...>;

std::vector<tested_kind> tested_kinds() {
  return kinds_of<basic_log<Storage<Shelf>>, basic_log<Durability<Selective>>,
                  basic_log<Index<HalvesWithBatches>>, basic_log<Locking<InProcess>>, quick_texts<>,
                  quick_texts<Durability<Async>, Locking<Fcntl>>>();
}

}  // namespace logdb::test
