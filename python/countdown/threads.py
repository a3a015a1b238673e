"""Countdowns, a thread for each."""

import threading
import time

ROCKETS = [("a", 3, 0.040), ("b", 2, 0.100), ("c", 1, 0.140)]


def countdown():
    threads = [threading.Thread(target=count, args=rocket) for rocket in ROCKETS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def count(name, start, period):
    for left in reversed(range(start)):
        time.sleep(period)
        print(name, left, flush=True)


if __name__ == "__main__":
    countdown()
