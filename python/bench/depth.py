#!/usr/bin/env python3
"""What does it cost to resume somebody far inside, in each of Python's ways to nest calls?

Needs nothing but python3; with the packages of requirements.txt it can say more. Each chain is
driven by hand, without any loop.
"""

import sys

from measuring import Way, main, need

DEPTHS = [1, 10, 100, 1000]


def way(id, label, depth, resume):
    """`resume(n)` calls so deep, resumes n times, and gives the sum of both."""
    return Way(f"{id}-{depth}", f"{label}, {depth} deep", resume, lambda n: depth + n)


def drive(outermost):
    """Resumes until it returns."""
    try:
        while True:
            outermost.send(None)
    except StopIteration as stop:
        return stop.value


def yield_from():
    def nest(depth, n):
        if depth > 0:
            return (yield from nest(depth - 1, n)) + 1
        for _ in range(n):
            yield
        return n

    for depth in DEPTHS:
        yield way("yield-from", "yield from", depth, lambda n, d=depth: drive(nest(d, n)))


class Leaf:
    """Suspends n times, like the innermost generator above."""

    def __init__(self, n):
        self.n = n

    def __await__(self):
        for _ in range(self.n):
            yield
        return self.n


def await_():
    async def nest(depth, n):
        if depth > 0:
            return await nest(depth - 1, n) + 1
        return await Leaf(n)

    for depth in DEPTHS:
        yield way("await", "await", depth, lambda n, d=depth: drive(nest(d, n)))


def yield_():
    def nest(depth, n):
        if depth > 0:
            return (yield nest(depth - 1, n)) + 1
        for _ in range(n):
            yield
        return n

    def trampoline(main):
        stack, value = [main], None
        while stack:
            try:
                callee = stack[-1].send(value)
                value = None
                if callee is not None:
                    stack.append(callee)
            except StopIteration as stop:
                stack.pop()
                value = stop.value
        return value

    for depth in DEPTHS:
        yield way("yield", "yield, driven by a trampoline", depth,
                  lambda n, d=depth: trampoline(nest(d, n)))


def greenlet():
    greenlet = need("greenlet")

    def nest(main, depth, n):
        if depth > 0:
            return nest(main, depth - 1, n) + 1
        for _ in range(n):
            main.switch()
        return n

    def drive(depth, n):
        inner = greenlet.greenlet(nest)
        inner.switch(greenlet.getcurrent(), depth, n)
        while not inner.dead:
            result = inner.switch()
        return result

    for depth in DEPTHS:
        yield way("greenlet", "functions in a greenlet", depth,
                  lambda n, d=depth: drive(d, n) if n else d)


if __name__ == "__main__":
    sys.setrecursionlimit(5 * DEPTHS[-1])
    main(__doc__, [yield_from, await_, yield_, greenlet])
