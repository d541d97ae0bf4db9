// SPDX-License-Identifier: BSL-1.0
// So that there is a library to precompile examples.h for.
