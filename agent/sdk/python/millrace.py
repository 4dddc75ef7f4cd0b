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
    "workspace",
    "job_id",
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
    token = _os.environ.get("MILLRACE_TOKEN")
    if not token:
        raise RuntimeError("this job has no token: MILLRACE_TOKEN is not set")
    sent = {"authorization": f"Bearer {token}", "accept": "application/json", **(headers or {})}
    data = None
    if body is not None:
        data = _json.dumps(body).encode()
        sent["content-type"] = "application/json"
    connection = _connection(timeout)
    try:
        connection.request(method, f"/api/v1/w/{_quote(workspace(), safe='')}/{path}", body=data, headers=sent)
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

