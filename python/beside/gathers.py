"""Results of many at once: in order, with an error, with a cancel."""

import asyncio

from clock import run, say


async def gives(name, time):
    try:
        await asyncio.sleep(time)
        say(f"{name} is done")
        return name
    except asyncio.CancelledError:
        say(f"{name} is cancelled")
        raise


async def fails(name, time):
    await asyncio.sleep(time)
    say(f"{name} fails")
    raise ValueError(name)


async def main():
    results = await asyncio.gather(gives("a", 0.02), gives("b", 0.01), gives("c", 0))
    say(f"in order: {' '.join(results)}")
    say(f"of nobody: {len(await asyncio.gather())}")

    slow = asyncio.create_task(gives("slow", 0.03))
    try:
        await asyncio.gather(slow, fails("first", 0.01), fails("second", 0.02))
    except ValueError as error:
        say(f"raised: {error}")
    say(f"the others go on: {await slow}")

    results = await asyncio.gather(
        gives("d", 0.01), fails("e", 0), return_exceptions=True
    )
    say(f"in place: {' '.join(map(str, results))}")

    gathering = asyncio.gather(gives("f", 1), gives("g", 1))
    await asyncio.sleep(0.01)
    say(f"cancel: {gathering.cancel()}")
    try:
        await gathering
    except asyncio.CancelledError:
        say("the gathering was cancelled")

    async def outer():
        await asyncio.gather(gives("h", 1), gives("i", 1))

    task = asyncio.create_task(outer())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    say(f"whoever gathered was cancelled: {task.cancelled()}")

    child = asyncio.create_task(gives("j", 1))
    other = asyncio.create_task(gives("k", 0.02))
    asyncio.get_running_loop().call_later(0.01, child.cancel)
    try:
        await asyncio.gather(child, other)
    except asyncio.CancelledError:
        say("a child was cancelled")
    say(f"the other goes on: {await other}")


run(main)
