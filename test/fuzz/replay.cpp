// SPDX-License-Identifier: BSL-1.0
/// @file
/// Runs one fuzz target over the files of the folders and names given: a corpus as a unit test.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes);

namespace {

std::vector<std::filesystem::path> inputs_in(const std::filesystem::path& place) {
  if (!std::filesystem::is_directory(place)) return {place};
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator{place}) {
    if (entry.is_regular_file()) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

void run(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
  // Named before it runs: it may end the process.
  std::cerr << "input " << path.string() << std::endl;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t inputs = 0;
  for (int n = 1; n < count; ++n) {
    for (const auto& path : inputs_in(arguments[n])) {
      run(path);
      ++inputs;
    }
  }
  std::cout << "fuzz executions: " << inputs << "\n";
  return inputs == 0 ? 1 : 0;
}
