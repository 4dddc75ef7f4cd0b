"""Runs a Python script as the agent wants it. A constant: what comes from the tenant is read from the files in the job folder, its argument.

Reads main.py and args.json, calls main(**args), writes one record to fd 5:
R + JSON (result), E + JSON (exception), S + JSON (syntax error), I + JSON (result is not JSON), X + exit code.
Imports little on purpose: start-up time is paid by every job, and so is the time that its end takes.
"""

import atexit
import gc
import json
import os
import sys

FD = 5
HERE = sys.argv.pop(1)
FILE = "main.py"
PID = os.getpid()
MAX_TEXT = 16_000
MAX_DEPTH = 128
# Values that own nothing, and modules.
PLAIN = (str, bytes, int, float, complex, type(None), type(sys))


def main():
    set_up()
    # What is there already need not be looked at when the process ends.
    gc.freeze()
    return run(read_args)


def end(code, loaded=None):
    """
    Ends the process as the end of a program does: threads are waited for, functions of atexit called, objects of the script finalised, output written. Only
    the interpreter is not taken apart, which takes longer than most scripts. Returns where the C library may hold output that only such an end writes.
    A fork leaves alone what it has in common with its parent, such as connections: `loaded` is what the script's module had before its job.
    """
    if has_compiled():
        return code
    quietly(wait_for_threads)
    quietly(atexit._run_exitfuncs)
    quietly(forget_script, loaded)
    if not quietly(flush, sys.stdout) or not quietly(flush, sys.stderr):
        code = 120  # So says Python itself.
    # The script may have put something else in their place.
    quietly(flush, sys.__stdout__)
    quietly(flush, sys.__stderr__)
    os._exit(code & 0xFF)


def quietly(function, *arguments):
    """What goes wrong so late changes nothing. Returns whether all went well."""
    try:
        function(*arguments)
        return True
    except BaseException:
        return False


def wait_for_threads():
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()


def flush(stream):
    if stream is not None and not getattr(stream, "closed", False):
        stream.flush()


def has_compiled():
    """Whether compiled code that is not Python's own has been loaded, or may have been called."""
    for module in list(sys.modules.values()):
        path = module.__dict__.get("__file__") if type(module) is type(sys) else None
        if isinstance(path, str) and path.endswith(".so") and "/lib-dynload/" not in path:
            return True
    return "_ctypes" in sys.modules


def forget_script(loaded):
    """
    Finalises what nobody but the script's module has. Its values go before its functions, one after the other: of what is collected together, a file may go
    after the one that it writes to. In a fork only values go, those that its job has made.
    """
    module = sys.modules.get("main")
    values = {} if module is None else vars(module)
    for name in list(values):
        if loaded is not None and name in loaded and loaded[name] is values[name]:
            continue
        if not name.startswith("__") and not issubclass(type(values[name]), PLAIN) and not callable(values[name]):
            values[name] = None
    if loaded is None:
        sys.modules.pop("main", None)
    del module, values
    gc.collect()


def set_up():
    os.set_inheritable(FD, False)
    add_packages()
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def set_environment(env):
    """For interpreters that started without it. PWD is what the enclosure adds."""
    os.environ.clear()
    os.environ.update({"PWD": os.getcwd(), **env})


def run(arguments):
    """Runs the script and reports. `arguments` is called when it has been loaded."""
    function, code = prepare()
    return finish(function, arguments) if function else code


