#!/usr/bin/env python3
"""PEP 492's own benchmark, binary(n), in each of Python's ways to call.

Needs nothing but python3; with the packages of requirements.txt it can say more. What is
printed is the time of one call of a tree.
"""

import asyncio

from call import drive, trampoline
from measuring import Way, main, need

DEPTH = 10
CALLS = (2 << DEPTH) - 1


def way(id, label, tree):
    """What is done n times is a tree; what it costs is shared out among its calls."""
    return Way(id, label, lambda n: sum(tree(DEPTH) for _ in range(n)), lambda n: n * CALLS,
               each=CALLS)


def function():
    def binary(n):
        if n <= 0:
            return 1
        l = binary(n - 1)
        r = binary(n - 1)
        return l + 1 + r

    yield way("function", "a function call", binary)


def await_():
    async def binary(n):
        if n <= 0:
            return 1
        l = await binary(n - 1)
        r = await binary(n - 1)
        return l + 1 + r

    yield way("await", "await", lambda n: drive(binary(n)))


def yield_from():
    def binary(n):
        if n <= 0:
            return 1
        l = yield from binary(n - 1)
        r = yield from binary(n - 1)
        return l + 1 + r

    yield way("yield-from", "yield from", lambda n: drive(binary(n)))


def yield_():
    def binary(n):
        if n <= 0:
            return 1
        l = yield binary(n - 1)
        r = yield binary(n - 1)
        return l + 1 + r

    yield way("yield", "yield, driven by a trampoline", lambda n: trampoline(binary(n)))


def twisted():
    defer = need("twisted.internet.defer")

    def callbacks(n):
        if n <= 0:
            return defer.succeed(1)
        return callbacks(n - 1).addCallback(
            lambda l: callbacks(n - 1).addCallback(lambda r: l + 1 + r))

    @defer.inlineCallbacks
    def binary(n):
        if n <= 0:
            return 1
        l = yield binary(n - 1)
        r = yield binary(n - 1)
        return l + 1 + r

    yield way("twisted-deferred", "Twisted: Deferred and callback",
              lambda n: callbacks(n).result)
    yield way("twisted", "Twisted: inlineCallbacks", lambda n: binary(n).result)


def tornado():
    gen = need("tornado.gen")

    @gen.coroutine
    def binary(n):
        if n <= 0:
            return 1
        l = yield binary(n - 1)
        r = yield binary(n - 1)
        return l + 1 + r

    async def wait(n):
        return await binary(n)

    yield way("tornado", "Tornado: gen.coroutine", lambda n: asyncio.run(wait(n)))


def greenlet():
    greenlet = need("greenlet")

    def binary(n):
        if n <= 0:
            return 1
        l = binary(n - 1)
        r = binary(n - 1)
        return l + 1 + r

    yield way("greenlet", "a function call, inside a greenlet",
              lambda n: greenlet.greenlet(binary).switch(n))


def task(id, label, loop):
    async def binary(n):
        if n <= 0:
            return 1
        create = asyncio.get_running_loop().create_task
        l = await create(binary(n - 1))
        r = await create(binary(n - 1))
        return l + 1 + r

    def make():
        run = loop()
        yield way(f"task-{id}", f"a task: {label}", lambda n: run(binary(n)))

    make.__name__ = f"task-{id}"
    return make


def tasks():
    from loops import LOOPS

    return [task(*each) for each in LOOPS]


WAYS = [function, await_, yield_from, yield_, twisted, tornado, greenlet]

if __name__ == "__main__":
    main(__doc__, WAYS + tasks())
