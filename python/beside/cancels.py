"""What a cancel meets: a task that has not begun, that waits, that catches, that is done."""

import asyncio

from clock import run, say


async def plain(name):
    say(f"{name} begins")
    try:
        await asyncio.sleep(10)
    finally:
        say(f"{name} is left")


async def cleans_up(name):
    try:
        await asyncio.sleep(10)
    finally:
        say(f"{name} cleans up")
        await asyncio.sleep(0.005)
        say(f"{name} has cleaned up")


async def refuses():
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        say("refused")
    await asyncio.sleep(0.001)
    return "a result all the same"


async def end_of(task):
    try:
        return f"gave {await task}"
    except asyncio.CancelledError:
        return "was cancelled"


async def main():
    task = asyncio.create_task(plain("never"))
    say(f"cancel: {task.cancel()}")
    say(f"one that had not begun {await end_of(task)}")

    task = asyncio.create_task(plain("waits"))
    await asyncio.sleep(0)
    say(f"cancel: {task.cancel()}, again: {task.cancel()}, {task.cancelling()} asked for")
    say(f"one that waited {await end_of(task)}")
    say(f"cancel of one that is done: {task.cancel()}")

    task = asyncio.create_task(cleans_up("tidy"))
    await asyncio.sleep(0)
    task.cancel()
    say(f"a tidy one {await end_of(task)}")

    task = asyncio.create_task(cleans_up("hurried"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0.001)
    task.cancel()
    say(f"one that was hurried {await end_of(task)}")

    task = asyncio.create_task(refuses())
    await asyncio.sleep(0)
    task.cancel()
    say(f"one that refuses {await end_of(task)}")
    say(f"it is cancelled: {task.cancelled()}, {task.cancelling()} asked for")

    async def cancels_itself():
        asyncio.current_task().cancel()
        say("goes on until it waits")
        await asyncio.sleep(0)
        say("never")

    say(f"one that cancels itself {await end_of(asyncio.create_task(cancels_itself()))}")

    async def never_waits():
        asyncio.current_task().cancel()
        return "its result"

    say(f"one that never waits {await end_of(asyncio.create_task(never_waits()))}")


run(main)
