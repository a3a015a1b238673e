"""Measures ways to do the same thing, in rounds that take turns, so that a noisy moment hits
all of them. What cannot be measured here is named, with the reason.

A way has an id, a label, a body and a result: body(n) does it n times and gives what that came
to, which has to be result(n). So nothing can be left out. Where one time is several things of
which the cost is asked, `each` says how many.
"""

import argparse
import importlib
import json
import platform
import statistics
import sys
import time
from collections import namedtuple

Way = namedtuple("Way", "id label body result each unit", defaults=[1, "ns"])

STRETCH = 4_000_000  # nanoseconds that a body runs at a time, roughly


class Missing(Exception):
    """This Python cannot do it; says why."""


def need(name):
    """Imports a package that not everybody has."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Missing(str(error)) from None


def run(what, ways, argv=None):
    """Measures, and prints what came out. `ways` are functions that give ways."""
    parser = argparse.ArgumentParser(description=what.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long (default: 3)")
    parser.add_argument("--json", action="store_true", help="one JSON object, all samples")
    args = parser.parse_args(argv)
    found, missing = [], []
    for make in ways:
        try:
            found.extend(make())
        except Missing as why:
            missing.append({"id": make.__name__.strip("_"), "why": str(why)})
    rows = [row(way, values) for way, values in measure(found, args.seconds)]
    if args.json:
        print(json.dumps({"python": python(), "rows": rows, "missing": missing}))
    else:
        table(rows, missing)


def measure(ways, seconds):
    """Gives every way with what it costs, in nanoseconds, round by round."""
    times = [calibrate(way) for way in ways]
    samples = [[] for _ in ways]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or len(samples[0]) < 3:
        for way, n, values in zip(ways, times, samples):
            values.append(once(way, n) / n / way.each)
    return zip(ways, samples)


def calibrate(way):
    """How often fills a stretch; found by doubling. The first times warm up, and the quickest
    of three is not one that somebody disturbed."""
    n = 2 if way.each == 1 else 1
    while min(once(way, n) for _ in range(3)) * 2 < STRETCH:
        n *= 2
    return n


def once(way, n):
    """How long the processor works on it: not counted is what it does for other processes in
    between."""
    began = time.thread_time_ns()
    came_to = way.body(n)
    took = time.thread_time_ns() - began
    if came_to != way.result(n):
        raise AssertionError(f"{way.id} did other work: {came_to}")
    return took


def row(way, values):
    ordered = sorted(values)
    tenth = len(ordered) // 10
    return {
        "id": way.id,
        "label": way.label,
        "unit": way.unit,
        "median": statistics.median(ordered),
        "low": ordered[tenth],
        "high": ordered[-1 - tenth],
        "samples": len(ordered),
        "values": values,
    }


def python():
    return f"{platform.python_implementation()} {platform.python_version()}"


def table(rows, missing):
    print(python())
    first = rows[0]["median"]
    for each in rows:
        times = each["median"] / first
        print(f"{each['label']:42} {each['median']:11.1f} {each['unit']} {times:8.1f}x")
    for each in missing:
        print(f"not here: {each['id']} ({each['why']})")


def main(what, ways):
    try:
        run(what, ways)
    except KeyboardInterrupt:
        sys.exit(130)
