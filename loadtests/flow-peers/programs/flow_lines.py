"""What the programs in Python have in common; see program.ts."""

import json
import sys
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def say(value):
    print("@@" + json.dumps(value), flush=True)


def serve(run):
    """Answers each line of stdin until there are no more."""
    say({"ready": True})
    for line in sys.stdin:
        try:
            asked = json.loads(line)
            begun = time.perf_counter()
            run(asked["count"], asked["n"], asked["way"])
            say({"took_ms": (time.perf_counter() - begun) * 1000})
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})
