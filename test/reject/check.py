#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks that a file does not compile, and that one error line says why:
check.py FILE [--precompiled HEADER] ROOT...

FILE quotes the message in a line `// error: ...`, which lines `//   ...` continue; `// flags: ...`
replaces -std=c++20. ROOT... are the folders to include from. HEADER is what precompile.py made,
without its ending; it fits files without flags of their own. Tries g++ and clang++, whichever there
are; exits 77 if there are none.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

COMPILERS = ("g++", "clang++")


def quoted(text, key, otherwise=None):
    found = re.search(rf"^// {key}: (.*(?:\n//   .*)*)$", text, re.M)
    return found.group(1).replace("\n//  ", "") if found else otherwise


def error_lines(compiler, file, flags, roots):
    done = subprocess.run(
        [compiler, *flags.split(), "-fsyntax-only", *(f"-I{root}" for root in roots), file],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"})
    return [line for line in done.stdout.splitlines() if re.search(r"\berror: ", line)]


def fault(lines, message):
    """Returns what is wrong with the error lines of one compiler, or nothing."""
    if len(lines) != 1:
        return "\n  ".join([f"{len(lines)} error lines, expected 1"] + lines)
    said = re.sub("[‘’`]", "'", lines[0])
    return None if message in said else f"says\n  {said}\nand not\n  {message}"


def main(file, *roots):
    text = Path(file).read_text("utf-8")
    message = quoted(text, "error")
    flags = quoted(text, "flags")
    if roots[0] == "--precompiled":
        flags = flags or f"-std=c++20 -include {roots[1]}"
        roots = roots[2:]
    flags = flags or "-std=c++20"
    compilers = [name for name in COMPILERS if shutil.which(name)]
    failed = 0
    for compiler in compilers:
        found = fault(error_lines(compiler, file, flags, roots), message)
        if found:
            print(f"{compiler}: {found}")
            failed += 1
    print(f"{len(compilers) - failed} passed, {failed} failed")
    return 77 if not compilers else int(failed != 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
