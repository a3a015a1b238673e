"""What a context variable is, to tasks, callbacks, and whoever made them."""

import asyncio
import contextvars

from clock import run, say

name = contextvars.ContextVar("name", default="nobody")


async def child(n):
    say(f"child {n} begins as {name.get()}")
    name.set(f"child {n}")
    await asyncio.sleep(0)
    say(f"child {n} is {name.get()}")


async def main():
    loop = asyncio.get_running_loop()
    say(f"main is {name.get()}")
    name.set("main")
    one = asyncio.create_task(child(1))
    loop.call_soon(lambda: say(f"a callback is {name.get()}"))
    name.set("another")
    two = asyncio.create_task(child(2))
    loop.call_later(0.01, lambda: say(f"a timer is {name.get()}"))
    name.set("main again")
    await asyncio.gather(one, two)
    say(f"main is {name.get()}")
    two = asyncio.create_task(child(3))
    two.add_done_callback(lambda _: say(f"a callback of a task is {name.get()}"))
    name.set("whoever awaits")
    await two
    await child(4)
    say(f"after a call, main is {name.get()}")
    token = name.set("for a while")
    name.reset(token)
    say(f"after a reset, main is {name.get()}")
    await asyncio.sleep(0.02)


run(main)
