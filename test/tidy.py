#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks what docs/style.md says and a machine can see. Prints one line a finding; exits 1 if any.

tidy.py            checks the whole repository
tidy.py --headers  lists the headers as they are included, a line each
tidy.py --sizes    prints the median, 90th percentile and maximum of function lengths
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"
CODE_FOLDERS = ("include", "test", "bench", "examples", "test_package")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
CLASS_LINES_MAX = 250
CLASS_MEMBERS_MAX = 12
COLUMNS_MAX = 100

# The rooms of include/logdb/, from the ground up: each includes only those named before it. A room
# is a folder; a file beside folders is a room of its own, or one with the folder of its name.
ROOMS = """
    compiled light types stored_bytes durability_point error record stats fwd
    platform/expects
    platform/atomic platform/file platform/process platform/robust_mutex platform/scoped_lock
    platform/posix platform/mutex
    policy options
    format/bytes format/crc32c format/hash format/frames format/files
    query/json_text query/json_number query/json query/json_utf8
    query/language query/evaluate query/compile query/aggregate query/fields
    query/summary/bytes query/summary/build query/summary/plan
    storage/memory storage/directory storage/single_file
    durability
    locking
    journal/believed_clock journal/log_state
    journal/control journal/inspect journal/manifest journal/segments journal/staging
    journal/state
    journal/read journal/open journal/recover journal/share journal/write
    journal/view journal/follower journal/closing journal/journal journal/no_journal
    journal/transaction_records journal/nested journal/transaction
    index/append_verbs index/none index/sparse index/summaries index/events
    index/keydir/table index/keydir/places index/keydir/keys
    index/keydir/learn index/keydir/read index/keydir/write index/keydir/compact
    index/keydir
    index/timelsm/options index/timelsm/told index/timelsm/memory
    index/timelsm/columns index/timelsm/tombstones index/timelsm/version
    index/timelsm/unstored index/timelsm/work_signals
    index/timelsm/read index/timelsm/core
    index/timelsm/maintain index/timelsm/write
    index/timelsm/index index/timelsm/face
    index/timelsm/log index/timelsm/share index/timelsm
    policies log_parts log
    durable_wal async_wal shared_wal event_log kv_store shared_kv timelog memory_timelog
    presets logdb
""".split()
ROOM_FILES_MAX = 10
# What is on disk, what an option says, and figures: as many members as there are things to say.
CLASSES_OF_PLAIN_DATA = set("""
    segment_header control_header timelsm_options timelsm_stats counters
""".split())
LOOSE_ENDS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
SYSTEM_HEADER = re.compile(
    r"#\s*include\s*<((?:sys/(?!auxv)|linux/)[^>]+|(?:unistd|fcntl|pthread|signal|dirent)\.h)>")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(")
TEST_CASE = re.compile(r"\bBOOST_(?:AUTO|FIXTURE|DATA|PARAM)_TEST_CASE(?:_TEMPLATE)?\s*\(\s*(\w+)")
INCLUDE_LINE = re.compile(r"^\s*#\s*include\s*<logdb/([^>]+)>", re.M)
INNER_NAME = re.compile(r"\b(?:logdb::)?(?:detail|format|platform|timelsm)::\w+")
NOISE = re.compile(  # comments, raw and plain strings, characters, directives
    r"""//[^\n]*|/\*.*?\*/|R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)\""""
    r"""|"(?:\\.|[^"\\\n])*\""""
    r"""|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'|^[ \t]*\#(?:\\\n|[^\n])*""",
    re.S | re.M)
TYPE_KEYWORD = re.compile(r"^(?:\[\[.*?\]\]\s*|inline\s+|export\s+)*"
                          r"(namespace|class|struct|union|enum|extern|concept)\b")

CLASS_LINE = re.compile(r"^( *)(?:template <[^;{}]*> )?(?:class|struct) "
                        r"(?:\[\[\w+\]\] |alignas\([^)]*\) )*(\w+)[^;(){}]*\{$", re.M)
NO_VARIABLE = re.compile(r"(?:static|using|friend|typedef|template|enum|class|struct|union|public|"
                         r"private|protected|requires|constexpr|extern)\b|.*\boperator\b")


def headers():
    return sorted(p.relative_to(INCLUDE) for p in INCLUDE.rglob("*.hpp"))


def is_source(path):
    return path.suffix in (".hpp", ".cpp", ".py", ".sh") or path.name in ("run", "meson.build")


def sources():
    for folder in CODE_FOLDERS:
        yield from sorted(filter(is_source, (ROOT / folder).rglob("*")))
    yield from sorted(p for p in (ROOT / ".ci").glob("*") if p.is_file())
    yield from (ROOT / "meson.build", ROOT / "conanfile.py")


def pages():
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def without_noise(text):
    """Blanks comments, literals and directives, and keeps the lines where they are."""
    return NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def without_template_lists(head):
    """Drops `template <…>`, whose `class` is not the keyword that opens a class."""
    while (at := re.search(r"\btemplate\s*<", head)):
        depth, end = 1, at.end()
        while depth and end < len(head):
            depth += {"<": 1, ">": -1}.get(head[end], 0)
            end += 1
        head = head[:at.start()] + head[end:]
    return head.strip()


def opens_function(head):
    head = re.sub(r"^(?:\s*(?:public|private|protected)\s*:)+", "", head)
    head = without_template_lists(head)
    return "(" in head and not TYPE_KEYWORD.match(head)


def functions(text):
    """Yields (first line, length in lines) of each outermost function; lambdas count in theirs.

    Relies on the formatter: a brace that opens a body has a space or a line before it, one that
    initialises (`value_{0}`) has not.
    """
    code = without_noise(text)
    stack, head_at, inside = [], 0, 0
    for brace in re.finditer(r"[{};]", code):
        at, kind = brace.start(), brace.group()
        if kind == "{":
            plain = at > 0 and not code[at - 1].isspace()
            function = not plain and not inside and opens_function(code[head_at:at])
            start = head_at + len(code[head_at:at]) - len(code[head_at:at].lstrip())
            stack.append(("plain" if plain else "function" if function else "block", start))
            inside += function
        elif kind == "}" and stack:
            opened, start = stack.pop()
            if opened == "plain":
                continue
            if opened == "function":
                inside -= 1
                yield code.count("\n", 0, start) + 1, code.count("\n", start, at) + 1
        elif stack and stack[-1][0] == "plain":
            continue
        if kind != "{" or stack[-1][0] != "plain":
            head_at = at + 1


def data_members(body, indent):
    """Returns the lines of a class's body, indented so far, that declare a variable of an object.

    Relies on the formatter, too: what goes on in the next line is indented further.
    """
    members = []
    for line in body.splitlines():
        if not re.match(rf" {{{indent}}}[\w\[:]", line) or NO_VARIABLE.match(line.strip()):
            continue
        line = re.sub(r"alignas\([^)]*\)|\[\[\w+\]\]", "", line)
        while line != (line := re.sub(r"<[^<>]*>", "", line)):
            pass
        if re.match(r"\s*[\w:]+(?:\s+[\w:]+)*[\s&*]+\w+(?:\[\w*\])*(?:;|\{| = | =$)", line):
            members.append(line.strip())
    return members


def classes(text):
    """Yields (name, first line, length in lines, data members) of each class with a body."""
    code = without_noise(text)
    code = re.sub(r"[ \t]+$", "", code, flags=re.M)
    for match in CLASS_LINE.finditer(code):
        indent = len(match.group(1))
        end = re.compile(rf"^ {{{indent}}}\}}", re.M).search(code, match.end())
        if end:
            body = code[match.end():end.start()]
            first = code.count("\n", 0, match.start()) + 1
            yield (match.group(2), first, code.count("\n", match.start(), end.start()) + 1,
                   len(data_members(body, indent + 2)))


def check_lines(path, lines):
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield number, "a tab"
        if len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns, at most {COLUMNS_MAX}"
        if line != line.rstrip():
            yield number, "white space at the end of the line"
        if LOOSE_ENDS.search(line):
            yield number, "a loose end: finish it, or say what is so in a plain sentence"


def check_file(path, text, lines):
    if not any("SPDX-License-Identifier: BSL-1.0" in line for line in lines[:2]):
        yield 1, "no SPDX line at the top"
    if text and not text.endswith("\n"):
        yield len(lines), "no newline at the end"
    if path.suffix in (".hpp", ".cpp") and len(lines) > FILE_LINES_MAX:
        yield 1, f"{len(lines)} lines, at most {FILE_LINES_MAX}: is it two files?"


def check_prose(text):
    """Tables and code apart, a page is as wide as the code."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        if len(line) > COLUMNS_MAX and not fenced and not line.lstrip().startswith("|"):
            if " " in line.strip()[:COLUMNS_MAX]:
                yield number, f"{len(line)} columns, at most {COLUMNS_MAX}"


def check_header(text):
    code = without_noise(text)
    if not re.search(r"^#pragma once$", text, re.M):
        yield 1, "no #pragma once"
    if not re.search(r"^/// @file\b", text, re.M):
        yield 1, "no @file sentence"
    for match in re.finditer(r"\busing\s+namespace\b", code):
        yield code.count("\n", 0, match.start()) + 1, "using namespace in a header"


def check_functions(text):
    for line, length in functions(text):
        if length > FUNCTION_LINES_MAX:
            yield line, f"a function of {length} lines, at most {FUNCTION_LINES_MAX}"


def check_classes(path, text):
    """A class of the library is one job: what is larger is two."""
    if INCLUDE not in path.parents:
        return
    for name, line, length, members in classes(text):
        if length > CLASS_LINES_MAX:
            yield line, f"{name}: a class of {length} lines, at most {CLASS_LINES_MAX}: is it two?"
        if members > CLASS_MEMBERS_MAX and name not in CLASSES_OF_PLAIN_DATA:
            yield line, f"{name}: {members} data members, at most {CLASS_MEMBERS_MAX}: is it two?"


def check_seam(path, text):
    """System calls live in platform/ only."""
    if INCLUDE not in path.parents or INCLUDE / "logdb" / "platform" in path.parents:
        return
    for match in SYSTEM_HEADER.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield line, f"<{match.group(1)}> outside platform/"


def check_atomics(path, text):
    """Outside platform/ atomics are platform::atomic, which has no access without an order."""
    if INCLUDE not in path.parents or INCLUDE / "logdb" / "platform" in path.parents:
        return
    code = without_noise(text)
    for match in re.finditer(r"\bstd::atomic(_flag|_bool|_ref)?\b", code):
        line = code.count("\n", 0, match.start()) + 1
        yield line, f"{match.group()} takes an order by default: platform::atomic does not"


def room(header):
    """The room of a header of include/logdb/: its folder, unless there are folders beside it."""
    path = INCLUDE / "logdb" / header
    alone = any(p.is_dir() for p in path.parent.iterdir())
    return str(Path(header).with_suffix("") if alone else Path(header).parent)


def check_direction(path, text):
    """A room includes those below it, never against that."""
    if INCLUDE not in path.parents:
        return
    own = room(path.relative_to(INCLUDE / "logdb"))
    if own not in ROOMS:
        yield 1, f"in no room that test/tidy.py knows: {own}"
        return
    for match in INCLUDE_LINE.finditer(text):
        other, line = match.group(1), text.count("\n", 0, match.start(1)) + 1
        if not (INCLUDE / "logdb" / other).exists():
            yield line, f"includes {other}, which does not exist"
        elif room(other) in ROOMS[ROOMS.index(own) + 1:]:
            yield line, f"includes {other}, which lies above it"


def crowded_rooms():
    """The folders that hold more files than a reader takes in at once; the root is the index."""
    for folder in sorted(p for p in (INCLUDE / "logdb").rglob("*") if p.is_dir()):
        count = len(list(folder.glob("*.hpp")))
        if count > ROOM_FILES_MAX:
            yield f"{folder.relative_to(ROOT)}: {count} files, at most {ROOM_FILES_MAX}"


def check_test(path, text):
    if ROOT / "test" not in path.parents:
        return
    code = without_noise(text)
    for match in SLEEP.finditer(code):
        yield code.count("\n", 0, match.start()) + 1, "a test that sleeps: wait for the event"
    for match in TEST_CASE.finditer(code):
        if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){2,}", match.group(1)):
            line = code.count("\n", 0, match.start()) + 1
            yield line, f"the test's name is no sentence in snake_case: {match.group(1)}"


def check_example(path, text):
    """What a user writes names what is a user's."""
    if path.parent != ROOT / "examples":
        return
    for match in INNER_NAME.finditer(without_noise(text)):
        yield text.count("\n", 0, match.start()) + 1, f"an example names {match.group()}"


def check_listed(path):
    """A file that no meson.build names is never built, and a test in it never runs."""
    folder = path.relative_to(ROOT).parts[0]
    if path.suffix == ".cpp" and folder in ("test", "examples", "bench"):
        lists = "".join(m.read_text("utf-8") for m in (ROOT / folder).rglob("meson.build"))
        lists = re.sub(r"#.*", "", lists)
        if not re.search(rf"['/]{path.stem}(\.cpp)?'", lists):
            yield 1, f"no meson.build in {folder}/ names it"


def check_source(path, text):
    lines = text.splitlines()
    yield from check_lines(path, lines)
    yield from check_file(path, text, lines)
    if path.suffix == ".hpp":
        yield from check_header(text)
    if path.suffix in (".hpp", ".cpp"):
        yield from check_functions(text)
        yield from check_classes(path, text)
        yield from check_seam(path, text)
        yield from check_atomics(path, text)
        yield from check_direction(path, text)
        yield from check_test(path, text)
        yield from check_example(path, text)
    yield from check_listed(path)


def include_cycles():
    """Yields each header that reaches itself, with the way it takes."""
    graph = {str(h.relative_to("logdb")): INCLUDE_LINE.findall((INCLUDE / h).read_text("utf-8"))
             for h in headers()}
    done = set()

    def walk(header, way):
        if header in way:
            yield " -> ".join(way[way.index(header):] + [header])
        elif header not in done:
            for other in graph.get(header, []):
                yield from walk(other, way + [header])
            done.add(header)

    for header in graph:
        yield from walk(header, [])


def print_sizes():
    lengths = sorted(length for header in headers()
                     for _, length in functions((INCLUDE / header).read_text("utf-8")))
    if lengths:
        at = lambda share: lengths[min(len(lengths) - 1, int(share * len(lengths)))]
        print(f"functions {len(lengths)}, p50 {at(0.5)}, p90 {at(0.9)}, max {lengths[-1]} lines")


def main(arguments):
    if arguments == ["--headers"]:
        print("\n".join(map(str, headers())))
        return 0
    if arguments == ["--sizes"]:
        print_sizes()
        return 0
    findings = [f"{path.relative_to(ROOT)}:{line}: {what}"
                for path in sources()
                for line, what in check_source(path, path.read_text("utf-8"))]
    findings += [f"{path.relative_to(ROOT)}:{line}: {what}" for path in pages()
                 for line, what in check_prose(path.read_text("utf-8"))]
    findings += [f"include/logdb: a cycle: {cycle}" for cycle in include_cycles()]
    findings += crowded_rooms()
    print("\n".join(findings) if findings else "tidy")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
