"""What a shield keeps a cancel from, and what it does not."""

import asyncio

from clock import run, say


async def works(name, time=0.02):
    try:
        await asyncio.sleep(time)
        say(f"{name} is done")
        return name
    except asyncio.CancelledError:
        say(f"{name} is cancelled")
        raise


async def main():
    inner = asyncio.create_task(works("kept"))

    async def outer(task):
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            say("whoever waited is cancelled")
            raise

    task = asyncio.create_task(outer(inner))
    await asyncio.sleep(0.01)
    say(f"cancel: {task.cancel()}")
    await asyncio.wait([task])
    say(f"outer cancelled {task.cancelled()}, inner done {inner.done()}")
    say(f"later: {await inner}")

    inner = asyncio.create_task(works("hit"))
    task = asyncio.create_task(outer(inner))
    await asyncio.sleep(0.01)
    inner.cancel()
    await asyncio.wait([task])
    say(f"a cancel of the inner reaches the outer: {task.cancelled()}")

    say(f"nobody cancels: {await outer(asyncio.create_task(works('calm')))}")

    inner = asyncio.create_task(works("waited for"))
    try:
        await asyncio.wait_for(asyncio.shield(inner), 0.01)
    except TimeoutError:
        say(f"the time is up, the inner goes on: {not inner.done()}")
    say(f"later: {await inner}")

    inner = asyncio.create_task(works("done before"))
    await inner
    say(f"at once: {await asyncio.shield(inner)}")


run(main)
