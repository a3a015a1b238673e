"""In which turn a task begins, and in which those who wait for it hear of its end."""

import asyncio

from clock import run, say_turn as say


async def child(name):
    say(f"{name} begins")
    await asyncio.sleep(0)
    say(f"{name} ends")
    return name


async def waits(name, task):
    say(f"{name} waits")
    say(f"{name} heard {await task}")


async def main():
    loop = asyncio.get_running_loop()
    loop.call_soon(say, "a callback before")
    task = asyncio.create_task(child("child"))
    task.add_done_callback(lambda _: say("a callback of the child"))
    loop.call_soon(say, "a callback after")
    others = [asyncio.create_task(waits(name, task)) for name in ["one", "two"]]
    say("main waits")
    say(f"main heard {await task}")
    for other in others:
        await other
    say("all are done")
    say(f"at once: {await task}")

    async def through():
        return await child("called")

    say(f"main heard {await through()}")


run(main)
