#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Fails if the library reaches the system other than through its seam:
check.py COMPILER... -- ALL.cpp INCLUDE_DIRECTORY

Compiles the whole library on a system that is only declared, and looks at what the object asks the
linker for: that system, the language's own support, and nothing else; and at what of the real
system is compiled in.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

# What every C++ program needs, and what no program can do harm with.
LANGUAGE = re.compile(
    r"""
    _Unwind_Resume | __cxa_\w+ | __gxx_personality_v0 | __dso_handle | _GLOBAL_OFFSET_TABLE_
    | __stack_chk_fail | __tls_get_addr | __clang_call_terminate | __dynamic_cast
    | mem(chr|cmp|cpy|move|set) | str(cmp|len) | bcmp | strerror | abort | __assert_fail
    | __popcountdi2 | __(cpu_indicator_init|cpu_model)
    | __libc_single_threaded
    # what std::stop_callback of the standard library waits with
    | sched_yield | pthread_self | syscall | __sched_yield
    # what boost/interprocess/mapped_region.hpp reads before main()
    | sysconf | __errno_location
    | operator\ (new|delete)(\[\])?\(.*
    | std::(_Rb_tree_|__throw_|_V2::|allocator<|bad_alloc|exception|runtime_error|system_error)\S*.*
    | std::(logic_error|length_error|out_of_range|bad_function_call|terminate|basic_string)\b.*
    | std::__cxx11::basic_string<.* | std::__detail::.* | std::__exception_ptr::.*
    | std::(current_exception|rethrow_exception|uncaught_exception)\b.*
    | std::filesystem::__cxx11::path::.* | std::pmr::memory_resource::~memory_resource\(\)
    | (typeinfo|vtable)\ for\ (std|__cxxabiv1)::.*
    """,
    re.X,
)
SEAM = re.compile(r"system_(calls|region|thread|mutex)::")
REAL = re.compile(r"logdb::platform::posix(?:_memory)?::(\w+)")

# What two locks that are hardly ever waited for sleep with: docs/design.md, "The time index".
EXCEPTED = {"futex_wait", "futex_wake", "futex"}


def symbols(compiler, source, include):
    """Returns what the object needs, and what it has."""
    with tempfile.TemporaryDirectory() as place:
        made = Path(place) / "all.o"
        command = [*compiler, "-std=c++20", "-O0", "-I", include, "-c", source, "-o", str(made)]
        subprocess.run(command, check=True)
        return listed(made, "--undefined-only"), listed(made, "--defined-only")


def listed(made, which):
    shown = subprocess.run(
        ["nm", which, "--demangle", "--format=posix", str(made)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # A name, a letter, and two numbers where it is defined.
    lines = [re.match(r"(.*?) [A-Za-z](?: [0-9a-f]*)*$", line) for line in shown.splitlines()]
    return [line.group(1) for line in lines if line]


def main(arguments):
    split = arguments.index("--")
    needed, had = symbols(arguments[:split], *arguments[split + 1 :])
    seam = [symbol for symbol in needed if SEAM.match(symbol)]
    rest = [symbol for symbol in needed if not SEAM.match(symbol)]
    past = [symbol for symbol in rest if not LANGUAGE.fullmatch(symbol)]
    real = {found.group(1) for found in map(REAL.match, had) if found}
    past += [f"platform::posix::{name}" for name in sorted(real - EXCEPTED)]
    for symbol in past:
        print("past the seam:", symbol)
    if len(seam) < 20:
        past.append("")
        print("the library was not compiled: it asks the system for", len(seam), "things only")
    print(f"{int(not past)} passed, {int(bool(past))} failed")
    return int(bool(past))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
