#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs a program in an empty folder and compares what it prints with a file.

compare.py PROGRAM EXPECTED     exits 0 if the program does and every line is the same; in EXPECTED
                                `...` stands for whatever differs from run to run within a line
compare.py PROGRAM -- ARGUMENT  only runs it, with these arguments
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def matches(expected, actual):
    parts = (re.escape(part) for part in expected.split("..."))
    return re.fullmatch(".*".join(parts), actual) is not None


def differences(expected, actual):
    if len(expected) == len(actual) and all(map(matches, expected, actual)):
        return []
    return list(difflib.unified_diff(expected, actual, "expected", "printed", lineterm=""))


def main(program, *rest):
    only_run = rest[0] == "--"
    arguments = list(rest[1:]) if only_run else []
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        done = subprocess.run([os.path.abspath(program), *arguments], cwd=folder,
                              stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")
    if done.returncode != 0 or only_run:
        return done.returncode
    found = differences(Path(rest[0]).read_text("utf-8").splitlines(), done.stdout.splitlines())
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
