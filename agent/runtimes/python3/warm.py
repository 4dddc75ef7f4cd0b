"""An interpreter that has started before its script is known, in a sandbox of its own, for one script.

Says P on fd 5 when it is ready, then waits on fd 7 for one line of JSON: {"env": {...}, "args": text of a JSON object}. The script is main.py in
the job folder. B on fd 5 is the last thing before it; from there on all is as in wrapper.py.
"""

# What most scripts import, or the standard library in their name; each would cost them a millisecond or more.
import collections, dataclasses, datetime, functools, gc, itertools, json, linecache, math, os, random, re, sys, time, traceback, typing  # noqa

CONTROL = 7


def load_wrapper():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrapper.py")
    module = type(sys)("wrapper")
    module.__file__ = path
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec", dont_inherit=True), module.__dict__)
    return module


def read_line():
    """One line; None when nobody wants a job here any more."""
    pieces = []
    while True:
        piece = os.read(CONTROL, 1 << 18)
        if not piece:
            return None
        pieces.append(piece)
        if piece.endswith(b"\n"):
            return b"".join(pieces)


def main():
    wrapper = load_wrapper()
    wrapper.set_up()
    # Code that has run once is quicker: nothing of this is left behind.
    json.loads(json.dumps({"a": [1, "x", None]}, ensure_ascii=False, separators=(",", ":"), default=wrapper.plain_value))
    compile("def main(a):\n    return {'a': a}\n", "main.py", "exec", dont_inherit=True)
    # The end of the process looks at all that can be collected.
    gc.collect()
    gc.freeze()
    os.write(wrapper.FD, b"P")
    line = read_line()
    if line is None:
        return 1
    job = json.loads(line)
    os.close(CONTROL)
    wrapper.set_environment(job["env"])
    os.write(wrapper.FD, b"B")
    return wrapper.end(wrapper.run(lambda: json.loads(job["args"])))


if __name__ == "__main__":
    sys.exit(main())
