// SPDX-License-Identifier: BSL-1.0
/// @file
/// Opening a large log that was closed cleanly, or whose writer was killed.

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "support.hpp"
#include "yardstick.hpp"

namespace {

constexpr std::uint64_t segment_bytes = 64U << 20U;

/// Makes a directory of files as large as a log would have; they hold nothing.
std::filesystem::path make_files(bench::work_directory& work, double gib) {
  const auto directory = work.fresh();
  std::filesystem::create_directory(directory);
  const auto count = static_cast<int>(gib * static_cast<double>(1U << 30U) / segment_bytes) + 1;
  for (int i = 0; i < count; ++i) {
    const auto path = directory / std::to_string(i);
    { const bench::detail::raw_file file{path}; }
    std::filesystem::resize_file(path, segment_bytes);
  }
  return directory;
}

/// Opens each file and reads its first and its last page: the least that an open could do if it
/// looked at all of them.
void look_at_files(const std::filesystem::path& directory) {
  std::array<std::byte, 4096> page;
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    const bench::detail::raw_file file{entry.path(), 0};
    for (const auto offset : {std::uint64_t{0}, segment_bytes - page.size()}) {
      const auto got =
          ::pread(file.descriptor(), page.data(), page.size(), static_cast<off_t>(offset));
      bench::detail::check(got == static_cast<ssize_t>(page.size()), "pread");
    }
  }
}

/// Is a way to open: prepares what is opened, then opens it.
struct opener {
  std::string name;
  std::function<void()> prepare;
  std::function<void()> open;
};

double milliseconds(const opener& one) {
  one.prepare();
  const auto start = bench::steady::now();
  one.open();
  return bench::seconds_since(start) * 1e3;
}

void compare(const std::vector<opener>& all, const bench::options& options, double gib) {
  std::vector<bench::contestant> racing;
  for (const auto& one : all) racing.push_back({one.name, [&] { return milliseconds(one); }});
  const auto medians = bench::alternate(racing, options.rounds);
  bench::table out{{"open " + bench::fixed(gib, 1) + " GiB", "ms"}};
  for (std::size_t i = 0; i < all.size(); ++i) out.row({all[i].name, bench::fixed(medians[i], 2)});
  out.print();
}

}  // namespace

int main(int count, char** words) {
  const auto options = bench::parse(count, words);
  const double gib = options.quick ? 0.25 : options.gib;
  bench::work_directory work{options};
  const auto files = make_files(work, gib);
  compare({{"a look at each file", [] {}, [&] { look_at_files(files); }}}, options, gib);
}
