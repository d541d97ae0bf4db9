#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks that all members of every log of one storage and one index compile:
check.py COMPILER... -- FILE ROOT MACRO...

Only parses and instantiates: code of that much would take the compiler minutes.
"""

import subprocess
import sys


def main(*arguments):
    compiler = arguments[:arguments.index("--")]
    file, root, *macros = arguments[len(compiler) + 1:]
    done = subprocess.run(
        [*compiler, "-std=c++20", "-fsyntax-only", f"-I{root}", *(f"-D{each}" for each in macros),
         file], check=False)
    print(f"{int(done.returncode == 0)} passed, {int(done.returncode != 0)} failed")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
