"""Waiting for tasks without touching them: for all, for one, for an error, for so long."""

import asyncio

from clock import run, say


async def gives(name, time):
    await asyncio.sleep(time)
    say(f"{name} is done")
    return name


async def fails(name, time):
    await asyncio.sleep(time)
    say(f"{name} fails")
    raise ValueError(name)


def begin(*coroutines):
    return [asyncio.create_task(coroutine) for coroutine in coroutines]


async def main():
    tasks = begin(gives("a", 0.02), gives("b", 0.01))
    done, pending = await asyncio.wait(tasks)
    say(f"all: {len(done)} done, {len(pending)} pending")

    tasks = begin(gives("c", 0.02), gives("d", 0.01))
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    say(f"one: {done == {tasks[1]}}, {len(pending)} pending")
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    say(f"at once, for one was done before: {len(done)} done, {len(pending)} pending")
    await asyncio.wait(tasks)

    tasks = begin(gives("e", 0.01), gives("f", 0.01), gives("g", 1))
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    say(f"two at one time: {len(done)} done, {len(pending)} pending")
    done, pending = await asyncio.wait(tasks, timeout=0.005)
    say(f"so long: {len(done)} done, {len(pending)} pending")
    tasks[2].cancel()
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    say(f"a cancel: {len(done)} done, {tasks[2].cancelled()}")

    tasks = begin(gives("h", 0.01), fails("i", 0.02), gives("j", 0.03))
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    say(f"an error: {len(done)} done, {len(pending)} pending")
    say(f"not raised: {tasks[1].exception()}")
    await asyncio.wait(pending)

    async def outer(tasks):
        await asyncio.wait(tasks)

    tasks = begin(gives("k", 0.02))
    task = asyncio.create_task(outer(tasks))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    say(f"whoever waited was cancelled: {task.cancelled()}, the task {tasks[0].cancelled()}")
    await asyncio.wait(tasks)

    for next in asyncio.as_completed(begin(gives("l", 0.03), gives("m", 0.01), gives("n", 0.02))):
        say(f"as they come: {await next}")


run(main)
