// SPDX-License-Identifier: BSL-1.0
#pragma once
/// @file
/// Options of AddressSanitizer for a program that kills simulated processes: what those are killed
/// in leaves objects on their stacks that nobody destroys. To be included once in a program.

extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
