// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Events as a service logs them, about 250 bytes of JSON each: the same one for the same number.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace bench {

/// Mixes a number into one that looks random (splitmix64).
constexpr std::uint64_t mixed(std::uint64_t number) {
  number += 0x9E3779B97F4A7C15;
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EB;
  return number ^ (number >> 31);
}

/// The trace of 114 of 10 million events, spread evenly.
inline constexpr std::string_view rare_trace = "04068d29a33a4564";

/// What an event says, before it is text. Ten million of them are a day.
struct event_facts {
  explicit event_facts(std::uint64_t number)
      : ms_of_day{number * 864 / 100}, random{mixed(number)} {
    constexpr std::array levels{"DEBUG", "INFO", "WARN", "ERROR"};
    constexpr std::array others{"web", "auth", "mailer", "billing"};
    const std::uint64_t share = random % 100;
    level = levels[share < 20 ? 0 : share < 90 ? 1 : share < 98 ? 2 : 3];
    const std::uint64_t kind = (random >> 8) % 12;
    service = kind < 4 ? "api" : others[kind % 4];
    rare = number % 87'719 == 41'000;
    ms = static_cast<unsigned>((random >> 16) % 1000);
    message = static_cast<unsigned>((random >> 32) % 100);
  }

  std::uint64_t ms_of_day;
  std::uint64_t random;
  const char* level = nullptr;    ///< ERROR is 1 in 50
  const char* service = nullptr;  ///< api is 1 in 3
  bool rare = false;              ///< whether it has `rare_trace`
  unsigned ms = 0;                ///< 0 .. 999
  unsigned message = 0;           ///< 0, which is 1 in 100: "connection reset by peer"
};

/// Returns a message: the words of the rare one are common, and only it has them side by side.
inline const char* message_text(unsigned message) {
  if (message == 0) return "upstream: connection reset by peer";
  constexpr std::array texts{
      "request completed, from the cache",
      "connection kept open by the peer",
      "limits reset by schedule, next in 1h",
      "the peer closed its connection",
  };
  return texts[message % texts.size()];
}

/// Writes the JSON of an event, without a line end.
inline void write_event(const event_facts& of, std::string& out) {
  std::array<char, 512> text;
  std::array<char, 17> trace;
  std::snprintf(trace.data(), trace.size(), "%016llx",
                static_cast<unsigned long long>(mixed(of.random)));
  const std::uint64_t second = of.ms_of_day / 1000;
  const auto part = [&of](int shift, unsigned below) {
    return static_cast<unsigned>((of.random >> shift) % below);
  };
  constexpr std::array methods{"GET", "GET", "GET", "POST", "PUT"};
  constexpr std::array statuses{200u, 200u, 200u, 201u, 304u, 404u, 500u, 503u};
  const int bytes = std::snprintf(
      text.data(), text.size(),
      R"({"ts":"2026-03-%02uT%02u:%02u:%02u.%03uZ","level":"%s","service":"%s","host":"web-%02u",)"
      R"("trace":"%s","user":%u,"http":{"method":"%s","path":"/v1/items/%u","status":%u},)"
      R"("ms":%u,"bytes":%u,"msg":"%s"})",
      static_cast<unsigned>(1 + second / 86'400), static_cast<unsigned>(second / 3600 % 24),
      static_cast<unsigned>(second / 60 % 60), static_cast<unsigned>(second % 60),
      static_cast<unsigned>(of.ms_of_day % 1000), of.level, of.service, part(5, 40),
      of.rare ? rare_trace.data() : trace.data(), part(12, 900'000) + 100'000,
      methods[part(20, methods.size())], part(24, 10'000), statuses[part(28, statuses.size())],
      of.ms, part(36, 100'000), message_text(of.message));
  out.append(text.data(), static_cast<std::size_t>(bytes));
}

}  // namespace bench
