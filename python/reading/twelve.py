"""Where the heart of asyncio is, in the Python that runs this."""

import asyncio.base_events
import asyncio.futures
import asyncio.runners
import asyncio.selector_events
import asyncio.tasks
import inspect
import sys

# In the order of the chapter: from the outside in.
TWELVE = [
    "runners.run",
    "base_events.BaseEventLoop.run_until_complete",
    "base_events.BaseEventLoop.run_forever",
    "base_events.BaseEventLoop._run_once",
    "base_events.BaseEventLoop.call_soon",
    "base_events.BaseEventLoop.call_at",
    "base_events.BaseEventLoop.call_soon_threadsafe",
    "selector_events.BaseSelectorEventLoop._add_reader",
    "futures.Future.__schedule_callbacks",
    "futures.Future.__await__",
    "tasks.Task.__step",
    "tasks.Task.cancel",
]


def find(path):
    """The function of that name, as it is written in Python. (Future and Task are in C, too;
    what runs is that. It does the same.)"""
    module, *names = path.split(".")
    found = getattr(asyncio, module)
    for name in names:
        if name.startswith("__") and not name.endswith("__"):
            name = f"_{names[0]}{name}"  # what the compiler makes of a private name
        pure = {"Future": "_PyFuture", "Task": "_PyTask"}.get(name, name)
        found = getattr(found, pure)
    return found


def main():
    print("Python", ".".join(map(str, sys.version_info[:2])))
    for path in TWELVE:
        lines, first = inspect.getsourcelines(find(path))
        file = "asyncio/" + path.split(".")[0] + ".py"
        print(f"{path:<52} {len(lines):>3} lines, {file}:{first}")


if __name__ == "__main__":
    main()
