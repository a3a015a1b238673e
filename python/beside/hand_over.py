"""Who gets what from a queue: in order, although somebody is cancelled, although it is full."""

import asyncio

from clock import run, say


async def gets(queue, name):
    say(f"{name} got {await queue.get()}")


async def puts(queue, item):
    await queue.put(item)
    say(f"put {item}")


async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def main():
    queue = asyncio.Queue()
    getters = [asyncio.create_task(gets(queue, name)) for name in "abcd"]
    await turns(1)
    getters[1].cancel()
    for n in range(3):
        queue.put_nowait(n)
    say(f"{queue.qsize()} in the queue")
    await asyncio.wait(getters)

    queue = asyncio.Queue(1)
    putters = [asyncio.create_task(puts(queue, item)) for item in "wxyz"]
    await turns(1)
    say(f"full {queue.full()}")
    putters[2].cancel()
    for _ in range(3):
        say(f"main got {await queue.get()}")
    await asyncio.wait(putters)

    queue = asyncio.Queue()
    one, two = [asyncio.create_task(gets(queue, name)) for name in ["woken", "next"]]
    await turns(1)
    queue.put_nowait("it")
    one.cancel()
    await asyncio.wait([one, two])
    say(f"the one that was woken was cancelled: {one.cancelled()}")

    queue = asyncio.Queue()
    task = asyncio.create_task(gets(queue, "whoever waits"))
    await turns(1)
    queue.put_nowait("mine")
    try:
        say(f"whoever comes later takes {queue.get_nowait()} away")
    except asyncio.QueueEmpty:
        say("whoever comes later takes nothing away")
    queue.put_nowait("another")
    await task

    queue = asyncio.Queue(2)

    async def produces():
        for n in range(4):
            await queue.put(n)
            say(f"made {n}")

    async def consumes():
        while True:
            n = await queue.get()
            await asyncio.sleep(0.01)
            say(f"used {n}")
            queue.task_done()

    consumer = asyncio.create_task(consumes())
    await produces()
    await queue.join()
    say("all was used")
    consumer.cancel()

    lifo, priority = asyncio.LifoQueue(), asyncio.PriorityQueue()
    for n in [2, 3, 1]:
        lifo.put_nowait(n)
        priority.put_nowait(n)
    say(f"last in: {[lifo.get_nowait() for _ in range(3)]}")
    say(f"smallest: {[priority.get_nowait() for _ in range(3)]}")


run(main)
