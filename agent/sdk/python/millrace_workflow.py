"""Scripts as workflows: what a step gave, which job a task is and until when a sleep lasts are remembered in the API, so that the next attempt of the job
goes on where this one ended. Used through `millrace`."""

import contextvars as _contextvars
import http.client as _http
import json as _json
import os as _os
import threading as _threading
import time as _time
from urllib.parse import quote as _quote

import millrace as _millrace

_MOST_STEPS = 100
_MOST_TASKS = 200
_MOST_BYTES = 1024 * 1024
_MOST_AWAITED = 1000
_WAIT_S = 50
# How long the API may be away; the job's own timeout may be shorter.
_GIVE_UP_S = 600
_PASSING = (429, 500, 502, 503, 504)


class WorkflowChanged(Exception):
    """The script does something else than at an earlier attempt."""


class _Scope:
    """Where the code is that runs: the script, a branch of `parallel`, or inside of a step."""

    def __init__(self, prefix="", inside=None):
        self.prefix = prefix
        self.inside = inside
        self.counts = {}


_scope = _contextvars.ContextVar("millrace_scope", default=None)


def _surely(method, path, body=None):
    """Asks until there is an answer: a control plane that starts again or changes hands is no reason to fail."""
    begun = _time.monotonic()
    pause = 0.05
    while True:
        try:
            return _millrace.request(method, path, body)[1]
        except _millrace.MillraceError as error:
            if error.status not in _PASSING or _time.monotonic() - begun > _GIVE_UP_S:
                raise
        except (OSError, _http.HTTPException):
            if _time.monotonic() - begun > _GIVE_UP_S:
                raise
        _time.sleep(pause)
        pause = min(5.0, pause * 2)


class _Workflow:
    """One attempt of one job. Branches may use it at the same time."""

    def __init__(self):
        self.token = _os.environ.get("MILLRACE_TOKEN")
        self._path = f"jobs/{_quote(_millrace.job_id(), safe='')}"
        self._root = _Scope()
        self._lock = _threading.Lock()
        self._known = None
        self._asked = set()
        self._outbox = []
        self._sending = _threading.Lock()

    def place(self, text):
        """The name under which this call is remembered: the first keeps the text, others get a number."""
        scope = _scope.get() or self._root
        if scope.inside is not None:
            raise RuntimeError(f'"{text}" is inside of the step "{scope.inside}": a step is done as a whole, and remembers nothing in between')
        if "#" in text or ">" in text:
            raise ValueError(f'the name "{text}" has # or >, which are for numbers and branches')
        with self._lock:
            count = scope.counts[text] = scope.counts.get(text, 0) + 1
            name = f"{scope.prefix}{text}" + (f"#{count}" if count > 1 else "")
            self._asked.add(name)
        return name

    def find(self, name, kind):
        """What an attempt before has remembered under this name."""
        with self._lock:
            if self._known is None:
                self._known = self._load()
        found = self._known.get(name)
        if found is not None and found["kind"] != kind:
            raise WorkflowChanged(f'"{name}" was a {found["kind"]} at an earlier attempt, and is a {kind} now: a workflow must do the same at every attempt')
        return found

    def _load(self):
        known = {}
        after = 0
        while after is not None:
            page = _surely("GET", f"{self._path}/checkpoints?after={after}")
            now = _time.monotonic()
            for one in page["checkpoints"]:
                known[one["name"]] = {**one, "read": now}
            after = page.get("next_after")
        return known

    def remember(self, checkpoint):
        """What branches give in the same moment goes in one request, one request after the other."""
        entry = _Entry(checkpoint)
        with self._lock:
            self._outbox.append(entry)
        with self._sending:
            while not entry.done:
                self._send()
        if entry.error is not None:
            raise entry.error

    def _send(self):
        with self._lock:
            count = len(_portion(self._outbox, _MOST_STEPS, lambda entry: entry.size))
            batch, self._outbox = self._outbox[:count], self._outbox[count:]
        error = None
        try:
            _surely("POST", f"{self._path}/checkpoints", {"checkpoints": [entry.checkpoint for entry in batch]})
        except Exception as fault:
            error = fault
        for entry in batch:
            entry.error = error
            entry.done = True

    def run(self, wanted):
        """Starts the tasks, waits for all of them, and gives the outcome of each as (job, result)."""
        for name, _ in wanted:
            self.find(name, "task")
        ids = []
        while len(ids) < len(wanted):
            portion = _portion(wanted[len(ids) :], _MOST_TASKS, lambda one: len(_json.dumps(one)))
            ids += _surely("POST", f"{self._path}/tasks", {"tasks": [{"name": name, "job": job} for name, job in portion]})["jobs"]
        ends = {}
        while len(ends) < len(set(ids)):
            open_ids = [id for id in dict.fromkeys(ids) if id not in ends][:_MOST_AWAITED]
            for one in _surely("POST", f"jobs/ends?wait={_WAIT_S}", {"ids": open_ids})["ended"]:
                ends[one["job"]["id"]] = (one["job"], one["result"])
        return [ends[id] for id in ids]

    def check(self):
        missed = [name for name in self._known or () if name not in self._asked]
        if missed:
            names = ", ".join(f'"{name}"' for name in missed[:5]) + (f" and {len(missed) - 5} more" if len(missed) > 5 else "")
            raise WorkflowChanged(f"an earlier attempt has done {names}, and this one did not come by: a workflow must do the same at every attempt")


