// SPDX-License-Identifier: BSL-1.0
/// @file
/// Sensor readings by device and time: keys in order, so that a range of keys is a range of time.

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>

#include <logdb/logdb.hpp>

namespace {

using ordered_store = logdb::kv_store::with<logdb::Index<logdb::BasicKeyDir<logdb::Ordered>>>;

struct reading {
  double celsius;
  double humidity;
};

/// Makes a key that sorts as the numbers do: the device, then the second with leading zeros.
std::string key_of(const std::string& device, std::uint64_t second) {
  std::string digits(12, '0');
  std::snprintf(digits.data(), digits.size() + 1, "%012llu",
                static_cast<unsigned long long>(second));
  return device + '/' + digits;
}

double mean(const ordered_store& readings, const std::string& from, const std::string& to) {
  double sum = 0;
  int count = 0;
  for (const auto& [key, value] : readings.range(from, to)) {
    sum += logdb::codec<reading>::decode(value.bytes())->celsius;
    ++count;
  }
  return count == 0 ? 0 : sum / count;
}

}  // namespace

int main() {
  ordered_store readings{"readings.kv"};
  for (std::uint64_t second = 0; second < 3600; second += 60) {
    const double rise = static_cast<double>(second) / 600;
    readings.put(key_of("attic", second), reading{20 + rise, 40});
    readings.put(key_of("cellar", second), reading{12, 70});
  }

  // [1200, 1800) of one device, in order, without a look at the others.
  std::cout << "attic, 10 minutes: " << mean(readings, key_of("attic", 1200), key_of("attic", 1800))
            << '\n';
  std::cout << "cellar, the hour: " << mean(readings, "cellar/", "cellar0") << '\n';

  for (const auto& [key, value] : readings.prefix("attic/").reversed()) {
    std::cout << "last: " << key.text() << ' '
              << logdb::codec<reading>::decode(value.bytes())->celsius << '\n';
    break;
  }
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : readings.lower_bound("b")) ++count;
  std::cout << count << " readings from b on\n";
  readings.close();
}
