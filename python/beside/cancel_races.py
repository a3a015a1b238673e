"""A cancel and what was waited for, in one turn: which of the two counts."""

import asyncio

from clock import run, say


async def waits(name, future):
    try:
        say(f"{name} got {await future}")
    except asyncio.CancelledError:
        say(f"{name} was cancelled")
        raise


async def race(name, first, second):
    future = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waits(name, future))
    await asyncio.sleep(0)
    for act in [first, second]:
        if act == "result":
            if future.done():
                say(f"{name}: too late for a result")
            else:
                future.set_result("it")
        else:
            say(f"{name}: cancel says {task.cancel()}")
    await asyncio.wait([task])
    say(f"{name}: task cancelled {task.cancelled()}, future {future.cancelled()}")


async def of_a_task(name, turns):
    """A cancel so many turns after a child's end."""
    loop = asyncio.get_running_loop()
    release = loop.create_future()

    async def child():
        await release
        return "it"

    inner = asyncio.create_task(child())
    outer = asyncio.create_task(waits(name, inner))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    release.set_result(None)
    for _ in range(turns):
        await asyncio.sleep(0)
    say(f"{name}: the inner is done {inner.done()}, cancel says {outer.cancel()}")
    await asyncio.wait([inner, outer])
    say(f"{name}: inner cancelled {inner.cancelled()}, outer {outer.cancelled()}")


async def of_the_clock():
    """A cancel in the very moment in which a sleep is over."""

    async def sleeps(name):
        try:
            await asyncio.sleep(0.01)
            say(f"{name} slept")
        except asyncio.CancelledError:
            say(f"{name} was cancelled")
            raise

    loop = asyncio.get_running_loop()
    early = []
    loop.call_later(0.01, lambda: early[0].cancel())
    early.append(asyncio.create_task(sleeps("cancelled before")))
    late = asyncio.create_task(sleeps("cancelled after"))
    await asyncio.sleep(0)
    loop.call_later(0.01, lambda: late.cancel())
    await asyncio.wait([early[0], late])


async def main():
    await race("result, then cancel", "result", "cancel")
    await race("cancel, then result", "cancel", "result")
    for turns in range(3):
        await of_a_task(f"{turns} turns after", turns)
    await of_the_clock()


run(main)
