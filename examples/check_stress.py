#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Has processes write one log and another program verify it, and shows it logs that are wrong.

check_stress.py STRESS DUMP     exits 0 if each run ended as it should
"""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

# processes, threads, records, bytes, records in a transaction, kills
RUNS = (
    (1, 1, 200),
    (5, 1, 100),
    (1, 5, 100),
    (5, 5, 60, 18),
    (3, 2, 400, 1000),
    (4, 2, 100, 18, 7),
    (2, 2, 400, 16000, 100),
    (4, 2, 300, 18, 0, 25),
    (4, 2, 300, 100, 5, 25),
)
WORDS = ((), ("a", "1", "1"), ("a", "0", "1", "1"), ("a", "1", "1", "x"), ("a", "1", "1", "1", "3"))


def run(program, *words):
    words = [str(word) for word in words]
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def check_runs(stress, dump):
    for i, words in enumerate(RUNS):
        path = f"{i}.wal"
        yield f"stress {words}", run(stress, path, *words), 0, "records/s"
        processes, threads, records = words[:3]
        seen = run(dump, path)
        yield f"dump of {words}", seen, 0, f"{processes * threads * records} records,"
        yield f"its numbers {words}", seen, 0, f"0 to {records - 1}\n"
    yield "stress goes on", run(stress, "0.wal", 2, 1, 50), 0, "records/s"
    yield "dump of both", run(dump, "0.wal"), 0, "process 1, thread 0: 0 to 249\n"


def check_while_written(stress, dump):
    # A process of its own writes while this one looks again and again.
    writing = threading.Thread(target=run, args=(stress, "live.wal", 2, 2, 1500))
    run(stress, "live.wal", 1, 1, 1)
    writing.start()
    while writing.is_alive():
        yield "dump beside writers", run(dump, "live.wal"), 0, "none lost"
    writing.join()


def check_wrong(stress, dump):
    # A byte of one record, as a failing disk might change it.
    path = Path("wrong.wal")
    run(stress, path, 1, 1, 300)
    segment = min(path.glob("*.seg"))
    text = segment.read_bytes()
    at = text.rindex((250).to_bytes(8, "little"))
    segment.write_bytes(text[:at] + b"\xff" + text[at + 1:])
    yield "a damaged record", run(dump, path), 1, ""
    yield "a missing log", run(dump, "missing"), 1, ""
    for words in WORDS:
        yield f"stress {words}", run(stress, *words), 2, ""
    yield "dump without a path", run(dump), 2, ""


def main(*programs):
    stress, dump = (os.path.abspath(program) for program in programs)
    failures = 0
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        os.chdir(folder)
        for check in (check_runs, check_while_written, check_wrong):
            for what, done, status, text in check(stress, dump):
                good = done.returncode == status and text in done.stdout
                failures += not good
                if not good:
                    print(f"{what}: exit {done.returncode}, wanted {status}\n"
                          f"{done.stdout}{done.stderr}")
        os.chdir("..")
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
