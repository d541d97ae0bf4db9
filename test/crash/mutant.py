#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Passes if a test sees that a step of durability is missing: mutant.py STEP PROGRAM

The program is a test of the library built without that step; it must fail, by a check of its own:
that it cannot even start is no such failure.
"""

import os
import re
import subprocess
import sys
import time

SEEN = re.compile(r"error: in \"[^\"]*\": (.*)")


def main(step, program):
    begin = time.monotonic()
    ran = subprocess.run(
        [program],
        env={**os.environ, "BOOST_TEST_COLOR_OUTPUT": "no"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    seconds = time.monotonic() - begin
    seen = SEEN.search(ran.stdout + ran.stderr)
    if ran.returncode != 0 and seen:
        print(f"mutant killed: {step}, in {seconds:.1f} s, by {seen.group(1)}")
        return 0
    print(f"mutant survived: {step} is missing and no test sees it; status {ran.returncode}")
    print((ran.stdout + ran.stderr)[-2000:])
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
