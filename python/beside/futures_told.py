"""Who hears first of a future: callbacks and tasks, in the order in which they asked."""

import asyncio

from clock import run, say_turn as say


async def waits(name, future):
    try:
        say(f"{name} heard {await future}")
    except asyncio.CancelledError:
        say(f"{name} was cancelled")
    except KeyError as error:
        say(f"{name} heard of an error: {error.args[0]}")


async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.add_done_callback(lambda _: say("callback 1"))
    one = asyncio.create_task(waits("task 1", future))
    await asyncio.sleep(0)
    future.add_done_callback(lambda _: say("callback 2"))
    two = asyncio.create_task(waits("task 2", future))
    await asyncio.sleep(0)
    gone = lambda _: say("never: it was removed")
    future.add_done_callback(gone)
    say(f"removed {future.remove_done_callback(gone)}")
    loop.call_soon(say, "queued before the result")
    future.set_result("it")
    loop.call_soon(say, "queued after the result")
    future.add_done_callback(lambda _: say("callback 3, when it was done"))
    say("the result is set")
    await asyncio.wait([one, two])
    try:
        future.set_result("again")
    except asyncio.InvalidStateError:
        say("a second result is refused")
    say(f"a cancel comes too late: {future.cancel()}")

    future = loop.create_future()
    three = asyncio.create_task(waits("task 3", future))
    await asyncio.sleep(0)
    future.cancel()
    await three

    future = loop.create_future()
    four = asyncio.create_task(waits("task 4", future))
    await asyncio.sleep(0)
    future.set_exception(KeyError("lost"))
    await four


run(main)
