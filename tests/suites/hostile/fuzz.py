"""Fuzz what reads files: `python tests/suites/hostile/fuzz.py --seconds 1800`.

A process reads one case after the other, within limits on memory and time; when a case ends it,
or makes it wait, the case is told and another process goes on. Cases are numbers: `--kind policy
--from 1234 --cases 1 --keep FOLDER` writes one down.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

GROWTH = 500 << 20
"""Bytes that a process may take beyond those it starts with."""

LONGEST_S = 2.0
"""Seconds of processor time for a case."""

WAIT_S = 60.0
"""Seconds on the clock, of a machine that others use too."""

BATCH = 250


def reader(kind: str, first: int, count: int) -> None:
    """Read cases, and print what came of each: `NUMBER SECONDS OUTCOME`."""
    import hostile_world as world

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "case"
        world.put(place, world.case(kind, first))
        world.outcome(kind, place)  # imports what is imported late
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + GROWTH, held + GROWTH))
        for number in range(first, first + count):
            world.put(place, world.case(kind, number))
            begun = time.process_time()
            found = world.outcome(kind, place)
            seconds = time.process_time() - begun
            tell(f"{number} {seconds:.3f} {found}")
            sys.stdout.flush()


def batch(kind: str, first: int, count: int) -> Iterator[tuple[int, str]]:
    """Cases and what came of them; what ended the process, or waits, is told of the next case."""
    command = [sys.executable, __file__, "--reader", "--kind", kind]
    command += ["--from", str(first), "--cases", str(count)]
    done = first
    with (
        tempfile.TemporaryFile() as errors,  # a pipe that nobody reads would fill up
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        rest = b""
        while True:
            ready, _, _ = select.select([process.stdout], [], [], WAIT_S)
            if not ready and _runs(process.pid):
                continue  # it has had no share of a busy machine
            if not ready:
                process.kill()
                yield done, f"waits longer than {WAIT_S:g} s"
                return
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                number, seconds, found = line.decode().split(" ", 2)
                slow = float(seconds) > LONGEST_S
                yield int(number), f"took {seconds} s" if slow else found
                done = int(number) + 1
        status = process.wait()
        if status:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()[-1:]
            yield done, f"ended the process ({status}): {' '.join(said)[:120]}"


def _runs(process: int) -> bool:
    """Whether a process would go on, and has not used up what a case may take."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    spent = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return fields[0] in "RD" and spent < WAIT_S


def fuzzed(kind: str, first: int, count: int, until: float) -> Iterator[tuple[int, str]]:
    """As `batch`, going on behind what ended a process."""
    at, end = first, first + count
    while at < end and time.monotonic() < until:
        for number, found in batch(kind, at, min(BATCH, end - at)):
            at = number + 1
            yield number, found


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    """Fuzz, and print counts: cases tried, refused, and unclean."""
    import hostile_world as world

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=list(world.KINDS), action="append")
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--cases", type=int, default=10**9, help="of each kind")
    parser.add_argument("--seconds", type=float, default=1800.0, help="in all")
    parser.add_argument("--keep", type=Path, help="write the cases there, and read none")
    parser.add_argument("--reader", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    kinds = asked.kind or list(world.KINDS)
    if asked.reader:
        reader(kinds[0], asked.first, asked.cases)
        return 0
    if asked.keep:
        for number in range(asked.first, asked.first + asked.cases):
            world.put(asked.keep / f"{kinds[0]}-{number}", world.case(kinds[0], number))
        return 0
    until = time.monotonic() + asked.seconds
    counts, unclean = Counter[tuple[str, str]](), dict[str, list[int]]()
    at = dict.fromkeys(kinds, asked.first)
    end = asked.first + asked.cases
    while time.monotonic() < until and (open_ := [kind for kind in kinds if at[kind] < end]):
        for kind in open_:  # in turns, so that every kind gets its share
            for number, found in fuzzed(kind, at[kind], min(BATCH, end - at[kind]), until):
                at[kind] = number + 1
                word = found if found in ("ok", "refused") else "unclean"
                counts[kind, word] += 1
                if word == "unclean":
                    unclean.setdefault(f"{kind}: {found}", []).append(number)
    for kind in kinds:
        ok, refused, bad = (counts[kind, it] for it in ("ok", "refused", "unclean"))
        tell(f"{kind:12} tried {ok + refused + bad:7}  refused {refused:7}  unclean {bad:5}")
    for found, numbers in sorted(unclean.items(), key=lambda it: -len(it[1])):
        tell(f"{len(numbers):5} x {found}  (first: {numbers[0]})")
    return 1 if unclean else 0


if __name__ == "__main__":
    sys.exit(main())
