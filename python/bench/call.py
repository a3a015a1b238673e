#!/usr/bin/env python3
"""What does a call cost, in each of Python's ways to wait? Needs nothing but python3.

The same work is called in each way, in rounds that take turns, so that a noisy moment hits
all of them. Printed are medians, and multiples of a function call.
"""

import argparse
import asyncio
import json
import platform
import statistics
import sys
import time

CALLS = 2000


def work(x):
    return (x * 1103515245 + 12345) & 0x7FFFFFFF


def function():
    x = 0
    for _ in range(CALLS):
        x = work(x)
    return x


async def coroutine(x):
    return (x * 1103515245 + 12345) & 0x7FFFFFFF


def drive(main):
    """Runs a coroutine that never waits."""
    try:
        main.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited")


def await_():
    async def main():
        x = 0
        for _ in range(CALLS):
            x = await coroutine(x)
        return x

    return drive(main())


def generator(x):
    return (x * 1103515245 + 12345) & 0x7FFFFFFF
    yield


def yield_from():
    def main():
        x = 0
        for _ in range(CALLS):
            x = yield from generator(x)
        return x

    return drive(main())


class Deferred:
    """As much of Twisted's as a result that is there already needs."""

    def __init__(self, result):
        self.result = result

    def add_callback(self, callback):
        self.result = callback(self.result)
        return self


def deferred():
    x = 0
    for _ in range(CALLS):
        x = Deferred(x).add_callback(work).result
    return x


def trampoline(main):
    """Runs generators that yield generators: the stack is a list (PEP 342)."""
    stack, value = [main], None
    while stack:
        try:
            stack.append(stack[-1].send(value))
            value = None
        except StopIteration as stop:
            stack.pop()
            value = stop.value
    return value


def yield_trampoline():
    def main():
        x = 0
        for _ in range(CALLS):
            x = yield generator(x)
        return x

    return trampoline(main())


def task():
    async def main():
        x = 0
        for _ in range(CALLS):
            x = await asyncio.get_running_loop().create_task(coroutine(x))
        return x

    return asyncio.run(main())


BODIES = [
    ("function", "a function call", function),
    ("await", "await", await_),
    ("yield-from", "yield from", yield_from),
    ("yield", "yield, driven by a trampoline", yield_trampoline),
    ("deferred", "Deferred and callback", deferred),
    ("task", "an asyncio task", task),
]


def measure(seconds):
    """Gives the nanoseconds a call, round by round, for every body."""
    expected = function()
    samples = {name: [] for name, _, _ in BODIES}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or len(samples["function"]) < 3:
        for name, _, body in BODIES:
            began = time.perf_counter_ns()
            result = body()
            samples[name].append((time.perf_counter_ns() - began) / CALLS)
            assert result == expected, f"{name} did other work"
    return samples


def rows(samples):
    for name, label, _ in BODIES:
        sorted_ = sorted(samples[name])
        tenth = len(sorted_) // 10
        yield {
            "id": name,
            "label": label,
            "unit": "ns",
            "median": statistics.median(sorted_),
            "low": sorted_[tenth],
            "high": sorted_[-1 - tenth],
            "samples": len(sorted_),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="how long (default: 1)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    measured = list(rows(measure(args.seconds)))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    if args.json:
        print(json.dumps({"python": python, "rows": measured}))
        return
    function_call = measured[0]["median"]
    print(python)
    for row in measured:
        print(f"{row['label']:30} {row['median']:9.1f} ns {row['median'] / function_call:7.1f}x")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
