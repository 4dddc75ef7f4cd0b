"""What a script can ask of Millrace while it runs. Standard library only; speaks to the API with the token of the running attempt.

    import millrace
    total = millrace.run_script("f/billing/total", {"month": "2026-11"})
"""

import http.client as _http
import json as _json
import os as _os
import socket as _socket
import time as _time
from urllib.parse import quote as _quote, urlsplit as _urlsplit

__all__ = [
    "MillraceError",
    "JobFailed",
    "request",
    "run_script",
    "start_script",
    "wait_job",
    "get_job",
    "get_result",
    "get_variable",
    "set_variable",
    "get_resource",
    "set_resource",
    "get_state",
    "set_state",
    "set_progress",
    "stream_result",
    "workspace",
    "job_id",
    "step",
    "task",
    "tasks",
    "sleep",
    "parallel",
]

# The longest that one request waits for an end; the server allows a minute.
_WAIT_S = 50
_POLL_FROM_S = 0.2
_POLL_TO_S = 2.0


class MillraceError(Exception):
    """The API refused a request. `status` is the HTTP status, `problem` the problem details."""

    def __init__(self, status, problem):
        super().__init__(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        self.status = status
        self.problem = problem


class JobFailed(Exception):
    """A job that was waited for did not succeed. `job` is the job as the API shows it, `error` what its script raised."""

    def __init__(self, job, error):
        message = (error or {}).get("message") or (job.get("exit") or {}).get("message") or job.get("status")
        super().__init__(f"job {job.get('id')} of {job.get('script', 'inline code')}: {message}")
        self.job = job
        self.error = error


class _SocketConnection(_http.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("millrace", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def __getattr__(name):
    """What makes a script a workflow is loaded when it is asked for."""
    if name not in ("step", "task", "tasks", "sleep", "parallel"):
        raise AttributeError(f"module 'millrace' has no attribute {name!r}")
    import millrace_workflow

    return getattr(millrace_workflow, name)


def _connection(timeout):
    path = _os.environ.get("MILLRACE_API_SOCKET")
    if path:
        return _SocketConnection(path, timeout)
    url = _os.environ.get("MILLRACE_API_URL")
    if not url:
        raise RuntimeError("this job has no way to the API: neither MILLRACE_API_SOCKET nor MILLRACE_API_URL is set")
    parts = _urlsplit(url)
    kind = _http.HTTPSConnection if parts.scheme == "https" else _http.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=timeout)


def workspace():
    """Name of the workspace that the job belongs to."""
    return _os.environ["MILLRACE_WORKSPACE"]


def job_id():
    """Id of the running job."""
    return _os.environ["MILLRACE_JOB_ID"]


def request(method, path, body=None, headers=None, timeout=70):
    """One request to the API; `path` is relative to the workspace (`jobs`, `scripts/f/x`). Returns (status, parsed JSON or None).

    Raises MillraceError for every status from 400 on.
    """
    data = None if body is None else _json.dumps(body).encode()
    kind = {} if body is None else {"content-type": "application/json"}
    return _exchange(method, f"/api/v1/w/{_quote(workspace(), safe='')}/{path}", data, {**kind, **(headers or {})}, timeout)


def _exchange(method, address, data, headers, timeout=70):
    token = _os.environ.get("MILLRACE_TOKEN")
    if not token:
        raise RuntimeError("this job has no token: MILLRACE_TOKEN is not set")
    sent = {"authorization": f"Bearer {token}", "accept": "application/json", **headers}
    connection = _connection(timeout)
    try:
        connection.request(method, address, body=data, headers=sent)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    try:
        parsed = _json.loads(text) if text else None
    except ValueError:
        parsed = {"detail": text[:500].decode("utf-8", "replace")}
    if response.status >= 400:
        raise MillraceError(response.status, parsed if isinstance(parsed, dict) else {})
    return response.status, parsed


def _job(script, args, options):
    return {"script": script, "args": args or {}, **options}


def start_script(script, args=None, *, idempotency_key=None, **options):
    """Starts a deployed script and returns the id of its job. Options are those of the API: tag, priority, timeout_ms, retry …"""
    headers = {"idempotency-key": idempotency_key} if idempotency_key else None
    return request("POST", "jobs", _job(script, args, options), headers)[1]["id"]


def run_script(script, args=None, *, idempotency_key=None, **options):
    """Runs a deployed script, waits for its end and returns its result. Raises JobFailed when it did not succeed.

    The slot of this job stays taken meanwhile.
    """
    headers = {"idempotency-key": idempotency_key} if idempotency_key else None
    status, job = request("POST", f"jobs?wait={_WAIT_S}", _job(script, args, options), headers)
    return _outcome(job, job.get("result")) if status == 200 else wait_job(job["id"])


def wait_job(id):
    """Waits for the end of a job and returns its result. Raises JobFailed when it did not succeed."""
    pause = _POLL_FROM_S
    while True:
        job = get_job(id)
        if job.get("finished_at"):
            return _outcome(job, get_result(id))
        _time.sleep(pause)
        pause = min(_POLL_TO_S, pause * 1.5)


def _outcome(job, result):
    if job.get("status") == "succeeded":
        return result
    raise JobFailed(job, result.get("error") if isinstance(result, dict) else None)


def get_job(id):
    """The job as the API shows it."""
    return request("GET", f"jobs/{_quote(id, safe='')}")[1]


def get_result(id):
    """The result of a job that has ended."""
    return request("GET", f"jobs/{_quote(id, safe='')}/result")[1]


def _at(path):
    return f"by-path?path={_quote(path, safe='')}"


def get_variable(path):
    """The value of a variable, a text; also that of a secret, which is masked in the log from then on. Raises MillraceError (404) when there is none."""
    return request("GET", f"variables/value?path={_quote(path, safe='')}")[1]["value"]


def set_variable(path, value, *, secret=None, description=None):
    """Makes or changes a variable. A new one is plain unless `secret` is true; what is left out stays as it is."""
    request("PUT", f"variables/{_at(path)}", _given(value=value, is_secret=secret, description=description))


def get_resource(path):
    """The value of a resource, with what its `$var:` and `$res:` stand for. Raises MillraceError (404) when there is none."""
    return request("GET", f"resources/value?path={_quote(path, safe='')}")[1]


def set_resource(path, value, type=None, *, description=None):
    """Makes or changes a resource. A new one needs a type."""
    request("PUT", f"resources/{_at(path)}", {"value": value, **_given(type=type, description=description)})


def get_state(path=None):
    """What the script has kept with `set_state` in an earlier run; None at first."""
    try:
        return get_resource(_state_path(path))
    except MillraceError as error:
        if error.status == 404:
            return None
        raise


def set_state(value, path=None):
    """Keeps a value for the next runs of the script: anything that is JSON."""
    request("PUT", f"resources/{_at(_state_path(path))}", {"type": "state", "value": value})


def set_progress(percent):
    """Says how far the job is, 0 to 100."""
    request("PUT", f"jobs/{_quote(job_id(), safe='')}/progress", {"percent": int(percent)})


def stream_result(text):
    """Passes on a piece of the result before the end, to whoever follows the job."""
    if not _os.environ.get("MILLRACE_API_SOCKET"):
        raise RuntimeError("results are streamed through the agent: MILLRACE_API_SOCKET is not set")
    _exchange("POST", "/stream", text.encode(), {"content-type": "text/plain; charset=utf-8"})


def _given(**values):
    return {name: value for name, value in values.items() if value is not None}


def _state_path(path):
    found = path or _os.environ.get("MILLRACE_STATE_PATH")
    if not found:
        raise RuntimeError("inline code has no state of its own: give a path")
    return found
