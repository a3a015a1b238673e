"""Countdowns, one after the other."""

import time

ROCKETS = [("a", 3, 0.040), ("b", 2, 0.100), ("c", 1, 0.140)]


def countdown():
    for name, start, period in ROCKETS:
        count(name, start, period)


def count(name, start, period):
    for left in reversed(range(start)):
        time.sleep(period)
        print(name, left, flush=True)


if __name__ == "__main__":
    countdown()
