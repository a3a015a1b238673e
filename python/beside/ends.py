"""How a run ends: whoever is left is cancelled, then generators are closed, then no more."""

import asyncio

from clock import run, say


async def left(name, exit):
    """Who is cancelled first, a set decides: so they leave one after the other."""
    try:
        await asyncio.sleep(100)
    finally:
        await asyncio.sleep(exit)
        say(f"{name} is gone")


async def refuses():
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError:
        pass
    await asyncio.sleep(0.02)
    say("one that refuses ends by itself")


async def numbers():
    try:
        for n in range(10):
            yield n
    finally:
        say("the generator closes")
        await asyncio.sleep(0.01)
        say("the generator is closed")


generators = []


async def main():
    tasks = [asyncio.create_task(left("a", 0.01)), asyncio.create_task(left("b", 0.005))]
    tasks.append(asyncio.create_task(refuses()))
    generators.append(numbers())
    say(f"first: {await anext(generators[0])}")
    await asyncio.sleep(0)
    say("main ends")


run(main)