def prepare():
    """The script's main, or None and the exit code when it has none; that is reported then."""
    with open(os.path.join(HERE, FILE), encoding="utf-8", newline="") as file:
        source = file.read()
    try:
        code = compile(source, FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        report_syntax(error)
        return None, 1
    try:
        return load(code, source), 0
    except SystemExit as stop:
        return None, leave(stop.code)
    except BaseException as error:
        report_error(error)
        return None, 1


def finish(function, arguments):
    try:
        result = call(function, arguments())
        check_workflow()
    except SystemExit as stop:
        return leave(stop.code)
    except BaseException as error:
        report_error(error)
        return 1
    return report_result(result)


def add_packages():
    """The arguments are folders with the script's packages: behind the standard library, before what the system has."""
    folders, sys.argv[1:] = sys.argv[1:], []
    first = next((at for at, path in enumerate(sys.path) if path.endswith(("/site-packages", "/dist-packages"))), len(sys.path))
    sys.path[first:first] = folders
    # What a script can ask of Millrace; packages of the same name win.
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk"))


class ArgumentFault(Exception):
    """The arguments do not fit main; reported without a stack, since no line of the script is to blame."""

    def __init__(self, name, message):
        super().__init__(message)
        self.name = name


def load(code, source):
    module = type(sys)("main")
    module.__file__ = os.path.join(HERE, FILE)
    sys.modules["main"] = module
    # Lets tracebacks show the script's lines although no file of this name can be found.
    import linecache

    linecache.cache[FILE] = (len(source), None, source.splitlines(True), FILE)
    exec(code, module.__dict__)
    function = module.__dict__.get("main")
    if not callable(function):
        raise ArgumentFault("NoMain", "the script defines no function `main`")
    return function


def check_workflow():
    """A script that is a workflow must come by everything that an attempt before has done."""
    workflow = sys.modules.get("millrace_workflow")
    if workflow is not None:
        workflow.check()


def read_args():
    with open(os.path.join(HERE, "args.json"), encoding="utf-8") as file:
        return json.load(file)


def call(function, args):
    positional, keywords = bind(function, args)
    result = function(*positional, **keywords)
    if hasattr(result, "__await__"):
        import asyncio

        async def wait():
            return await result

        return asyncio.run(wait())
    return result


def bind(function, args):
    """Sorts the arguments into positional-only and keywords; complains by name."""
    positional_only, others, required, takes_any = parameters_of(function)
    known = positional_only + others
    unknown = [name for name in args if name not in others and name not in positional_only]
    if unknown and not takes_any:
        takes = ", ".join(known) if known else "none"
        raise ArgumentFault("UnknownArgument", f"main takes no argument `{unknown[0]}`; it takes: {takes}")
    for name in known:
        if name in required and name not in args:
            raise ArgumentFault("MissingArgument", f"main needs the argument `{name}`, which was not given")
    positional = []
    for name in positional_only:
        if name not in args:
            break
        positional.append(args[name])
    return positional, {name: value for name, value in args.items() if name not in positional_only}


def parameters_of(function):
    code = getattr(function, "__code__", None)
    if type(function) is not type(bind) or hasattr(function, "__wrapped__") or hasattr(function, "__signature__"):
        return signature_of(function)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    plain = names[: code.co_argcount]
    optional = set(plain[len(plain) - len(function.__defaults__ or ()) :]) | set(function.__kwdefaults__ or ())
    only = list(names[: code.co_posonlyargcount])
    return only, list(names[len(only) :]), set(names) - optional, bool(code.co_flags & 0x08)


def signature_of(function):
    """The slow way, for callables that are not plain functions: importing inspect takes longer than most scripts."""
    import inspect

    only, others, required, takes_any = [], [], set(), False
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_any = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            (only if parameter.kind is parameter.POSITIONAL_ONLY else others).append(name)
            if parameter.default is parameter.empty:
                required.add(name)
    return only, others, required, takes_any


def report_result(result):
    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain_value)
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError:
            # Half of a surrogate pair: only an escape can carry it.
            data = json.dumps(result, allow_nan=False, separators=(",", ":"), default=plain_value).encode("ascii")
    except BaseException as error:
        path, reason = find_fault(result, "$", [])
        write(b"I", {"path": path, "message": clip(reason or f"{type(error).__name__}: {error}")})
        return 1
    write_bytes(b"R", data)
    return 0


def plain_value(value):
    """What has one obvious text: dates, times, UUIDs."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__name__ == "UUID":
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def find_fault(value, path, above):
    """Where in the result the first value is that JSON cannot hold."""
    if value is None or isinstance(value, (bool, int, str)):
        return path, None
    if isinstance(value, float):
        return path, None if value - value == 0 else f"{value} is not a JSON number"
    if any(value is other for other in above):
        return path, "the value contains itself"
    if len(above) >= MAX_DEPTH:
        return path, f"nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, (str, int, float, bool)) and key is not None:
                return path, f"a key of type {type(key).__name__} is not JSON"
        items = ((f"{path}.{key}", item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    else:
        try:
            plain_value(value)
            return path, None
        except Exception:
            return path, f"a value of type {type(value).__name__} is not JSON"
    for place, item in items:
        found, reason = find_fault(item, place, above + [value])
        if reason:
            return found, reason
    return path, None


def report_error(error):
    if isinstance(error, ArgumentFault):
        write(b"E", {"name": error.name, "message": clip(str(error))})
        return
    record = {"name": type(error).__name__, "message": clip(text_of(error)), "stack": clip(stack_of(error))}
    if isinstance(error, OSError) and error.errno is not None:
        import errno

        record["code"] = errno.errorcode.get(error.errno, "")
    write(b"E", record)


def stack_of(error):
    try:
        import traceback

        frames = error.__traceback__
        own = frames
        while own is not None and own.tb_frame.f_code.co_filename != FILE:
            own = own.tb_next
        return "".join(traceback.format_exception(type(error), error, own, limit=-50))
    except BaseException:
        return ""


def text_of(error):
    try:
        return str(error)
    except BaseException:
        return "(its text cannot be read)"


def report_syntax(error):
    record = {"message": clip(getattr(error, "msg", None) or text_of(error)), "line": getattr(error, "lineno", None) or 0}
    if getattr(error, "offset", None):
        record["column"] = error.offset
    if getattr(error, "text", None):
        record["text"] = clip(error.text.rstrip("\n"))
    write(b"S", record)


def leave(code):
    """sys.exit(): a number is the exit code, nothing is 0, anything else is printed and means 1."""
    if code is None:
        code = 0
    elif not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    write_bytes(b"X", str(code & 0xFF).encode("ascii"))
    return code & 0xFF


def clip(text):
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT // 2] + "\n…\n" + text[-MAX_TEXT // 2 :]


def write(kind, value):
    write_bytes(kind, json.dumps(value).encode("ascii"))


def write_bytes(kind, data):
    if os.getpid() != PID:
        return  # A child made by os.fork() came back through main: the result is the parent's.
    data = memoryview(kind + data)
    while data:
        data = data[os.write(FD, data) :]


if __name__ == "__main__":
    sys.exit(end(main()))
