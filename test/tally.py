#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Adds up what the tests of one run counted: tally.py BUILD/meson-logs/testlog.json [--failures]

A test counts what it says it did: Boost.Test's report, or a last line `N passed, N failed`; one
that says nothing counts as one. Prints `N passed, N failed`; exits 1 if any failed, or none ran.
"""

import json
import re
import sys

BOOST = re.compile(r"^\s+(\d+) test cases? out of (\d+) passed$", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)
GOOD = ("OK", "EXPECTEDFAIL")
# What the tests of crashes tried: `crash images: 1234`.
TRIED = re.compile(
    r"^(crash images|fault points|kills|steps killed at|schedules searched|schedules drawn"
    r"|fuzz executions|mutant killed|mutant survived): (\d*)",
    re.M,
)

# What says why: of Boost.Test, of a sanitizer, of an assertion.
REASON = re.compile(r": (fatal )?error|runtime error|ERROR:|SUMMARY:|WARNING: Thread|Assertion")


def counts(test):
    """Returns (passed, failed) of one test; a bad exit is a failure, whatever was counted."""
    text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
    good = test["result"] in GOOD
    passed, failed = int(good), int(not good)
    if found := BOOST.findall(text):
        passed, total = map(int, found[-1])
        failed = total - passed
    elif found := PLAIN.findall(text):
        passed, failed = map(int, found[-1])
    return passed, failed if good else max(failed, 1)


def reasons(test):
    """Returns the lines that say why a test failed, else its last ones; a few of them."""
    lines = ((test.get("stdout") or "") + "\n" + (test.get("stderr") or "")).splitlines()
    found = [line for line in lines if REASON.search(line)] or [line for line in lines if line][-5:]
    return [line[:300] for line in found[:10]]


def tried(tests):
    """Returns the lines that say how much was tried, added up over all tests."""
    sums = {}
    for test in tests:
        for what, number in TRIED.findall(test.get("stdout") or ""):
            sums[what] = sums.get(what, 0) + int(number or 1)
    killed, survived = sums.pop("mutant killed", 0), sums.pop("mutant survived", 0)
    lines = [f"{what}: {number}" for what, number in sums.items()]
    return lines + [f"mutants killed: {killed} of {killed + survived}"] * bool(killed + survived)


def main(log, *flags):
    with open(log, encoding="utf-8") as lines:
        tests = [json.loads(line) for line in lines if line.strip()]
    ran = [test for test in tests if test["result"] != "SKIP"]
    for test in tests:
        if test["result"] == "SKIP":
            print("skipped:", test["name"])
    passed = failed = 0
    for test in ran:
        good, bad = counts(test)
        passed, failed = passed + good, failed + bad
        if bad and "--failures" in flags:
            print(f"failed: {test['name']} ({test['result']}, {test['duration']:.1f} s)")
            for line in reasons(test):
                print(f"failed: {test['name']}: {line}")
    for line in tried(ran):
        print(line)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
