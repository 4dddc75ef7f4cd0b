"""DBOS: a workflow whose steps are functions of this process. The argument is the address of a Postgres."""

import asyncio
import os
import sys

from dbos import DBOS
from flow_lines import serve, work

DBOS(config={"name": "bench", "system_database_url": sys.argv[1], "run_admin_server": False, "log_level": "ERROR"})


@DBOS.step()
def step(n):
    return work(n)


@DBOS.step()
async def step_later(n):
    return work(n)


@DBOS.workflow()
def in_a_row(count, n):
    for _ in range(count):
        step(n)


@DBOS.workflow()
async def at_once(count, n):
    await asyncio.gather(*[step_later(n) for _ in range(count)])


def run(count, n, way):
    if way == "in_a_row":
        in_a_row(count, n)
    else:
        asyncio.run(at_once(count, n))


DBOS.launch()
serve(run)
DBOS.destroy()
os._exit(0)
