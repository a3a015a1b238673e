"""In which turn a callback is called: soon, later, at a time, or not at all."""

import asyncio

from clock import run, say_turn as say


async def main():
    loop = asyncio.get_running_loop()

    def again():
        say("first")
        loop.call_soon(say, "queued by the first")

    loop.call_soon(again)
    loop.call_soon(say, "second")
    loop.call_later(0, say, "later, but at once")
    loop.call_at(loop.time() - 1, say, "at a time that is past")
    loop.call_soon_threadsafe(say, "from this thread, thread-safely")
    victim = loop.call_soon(say, "never")
    loop.call_soon(say, "third")
    victim.cancel()
    in_this_turn = []
    loop.call_soon(lambda: in_this_turn[0].cancel())
    in_this_turn.append(loop.call_soon(say, "never, either"))
    for name in ["a", "b"]:
        loop.call_later(0.01, say, f"after 10 ms, {name}")
    loop.call_later(0.005, say, "after 5 ms")
    say("main waits")
    await asyncio.sleep(0.02)
    say("main ends")


run(main)
