"""What the programs in Python have in common; see program.ts."""

import json
import sys
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


stamps = []


def work(n):
    """What a step does. When each step of the run began and ended is noted."""
    begun = time.perf_counter()
    value = fib(n)
    stamps.append((begun, time.perf_counter()))
    return value


def say(value):
    print("@@" + json.dumps(value), flush=True)


def serve(run):
    """Answers each line of stdin until there are no more."""
    say({"ready": True})
    for line in sys.stdin:
        try:
            asked = json.loads(line)
            stamps.clear()
            begun = time.perf_counter()
            run(asked["count"], asked["n"], asked["way"])
            took = time.perf_counter() - begun
            say({"took_ms": took * 1000, "steps": [[(since - begun) * 1000, (until - begun) * 1000] for since, until in stamps]})
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})
