#!/usr/bin/env python3
"""What does a loop ask for its tasks? To start one and wait for its end, to let the others have
their turn, to hand something over, to set a timer and be woken by it.

Needs nothing but python3; with the packages of requirements.txt it can say more.
"""

import asyncio

from loops import LOOPS
from measuring import Way, main, need

PAIR = 2


def expected(n):
    return n // PAIR * PAIR


def way(question, id, label, body):
    return Way(f"{question}-{id}", f"{question}: {label}", body, expected)


async def spawn(n):
    async def one():
        return 1

    create, count = asyncio.get_running_loop().create_task, 0
    for _ in range(expected(n)):
        count += await create(one())
    return count


async def by_two(n, step):
    async def task():
        for _ in range(n // PAIR):
            await step()
        return n // PAIR

    create = asyncio.get_running_loop().create_task
    one, other = create(task()), create(task())
    return await one + await other


async def turn(n):
    return await by_two(n, lambda: asyncio.sleep(0))


async def hand_over(n):
    permit = asyncio.Semaphore(1)

    async def step():
        async with permit:
            await asyncio.sleep(0)

    return await by_two(n, step)


async def timer(n):
    for _ in range(expected(n)):
        await asyncio.sleep(1e-9)
    return expected(n)


def on_asyncio(id, label, loop):
    def make():
        run = loop()
        yield way("spawn", id, label, lambda n: run(spawn(n)))
        yield way("yield", id, label, lambda n: run(turn(n)))
        yield way("hand-over", id, label, lambda n: run(hand_over(n)))
        if id != "uvloop":  # its clock ticks in milliseconds: that would be a sleep
            yield way("timer", id, label, lambda n: run(timer(n)))

    make.__name__ = id
    return make


def tornado():
    gen = need("tornado.gen")

    @gen.coroutine
    def one():
        yield gen.moment
        return 1

    @gen.coroutine
    def spawned(n):
        count = 0
        for _ in range(expected(n)):
            count += yield one()
        return count

    @gen.coroutine
    def task(n):
        for _ in range(n // PAIR):
            yield gen.moment
        return n // PAIR

    @gen.coroutine
    def turns(n):
        one, other = yield [task(n), task(n)]
        return one + other

    async def wait(coroutine, n):
        return await coroutine(n)

    yield way("spawn", "tornado", "Tornado, gen.coroutine",
              lambda n: asyncio.run(wait(spawned, n)))
    yield way("yield", "tornado", "Tornado, gen.coroutine",
              lambda n: asyncio.run(wait(turns, n)))


def twisted():
    defer, task = need("twisted.internet.defer"), need("twisted.internet.task")
    # A reactor runs once; so each time has its own.
    reactors = need("twisted.internet.selectreactor")

    def on_a_reactor(main, n):
        reactor, results = reactors.SelectReactor(), []

        def start():
            main(reactor, n).addBoth(results.append).addBoth(lambda _: reactor.stop())

        reactor.callWhenRunning(start)
        reactor.run(installSignalHandlers=False)
        return results[0]

    @defer.inlineCallbacks
    def one(reactor):
        yield task.deferLater(reactor, 0)
        return 1

    @defer.inlineCallbacks
    def spawned(reactor, n):
        count = 0
        for _ in range(expected(n)):
            count += yield one(reactor)
        return count

    @defer.inlineCallbacks
    def turns(reactor, n):
        @defer.inlineCallbacks
        def turn():
            for _ in range(n // PAIR):
                yield task.deferLater(reactor, 0)
            return n // PAIR

        first, second = turn(), turn()
        return (yield first) + (yield second)

    yield way("spawn", "twisted", "Twisted, inlineCallbacks",
              lambda n: on_a_reactor(spawned, n))
    yield way("yield", "twisted", "Twisted, inlineCallbacks",
              lambda n: on_a_reactor(turns, n))


if __name__ == "__main__":
    main(__doc__, [on_asyncio(*each) for each in LOOPS] + [tornado, twisted])
