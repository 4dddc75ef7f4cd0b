"""A Python that stays for one script: it loads the script once, and then runs each job in a fork of itself, which waits for it.

fd 7 tells it about jobs, one line of JSON each: {"env", "own", "args", "pipes": {"out", "err", "record"}}; "own" are the variables that only this job has,
the last three are names in the job folder. A line "term" means TERM to the job. On fd 5 it says "loaded", and when a job is over {"code", "bytes"}. One job at a time.

What a job finds is what loading the script left, whatever jobs did before: memory, open files, random numbers (seeded anew), and the
private folders, to which only what loading left there is kept. Threads that loading started are not there in a fork.
"""

import gc
import json
import os
import select
import shutil
import signal
import sys

CONTROL = 7
STATUS = 5
FOLDERS = ("/tmp", "/dev/shm")


def main():
    wrapper = load_wrapper()
    status = os.dup(STATUS)
    os.set_inheritable(CONTROL, False)
    lines = Lines()
    line = lines.next()
    if line is None:
        return 0
    job = json.loads(line)
    # The first job pays for loading, and what loading prints is in its log.
    enter(wrapper, job)
    wrapper.set_environment({name: value for name, value in job["env"].items() if name not in job["own"]})
    wrapper.set_up()
    function, code = wrapper.prepare()
    if not function:
        return code
    # A script may put something else in its module's place, or nothing.
    loaded = dict(getattr(sys.modules.get("main"), "__dict__", {}))
    kept = [set(os.listdir(folder)) for folder in FOLDERS]
    gc.collect()
    gc.freeze()
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(status, b"loaded\n")
    pid = os.fork()
    if pid == 0:
        os.close(CONTROL)
        os.close(status)
        return wrapper.end(work(wrapper, function, job), loaded)
    leave_pipes()
    while True:
        # What the next fork inherits must hold nothing of this job.
        job = line = None
        code = wait(pid, lines)
        end_others()
        say(status, {"code": code, "bytes": memory()})
        for folder, names in zip(FOLDERS, kept):
            tidy(folder, names)
        # Before its job is known: making a fork takes longer than many a job.
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            for number in (CONTROL, status, writing):
                os.close(number)
            return wait_for_job(wrapper, function, reading, loaded)
        os.close(reading)
        line = lines.next()
        if line is None:
            return 0
        give(writing, line)


def wait_for_job(wrapper, function, reading, loaded):
    """In a fork that has no job yet."""
    with open(reading, "rb") as pipe:
        line = pipe.read()
    if not line:
        os._exit(0)
    job = json.loads(line)
    line = None
    enter(wrapper, job)
    return wrapper.end(work(wrapper, function, job), loaded)


def give(writing, line):
    """Tells the fork that waits about its job."""
    try:
        with open(writing, "wb", buffering=0) as pipe:
            rest = memoryview(line)
            while rest:
                rest = rest[pipe.write(rest) :]
    except BrokenPipeError:
        pass  # It is not there any more, which shows when it is waited for.


def load_wrapper():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrapper.py")
    module = type(sys)("wrapper")
    module.__file__ = path
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec", dont_inherit=True), module.__dict__)
    return module


class Lines:
    """What the agent says."""

    def __init__(self):
        self.rest = b""

    def line(self):
        while b"\n" not in self.rest:
            piece = os.read(CONTROL, 1 << 18)
            if not piece:
                return None
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def next(self):
        """What is said of the next job; None when no more come."""
        while True:
            line = self.line()
            if line != b"term":
                return line


def enter(wrapper, job):
    """Puts the job's pipes and environment in place of this process's own."""
    for number, name in ((1, "out"), (2, "err"), (STATUS, "record")):
        opened = os.open(os.path.join(wrapper.HERE, job["pipes"][name]), os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(opened, number, inheritable=number != STATUS)
        os.close(opened)
    os.write(STATUS, b"B")


def leave_pipes():
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in (1, 2, STATUS):
        os.dup2(nothing, number, inheritable=number != STATUS)
    os.close(nothing)


def work(wrapper, function, job):
    """In the fork: one job, and its exit code."""
    wrapper.set_environment(job["env"])
    os.chdir(os.environ["HOME"])
    wrapper.PID = os.getpid()
    # The module `random` seeds itself anew in a fork; this one does not.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random:
        numpy_random.seed()
    return wrapper.finish(function, lambda: json.loads(job["args"]))


def wait(pid, lines):
    """Until the fork has ended: its exit code as a shell sees it."""
    poll = select.poll()
    poll.register(CONTROL, select.POLLIN)
    try:
        handle = os.pidfd_open(pid)
        poll.register(handle, select.POLLIN)
    except (AttributeError, OSError):
        handle = None
    try:
        while True:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            for number, _ in poll.poll(None if handle is not None else 5):
                if number == CONTROL:
                    if lines.line() is None:
                        os._exit(0)
                    signal_others(signal.SIGTERM)
    finally:
        if handle is not None:
            os.close(handle)


def signal_others(number):
    """All processes in here but this one and the first one."""
    try:
        os.kill(-1, number)
    except ProcessLookupError:
        pass


def end_others():
    signal_others(signal.SIGKILL)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def memory():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def say(status, value):
    os.write(status, json.dumps(value).encode("ascii") + b"\n")


def tidy(folder, kept):
    for entry in os.scandir(folder):
        if entry.name in kept:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


if __name__ == "__main__":
    sys.exit(main())
