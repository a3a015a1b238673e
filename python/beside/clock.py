"""A loop whose time is counted, not waited for, and which counts its turns.

The scripts beside this file are told to CPython's asyncio, and, line by line the same, to the
loop of stage 5. What they say is compared, event by event.
"""

import asyncio
import selectors

_loop = None


class Selector(selectors.DefaultSelector):
    """Instead of sleeping, it puts the loop's clock forward."""

    def select(self, timeout=None):
        _loop.turns += 1
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            # A thread, or a peer, is still to be heard of.
            return super().select(10)
        _loop.now += timeout
        return events


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        global _loop
        _loop = self
        self.turns, self.now = 0, 0.0
        super().__init__(Selector())

    def time(self):
        return self.now


def turn():
    """How many turns the loop has begun."""
    return _loop.turns


def say(what):
    """What happened, and when, in milliseconds."""
    print(f"{round(_loop.now * 1000):>3} {what}", flush=True)


def say_turn(what):
    """What happened, and in which turn."""
    print(f"turn {turn()}: {what}", flush=True)


def tell(what):
    """What happened, where the time depends on a kernel."""
    print(what, flush=True)


def run(main):
    """As `asyncio.run`."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main())
