"""Groups of tasks: who is cancelled, who is waited for, what is raised."""

import asyncio

from clock import run, say


async def sleeps(name, time, exit=0.001):
    """Whom a group cancels first, a set decides: so they leave one after the other."""
    try:
        await asyncio.sleep(time)
        say(f"{name} is done")
        return name
    except asyncio.CancelledError:
        await asyncio.sleep(exit)
        say(f"{name} was cancelled")
        raise


async def fails(name, time):
    await asyncio.sleep(time)
    say(f"{name} fails")
    raise ValueError(name)


async def stubborn(name, exit):
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        await asyncio.sleep(exit)
        say(f"{name} fails in its turn")
        raise ValueError(name)


def told(group):
    return ", ".join(str(error) for error in group.exceptions)


async def main():
    async with asyncio.TaskGroup() as group:
        one = group.create_task(sleeps("one", 0.02))
        group.create_task(sleeps("two", 0.01))
        say("the body is done")
    say(f"all are done, one gave {one.result()}")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sleeps("a", 1))
            group.create_task(fails("b", 0.01))
            group.create_task(sleeps("c", 1, 0.003))
            await sleeps("body", 1, 0.002)
    except ExceptionGroup as errors:
        say(f"raised: {told(errors)}")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(stubborn("d", 0.01))
            group.create_task(stubborn("e", 0.005))
            await asyncio.sleep(0.01)
            raise ValueError("body")
    except ExceptionGroup as errors:
        say(f"raised: {told(errors)}")

    async def whole():
        async with asyncio.TaskGroup() as group:
            group.create_task(sleeps("f", 1))
            group.create_task(sleeps("g", 1, 0.003))
            await sleeps("body", 1, 0.002)

    task = asyncio.create_task(whole())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    say(f"cancelled from outside: {task.cancelled()}")

    try:
        async with asyncio.TaskGroup() as group:
            child = group.create_task(sleeps("h", 1))
            group.create_task(sleeps("i", 0.01))
            await asyncio.sleep(0)
            child.cancel()
        say("to cancel a child is no error")
    except ExceptionGroup:
        say("never")

    async def inner():
        async with asyncio.TaskGroup() as group:
            group.create_task(sleeps("nested", 1))
            group.create_task(fails("deep", 0.01))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(inner())
            group.create_task(sleeps("sibling", 1, 0.002))
    except ExceptionGroup as errors:
        say(f"raised: a group of {told(errors.exceptions[0])}")


run(main)
