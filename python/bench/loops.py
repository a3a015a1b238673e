"""The loops that coroutines can be measured on: asyncio with the Task that is written in C,
asyncio with the one that is written in Python, and uvloop.
"""

import asyncio

from measuring import Missing, need


def on(loop, coroutine, task=None):
    """Runs a coroutine on a new loop to its end."""
    try:
        if task is not None:
            loop.set_task_factory(lambda loop, coro, **more: task(coro, loop=loop, **more))
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def in_c():
    if not hasattr(asyncio.tasks, "_CTask"):
        raise Missing("this Python has no Task in C")
    return lambda coroutine: on(asyncio.new_event_loop(), coroutine, asyncio.tasks._CTask)


def in_python():
    return lambda coroutine: on(asyncio.new_event_loop(), coroutine, asyncio.tasks._PyTask)


def in_uvloop():
    uvloop = need("uvloop")
    return lambda coroutine: on(uvloop.new_event_loop(), coroutine)


LOOPS = [
    ("asyncio", "asyncio, Task in C", in_c),
    ("asyncio-python", "asyncio, Task in Python", in_python),
    ("uvloop", "uvloop", in_uvloop),
]
