#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs ingest on sources of every shape, and on what it has to refuse.

check_ingest.py PROGRAM     exits 0 if each run ended as it should
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = {
    "empty": b"",
    "one newline": b"\n",
    "no newline at the end": b"one\ntwo",
    "empty lines": b"\n\na\n\n",
    "carriage returns": b"a\r\nb\r\n",
    "binary": bytes(range(256)) * 64,
    "zeros": bytes(100_000),
    "a line longer than staging": b"x" * 6_000_000 + b"\ny\n",
    "many lines": b"".join(b"line %d\n" % i for i in range(20_000)),
}
WAYS = ([], ["--batch", "7", "--threads", "3"])
WORDS = (["--batch", "0"], ["--threads", "many"], ["--dir"], ["--none"], ["a", "b"])


def run(program, *words, stdin=b""):
    return subprocess.run([program, *words], input=stdin, capture_output=True, check=False)


def check_sources(program):
    for name, text in SOURCES.items():
        Path("source").write_bytes(text)
        for way in WAYS:
            yield f"{name} {way}", run(program, *way, "source"), 0, b"lines came back"
        yield f"{name} from standard input", run(program, "-", stdin=text), 0, b"lines came back"
    left = [p.name for p in Path(".").glob("*.wal")]
    yield f"leaves nothing behind, but {left}", run(program, "--help"), len(left), b"usage"


def check_directories(program):
    Path("source").write_bytes(b"a\nb\n")
    yield "keeps", run(program, "--keep", "source"), 0, b"2 of 2"
    yield "takes another name", run(program, "--keep", "source"), 0, b"source.2.wal"
    yield "continues", run(program, "--dir", "source.wal", "source"), 0, b"lsn 1 to 4"


def check_refusals(program):
    for words in WORDS:
        yield f"{words}", run(program, *words), 2, b"usage"
    yield "a missing file", run(program, "missing"), 1, b", missing ("
    yield "a directory", run(program, "."), 1, b"a directory"
    yield "a file for a log", run(program, "--dir", "source", "source"), 1, b", source"
    Path("foreign").mkdir()
    Path("foreign/manifest").write_bytes(b"somebody else's")
    yield "a foreign folder", run(program, "--dir", "foreign", "source"), 1, b"manifest"


def main(program):
    program = os.path.abspath(program)
    failed = 0
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        os.chdir(folder)
        for check in (check_sources, check_directories, check_refusals):
            for name, done, status, words in check(program):
                said = done.stdout + done.stderr
                good = done.returncode == status and words in said
                failed += not good
                print("ok  " if good else "FAIL", name)
                if not good:
                    print(said.decode("utf-8", "replace"), "exit status", done.returncode)
        os.chdir("..")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
