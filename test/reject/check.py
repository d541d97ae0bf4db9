#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks that files do not compile, and that one error line of each says why:
check.py COMPILER ROOT FILE...

A file quotes the message in a line `// error: ...`, which lines `//   ...` continue; `// flags:`
replaces -std=c++20. ROOT is the folder to include from. Exits 77 if there is no such compiler.

The files are compiled together, each in a namespace of its own, since most of the time goes to what
they include. An error is of the file that the compiler names beside it. One that then seems to have
another number of errors than one, or flags of its own, is compiled alone, and that decides.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

INCLUDE = re.compile(r"^#include .*$", re.M)
ERROR = re.compile(r"\berror: ")


class Case:
    def __init__(self, file):
        self.file = file
        self.name = Path(file).name
        self.text = Path(file).read_text("utf-8")
        self.message = self.quoted("error")
        self.flags = self.quoted("flags")

    def quoted(self, key):
        found = re.search(rf"^// {key}: (.*(?:\n//   .*)*)$", self.text, re.M)
        return found.group(1).replace("\n//  ", "") if found else None

    def fault(self, lines):
        """Returns what is wrong with its error lines, or nothing."""
        if len(lines) != 1:
            return "\n  ".join([f"{len(lines)} error lines, expected 1"] + lines)
        said = re.sub("[‘’`]", "'", lines[0])
        return None if self.message in said else f"says\n  {said}\nand not\n  {self.message}"


class Compiler:
    def __init__(self, name, root):
        self.name = name
        self.is_clang = "clang" in name
        self.command = [name, "-fsyntax-only", f"-I{root}"]
        self.command += ["-ferror-limit=0"] if self.is_clang else []

    def says(self, source, flags, *more):
        done = subprocess.run(
            [*self.command, *flags.split(), *more], input=source, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"})
        return done.stdout.splitlines()

    def alone(self, case):
        said = self.says(None, case.flags or "-std=c++20", case.file)
        return [line for line in said if ERROR.search(line)]

    def together(self, cases):
        """Returns the error lines of each case by its name."""
        source = "\n".join(sorted({line for case in cases for line in INCLUDE.findall(case.text)}))
        for number, case in enumerate(cases):
            body = INCLUDE.sub("", case.text)
            source += f'\nnamespace case_{number} {{\n#line 1 "{case.name}"\n{body}\n}}'
        return self.by_case(self.says(source + "\n", "-std=c++20", "-x", "c++", "-"), cases)

    def by_case(self, said, cases):
        """Sorts errors: g++ says before an error what led to it, clang++ behind it."""
        found = {case.name: [] for case in cases}
        lines = said[::-1] if self.is_clang else said
        nearest = None
        for line in lines:
            name = line.partition(":")[0]
            nearest = name if name in found else nearest
            if ERROR.search(line) and nearest:
                found[nearest].append(line)
        return found


def main(compiler, root, *files):
    if not shutil.which(compiler):
        return 77
    compiler = Compiler(compiler, root)
    cases = [Case(file) for file in files]
    shared = [case for case in cases if not case.flags]
    found = compiler.together(shared) if len(shared) > 1 else {}
    failed = 0
    for case in cases:
        lines = found.get(case.name, [])
        fault = case.fault(lines if len(lines) == 1 else compiler.alone(case))
        if fault:
            print(f"{case.name}: {fault}")
            failed += 1
    print(f"{len(cases) - failed} passed, {failed} failed")
    return int(failed != 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
