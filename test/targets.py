#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints what ninja has to build for some tests, a file a line: targets.py BUILD TEST..."""

import json
import sys
from pathlib import Path


def main(build, *names):
    info = Path(build) / "meson-info"
    files = {target["id"]: target["filename"]
             for target in json.loads((info / "intro-targets.json").read_text("utf-8"))}
    wanted = set(names)
    needed = set()
    for test in json.loads((info / "intro-tests.json").read_text("utf-8")):
        if test["name"] in wanted:
            needed.update(path for target in test["depends"] for path in files[target])
    root = Path(build).resolve()
    print("\n".join(sorted(str(Path(path).relative_to(root)) for path in needed)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
