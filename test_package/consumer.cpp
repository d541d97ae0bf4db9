// SPDX-License-Identifier: BSL-1.0
// A user's program in small: writes a log, opens it again and reads it back.
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <string_view>

#include <logdb/durable_wal.hpp>

namespace {

constexpr std::string_view texts[] = {"one", "two", "three"};

void write(const std::filesystem::path& path) {
  logdb::durable_wal wal{path};
  for (std::string_view text : texts) wal.append(text);
  wal.close();
}

std::size_t count_same(const std::filesystem::path& path) {
  logdb::durable_wal wal{path};
  std::size_t same = 0;
  for (const auto& record : wal.records()) {
    same += same < std::size(texts) && record.text() == texts[same] ? 1 : 0;
  }
  return same;
}

}  // namespace

int main() {
  const std::filesystem::path path = "consumer.wal";
  std::filesystem::remove_all(path);
  write(path);
  const std::size_t same = count_same(path);
  std::filesystem::remove_all(path);
  std::printf("%zu of %zu records came back\n", same, std::size(texts));
  return same == std::size(texts) ? 0 : 1;
}
