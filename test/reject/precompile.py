#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Parses the library once for all of check.py: precompile.py GCH PCH DEPFILE ROOT

Each of g++ (GCH) and clang++ (PCH) that there is makes its file; that of another one stays empty.
DEPFILE names what they were made from.
"""

import shutil
import subprocess
import sys
from pathlib import Path


def main(gch, pch, dependencies, root):
    header = Path(gch).with_suffix("")
    header.write_text("#include <logdb/logdb.hpp>\n", "utf-8")
    for compiler, made in (("g++", gch), ("clang++", pch)):
        if shutil.which(compiler):
            subprocess.run([compiler, "-std=c++20", f"-I{root}", "-x", "c++-header",
                            header, "-o", made, "-MD",
                            "-MF", dependencies, "-MT", gch], check=True)
        else:
            Path(made).touch()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
