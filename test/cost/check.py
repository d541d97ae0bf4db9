#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks that an append reaches no code of policies that it does not have.

check.py LEAST FULL ROOT...

Compiles two files with g++ and clang++, whichever there are, and looks at the symbols
that an append brings into the object: those of the full log are missing from the least. ROOT... are
the folders to include from. Exits 77 where there is no compiler or no nm.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# What only an append that waits for the disk, notes an index entry, or writes a file needs.
UNWANTED = ("fdatasync", "logdb::Sparse", "wait_durable", "pwritev", "flock", "logdb::Fsync",
            "logdb::Async")
WANTED = ("fdatasync", "logdb::Sparse", "pwritev")


def symbols(compiler, file, roots, folder):
    target = Path(folder) / "probe.o"
    subprocess.run([compiler, "-std=c++20", "-O1", "-c", *(f"-I{root}" for root in roots),
                    str(file), "-o", str(target)], check=True)
    return subprocess.run(["nm", "-C", str(target)], stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def faults(compiler, files, roots, folder):
    least, full = (symbols(compiler, file, roots, folder) for file in files)
    for word in UNWANTED:
        lines = [line for line in least.splitlines() if word in line]
        if lines:
            yield f"{compiler}: the least log's append brings {word}: {lines[0][:200]}"
    for word in WANTED:
        if word not in full:
            yield f"{compiler}: the full log's append brings no {word}: this check sees nothing"


def main(least, full, *roots):
    compilers = [name for name in ("g++", "clang++") if shutil.which(name)]
    if not compilers or not shutil.which("nm"):
        return 77
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for compiler in compilers:
            found += list(faults(compiler, (least, full), roots, folder))
    passed = len(compilers) * len(UNWANTED + WANTED) - len(found)
    print("\n".join(found + [f"{passed} passed, {len(found)} failed"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