class _Entry:
    """A checkpoint that waits for its request."""

    def __init__(self, checkpoint):
        self.checkpoint = checkpoint
        self.size = len(_json.dumps(checkpoint))
        self.error = None
        self.done = False


def _portion(items, most, size_of):
    """The first of them, as many as one request takes."""
    size = 0
    for count, item in enumerate(items[:most]):
        size += size_of(item)
        if count > 0 and size > _MOST_BYTES:
            return items[:count]
    return items[:most]


_current = None
_current_lock = _threading.Lock()


def _workflow():
    """A process may work for one job after another."""
    global _current
    with _current_lock:
        if _current is None or _current.token != _os.environ.get("MILLRACE_TOKEN"):
            _current = _Workflow()
        return _current


def check():
    """For the program that runs the script: raises when it did not come by something that an attempt before has done."""
    if _current is not None and _current.token == _os.environ.get("MILLRACE_TOKEN"):
        _current.check()


def _plain(value):
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__name__ == "UUID":
        return str(value)
    raise TypeError(f"a step gave a value of type {type(value).__name__}, which is not JSON")


def step(name, fn=None):
    """Does something once: what `fn` gives is remembered, and given back at the next attempt without doing it again. One that raises is not remembered.

    The value is what comes back from JSON. Of a coroutine function it gives something to await.
    """
    if fn is None:
        name, fn = getattr(name, "__name__", "step"), name
        if name == "<lambda>":
            name = "step"
    flow = _workflow()
    place = flow.place(name)
    if getattr(getattr(fn, "__code__", None), "co_flags", 0) & 0x80:
        return _step_later(flow, place, fn)
    known = flow.find(place, "step")
    if known is not None:
        return known["value"]
    token = _scope.set(_Scope(inside=place))
    try:
        value = fn()
    finally:
        _scope.reset(token)
    return _kept(flow, place, value)


async def _step_later(flow, place, fn):
    import asyncio

    known = await asyncio.to_thread(flow.find, place, "step")
    if known is not None:
        return known["value"]
    token = _scope.set(_Scope(inside=place))
    try:
        value = await fn()
    finally:
        _scope.reset(token)
    return await asyncio.to_thread(_kept, flow, place, value)


def _kept(flow, place, value):
    value = _json.loads(_json.dumps(value, allow_nan=False, default=_plain))
    flow.remember({"kind": "step", "name": place, "value": value})
    return value


def _job(script, args, options):
    target = {"script": script} if isinstance(script, str) else script
    return {**target, "args": args or {}, **options}


def _name_of(script):
    return script if isinstance(script, str) else script.get("script") or script.get("flow") or "task"


def task(script, args=None, *, name=None, **options):
    """Runs a deployed script as a job of its own, once, waits for its end and gives its result. Raises JobFailed when it did not succeed.

    `script` is a path, or {"hash": …}, {"flow": …}, {"flow_hash": …}. Options are those of the API.
    """
    flow = _workflow()
    return _outcomes(flow.run([(flow.place(name or _name_of(script)), _job(script, args, options))]))[0]


def tasks(script, items, *, name=None, **options):
    """Runs a deployed script for each of some arguments, all at the same time. The results in their order; raises the first failure when all have ended."""
    flow = _workflow()
    return _outcomes(flow.run([(flow.place(name or _name_of(script)), _job(script, args, options)) for args in items]))


def _outcomes(ends):
    return [_millrace._outcome(job, result) for job, result in ends]


def sleep(seconds, *, name="sleep"):
    """Sleeps, at most a day. The next attempt sleeps only for what is left."""
    flow = _workflow()
    place = flow.place(name)
    known = flow.find(place, "sleep")
    if known is None:
        flow.remember({"kind": "sleep", "name": place, "ms": max(0, round(seconds * 1000))})
        left = seconds
    else:
        left = known["remaining_ms"] / 1000 - (_time.monotonic() - known["read"])
    if left > 0:
        _time.sleep(left)


def parallel(functions, *, name="parallel", limit=8):
    """Calls functions at the same time in threads, each in a branch of its own: names of steps in it count from its beginning, so that it does not matter
    which branch is faster. The results in their order; raises the first failure when all are through. At most `limit` at a time; each that waits for the API
    has a request open, and a job has 16."""
    place = _workflow().place(name)
    functions = list(functions)
    ends = [(None, None)] * len(functions)
    turns = iter(range(len(functions)))
    lock = _threading.Lock()

    def work():
        while True:
            with lock:
                at = next(turns, None)
            if at is None:
                return
            branch = _contextvars.copy_context()
            branch.run(_scope.set, _Scope(f"{place}>{at}>"))
            try:
                ends[at] = (branch.run(functions[at]), None)
            except BaseException as error:
                ends[at] = (None, error)

    around = _contextvars.copy_context()
    threads = [_threading.Thread(target=around.copy().run, args=(work,), daemon=True) for _ in range(max(1, min(limit, len(functions))))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _, error in ends:
        if error is not None:
            raise error
    return [value for value, _ in ends]
