#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs the events tool on a small log: check_events.py PROGRAM.

Loads lines of every kind, and asks for them by each of its words.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

LINES = "\ufeff" + """{"ts":"2026-03-01T10:00:00Z","level":"INFO","service":"api","ms":12}\r
{"ts":"2026-03-01T10:01:00Z","level":"ERROR","service":"api","ms":250}

{"level":"ERROR","service":"auth"
["level"]
{"ts":"2026-03-01T10:02:00Z","level":"ERROR","service":"auth","ms":[7,1000]}
{"ts":"2026-03-01T10:03:00Z","lev"""
FIRST, SECOND, THIRD = (LINES.lstrip("\ufeff").splitlines()[n] for n in (0, 1, 5))
MORE = '{"level":"INFO"}\n{"level":"ERROR","n":1}\n{"level":"ERROR","n":2}\n'
TIMES = "".join(f'{{"at":"2026-03-01T10:0{minute}:30Z"}}\n' for minute in (1, 2, 2, 4))
DRAWN = "".join(f"2026-03-01T10:0{minute}:00Z {bar}\n" for minute, bar in (
    (1, "#" * 25 + " 1"), (2, "#" * 50 + " 2"), (3, "0"), (4, "#" * 25 + " 1")))


class Tool:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.passed = self.failed = 0

    def run(self, *words, text=""):
        return subprocess.run([self.program, "app.events", *words], input=text.encode(),
                              cwd=self.folder, capture_output=True, timeout=60, check=False)

    def expect(self, what, found, expected):
        good = found == expected
        self.passed += good
        self.failed += not good
        if not good:
            print(f"{what}:\n  expected {expected!r}\n  found    {found!r}")

    def prints(self, expected, *words):
        done = self.run(*words)
        self.expect(" ".join(words), (done.stdout.decode(), done.returncode), (expected, 0))

    def follow(self):
        """What comes while it follows is printed as it comes."""
        words = [self.program, "app.events", "follow", "level:ERROR", "2"]
        with subprocess.Popen(words, cwd=self.folder, stdout=subprocess.PIPE) as following:
            found = b""
            while following.poll() is None:  # it may begin after what is loaded first
                self.run("load", text=MORE)
                try:
                    found = following.communicate(timeout=5)[0]
                except subprocess.TimeoutExpired:
                    pass
        events = [line.split(b" ", 1)[1] for line in found.splitlines()]
        self.expect("follow", sorted(set(events)), [
            b'{"level":"ERROR","n":1}', b'{"level":"ERROR","n":2}'])


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(Path(program).resolve(), folder)
        loaded = tool.run("load", text=LINES)
        tool.expect("load", loaded.stdout, b"3 events appended, 3 lines refused\n")
        tool.expect("refused", [line.split(b":")[0] for line in loaded.stderr.splitlines()],
                    [b"line 4, byte 33", b"line 5, byte 0", b"line 7, byte 33"])
        tool.prints(f"2 {SECOND}\n3 {THIRD}\n", "find", "level:ERROR")
        tool.prints(f"3 {THIRD}\n2 {SECOND}\n", "find", "level:ERROR | newest 2")
        tool.prints(f"1 {FIRST}\n", "find", "_time<2026-03-01T10:01")
        tool.prints("2\n", "count", "ms>100")
        tool.prints("3\n", "count")
        tool.prints(f"{FIRST}\n{SECOND}\n", "export", "service:api")
        tool.prints('2 {"service":"api","ms":250}\n',
                    "find", "level:ERROR | oldest 1 | fields service, ms")
        tool.prints("2\tapi\n1\tauth\n", "sum", "| count by service")
        tool.prints("2026-03-01T10:01:00Z\t- 1\n2026-03-01T10:02:00Z\t- 1\n",
                    "sum", "level:ERROR | histogram 1m")
        tool.run("load", text=TIMES)
        tool.prints(DRAWN, "--time", "at", "draw", "at:* | histogram 1m")
        red = SECOND.replace("ERROR", "\033[1;31mERROR\033[0m").replace(
            "api", "\033[1;31mapi\033[0m")
        tool.prints(f"2 {red}\n", "--color", "find", "level:ERROR service:api")
        bad = tool.run("find", "level:")
        tool.expect("a bad query", (bad.returncode, b"column 7" in bad.stderr), (1, True))
        tool.follow()
        print(f"{tool.passed} passed, {tool.failed} failed")
        return tool.failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
