#!/usr/bin/env python3
"""What does a call cost, in each of Python's ways to wait?

Needs nothing but python3; with the packages of requirements.txt it can say more. The same work
is called in each way, each time with the last result.
"""

import asyncio

from measuring import Way, main, need


def work(x):
    return (x * 1103515245 + 12345) & 0x7FFFFFFF


def expected(n):
    x = 0
    for _ in range(n):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    return x


def way(id, label, body):
    return Way(id, label, body, expected)


def function():
    def body(n):
        x = 0
        for _ in range(n):
            x = work(x)
        return x

    yield way("function", "a function call", body)


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
    async def main(n):
        x = 0
        for _ in range(n):
            x = await coroutine(x)
        return x

    yield way("await", "await", lambda n: drive(main(n)))


def generator(x):
    return (x * 1103515245 + 12345) & 0x7FFFFFFF
    yield


def yield_from():
    def main(n):
        x = 0
        for _ in range(n):
            x = yield from generator(x)
        return x

    yield way("yield-from", "yield from", lambda n: drive(main(n)))


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


def yield_():
    def main(n):
        x = 0
        for _ in range(n):
            x = yield generator(x)
        return x

    yield way("yield", "yield, driven by a trampoline", lambda n: trampoline(main(n)))


class Deferred:
    """As much of Twisted's as a result that is there already needs."""

    def __init__(self, result):
        self.result = result

    def add_callback(self, callback):
        self.result = callback(self.result)
        return self


def deferred():
    def body(n):
        x = 0
        for _ in range(n):
            x = Deferred(x).add_callback(work).result
        return x

    yield way("deferred", "Deferred and callback, as few as can be", body)


def twisted():
    defer = need("twisted.internet.defer")

    def callbacks(n):
        x = 0
        for _ in range(n):
            x = defer.succeed(x).addCallback(work).result
        return x

    @defer.inlineCallbacks
    def call(x):
        return work(x)
        yield

    @defer.inlineCallbacks
    def main(n):
        x = 0
        for _ in range(n):
            x = yield call(x)
        return x

    yield way("twisted-deferred", "Twisted: Deferred and callback", callbacks)
    yield way("twisted", "Twisted: inlineCallbacks", lambda n: main(n).result)


def tornado():
    gen = need("tornado.gen")

    @gen.coroutine
    def call(x):
        return work(x)
        yield

    @gen.coroutine
    def main(n):
        x = 0
        for _ in range(n):
            x = yield call(x)
        return x

    async def wait(n):
        return await main(n)

    yield way("tornado", "Tornado: gen.coroutine", lambda n: asyncio.run(wait(n)))


def greenlet():
    greenlet = need("greenlet")

    def inside(n):
        x = 0
        for _ in range(n):
            x = work(x)
        return x

    def switched(n):
        main = greenlet.getcurrent()

        def callee(x):
            while True:
                x = main.switch(work(x))

        other, x = greenlet.greenlet(callee), 0
        for _ in range(n):
            x = other.switch(x)
        return x

    yield way("greenlet", "a function call, inside a greenlet",
              lambda n: greenlet.greenlet(inside).switch(n))
    yield way("greenlet-switch", "switch to a greenlet and back", switched)


def task(id, label, loop):
    async def main(n):
        create, x = asyncio.get_running_loop().create_task, 0
        for _ in range(n):
            x = await create(coroutine(x))
        return x

    def make():
        run = loop()
        yield way(f"task-{id}", f"a task: {label}", lambda n: run(main(n)))

    make.__name__ = f"task-{id}"
    return make


def tasks():
    from loops import LOOPS

    return [task(*each) for each in LOOPS]


WAYS = [function, await_, yield_from, yield_, deferred, twisted, tornado, greenlet]

if __name__ == "__main__":
    main(__doc__, WAYS + tasks())
