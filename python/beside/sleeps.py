"""How tasks take turns: a sleep of no time, one that is over, calls that do not wait."""

import asyncio

from clock import run, say


async def nothing(deep):
    if deep:
        await nothing(deep - 1)


async def in_turns(name):
    for n in range(3):
        say(f"{name} {n}")
        await nothing(50)
        await asyncio.sleep(0)


async def counts(name, period, n):
    for left in reversed(range(n)):
        await asyncio.sleep(period)
        say(f"{name} {left}")


async def main():
    await asyncio.gather(in_turns("a"), in_turns("b"), in_turns("c"))
    await asyncio.gather(counts("slow", 0.03, 2), counts("fast", 0.01, 6))
    await asyncio.gather(counts("one", 0.01, 3), counts("two", 0.01, 3))
    await asyncio.sleep(-1)
    say("a sleep that was over before it began")


run(main)
