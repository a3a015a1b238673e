"""Blocks that have so much time: at the edge, nested, moved, cancelled from outside."""

import asyncio

from clock import run, say


async def takes(time, name):
    try:
        await asyncio.sleep(time)
        return name
    except asyncio.CancelledError:
        say(f"{name} is cancelled")
        await asyncio.sleep(0.002)
        say(f"{name} is gone")
        raise


async def main():
    try:
        async with asyncio.timeout(0.01) as block:
            await takes(1, "body")
    except TimeoutError:
        say(f"timeout, expired {block.expired()}")

    async with asyncio.timeout(0.01) as block:
        say(f"in time: {await takes(0.005, 'quick')}")
    say(f"expired {block.expired()}")

    async with asyncio.timeout(1) as outer:
        try:
            async with asyncio.timeout(0.01):
                await takes(1, "nested")
        except TimeoutError:
            say(f"the inner one, the outer expired {outer.expired()}")

    try:
        async with asyncio.timeout(0.01):
            try:
                async with asyncio.timeout(1):
                    await takes(1, "deep")
            except TimeoutError:
                say("never: the inner one had time")
    except TimeoutError:
        say("the outer one")

    try:
        async with asyncio.timeout(0):
            await asyncio.sleep(0.001)
            say("never")
    except TimeoutError:
        say("no time at all")

    async with asyncio.timeout(0.01) as block:
        block.reschedule(asyncio.get_running_loop().time() + 0.05)
        say(f"moved: {await takes(0.03, 'patient')}")

    async with asyncio.timeout(None):
        say(f"no limit: {await takes(0.03, 'free')}")

    async def limited():
        try:
            async with asyncio.timeout(1):
                await takes(2, "inside")
        except TimeoutError:
            say("never: it was cancelled")

    task = asyncio.create_task(limited())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    say(f"cancelled from outside: {task.cancelled()}")

    try:
        await asyncio.wait_for(takes(1, "waited for"), 0.01)
    except TimeoutError:
        say("wait_for gave up")
    say(f"wait_for: {await asyncio.wait_for(takes(0.005, 'in time'), 0.01)}")


run(main)
