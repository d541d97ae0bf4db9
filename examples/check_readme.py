#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Says whether the README shows examples/hello.cpp as it is, and links to files that exist.

check_readme.py     exits 0 if so
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#:]+)\)")


def body(source):
    """Returns a program without the comment at its top."""
    return source[source.index("#include"):]


def pages():
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def broken_links():
    for page in pages():
        for target in LINK.findall(page.read_text("utf-8")):
            if not (page.parent / target).exists():
                yield f"{page.relative_to(ROOT)} links to {target}, which does not exist"


def main():
    findings = list(broken_links())
    hello = body((ROOT / "examples" / "hello.cpp").read_text("utf-8"))
    if f"```cpp\n{hello}```" not in (ROOT / "README.md").read_text("utf-8"):
        findings.append("README.md shows another program than examples/hello.cpp")
    print("\n".join(findings) if findings else "the README shows what is there")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
