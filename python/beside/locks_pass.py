"""Who gets a lock, a permit, a notice: in order, although somebody is cancelled."""

import asyncio

from clock import run, say


async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def main():
    lock = asyncio.Lock()

    async def holds(name):
        async with lock:
            say(f"{name} has the lock")
            await asyncio.sleep(0.001)

    await lock.acquire()
    tasks = [asyncio.create_task(holds(name)) for name in "abcd"]
    await turns(1)
    tasks[0].cancel()
    tasks[2].cancel()
    lock.release()
    await asyncio.wait(tasks)
    say(f"locked {lock.locked()}")

    await lock.acquire()
    waiter = asyncio.create_task(holds("the one that waits"))
    await turns(1)
    lock.release()
    await lock.acquire()
    say("main has the lock again")
    await turns(3)
    lock.release()
    await waiter

    semaphore = asyncio.Semaphore(2)

    async def works(name):
        async with semaphore:
            say(f"{name} has a permit")
            await asyncio.sleep(0.01)

    await asyncio.gather(*map(works, "efghi"))

    condition = asyncio.Condition()

    async def awaits(name):
        async with condition:
            await condition.wait()
            say(f"{name} was told")

    tasks = [asyncio.create_task(awaits(name)) for name in "jklm"]
    await turns(2)
    tasks[1].cancel()
    await turns(3)
    async with condition:
        condition.notify(2)
        say("two are told")
    await turns(5)
    say(f"{sum(task.done() for task in tasks)} are done")
    async with condition:
        condition.notify_all()
    await asyncio.wait(tasks)

    event = asyncio.Event()

    async def sees(name):
        await event.wait()
        say(f"{name} saw it")

    tasks = [asyncio.create_task(sees(name)) for name in "nop"]
    await turns(1)
    event.set()
    event.clear()
    await asyncio.wait(tasks)
    say(f"set {event.is_set()}")

    barrier = asyncio.Barrier(3)

    async def meets(name):
        await asyncio.sleep(0)
        n = await barrier.wait()
        say(f"{name} was number {n}")

    await asyncio.gather(*map(meets, "qrs"))
    task = asyncio.create_task(meets("t"))
    await turns(2)
    await barrier.abort()
    try:
        await task
    except asyncio.BrokenBarrierError:
        say("the barrier is broken")


run(main)
