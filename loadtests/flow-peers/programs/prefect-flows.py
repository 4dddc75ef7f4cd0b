"""Prefect: its server as a child, with SQLite, and flows whose tasks run in this process. The arguments are a free port, and a folder for its data."""

import os
import subprocess
import sys
import time
import urllib.request

port, data = sys.argv[1:3]
os.environ.update(
    PREFECT_HOME=data,
    PREFECT_API_URL=f"http://127.0.0.1:{port}/api",
    PREFECT_LOGGING_LEVEL="ERROR",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_SERVER_UI_ENABLED="false",
)
server = subprocess.Popen(
    [os.path.join(os.path.dirname(sys.executable), "prefect"), "server", "start", "--host", "127.0.0.1", "--port", port],
    stdin=subprocess.DEVNULL,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
try:
    begun = time.monotonic()
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5).read()
            break
        except OSError:
            if time.monotonic() - begun > 100 or server.poll() is not None:
                raise
            time.sleep(0.2)

    from flow_lines import serve, work
    from prefect import flow, task

    @task
    def step(n):
        return work(n)

    @flow
    def in_a_row(count, n):
        for _ in range(count):
            step(n)

    @flow
    def at_once(count, n):
        for future in step.map([n] * count):
            future.result()

    serve(lambda count, n, way: in_a_row(count, n) if way == "in_a_row" else at_once(count, n))
finally:
    server.terminate()
    server.wait(10)
os._exit(0)
