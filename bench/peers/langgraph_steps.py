"""P1's peer: LangGraph with SqliteSaver, durability "sync". In its own environment (`langgraph.txt`).

A graph of ten nodes in a row; each overwrites one channel with 1.5 KB, so that a checkpoint never
holds more than that (the cheapest shape for the peer). STYLE `sync`: SqliteSaver, a thread a run;
`async`: AsyncSqliteSaver. `synchronous=FULL` is stated, as it is SQLite's default. Same talk as
`dbos_steps.py`.

    python langgraph_steps.py FOLDER sync|async
"""

import asyncio
import json
import os
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import pairwise
from typing import TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

FOLDER, STYLE = sys.argv[1:3]
STEPS, PAYLOAD = 10, "x" * 1500
SAID = ("synchronous", "journal_mode")
ACKS = os.open(f"{FOLDER}/acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


class Talk(TypedDict):
    name: str
    text: str


def node(n):
    def sync(state):
        os.write(ACKS, f"{state['name']} {n}\n".encode())
        return {"text": PAYLOAD}

    async def later(state):
        return sync(state)

    return sync if STYLE == "sync" else later


def graph(saver):
    builder = StateGraph(Talk)
    names = [START, *(f"n{n}" for n in range(STEPS)), END]
    for n in range(STEPS):
        builder.add_node(f"n{n}", node(n))
    for before, after in pairwise(names):
        builder.add_edge(before, after)
    return builder.compile(checkpointer=saver)


def given(name):
    return {"name": name, "text": ""}, {"configurable": {"thread_id": name}}


def answers(head):
    print(json.dumps({"peer": f"langgraph {version('langgraph')}", **head}), flush=True)
    first = 0
    for line in sys.stdin:
        runs, concurrency = map(int, line.split())
        names = [f"run-{n}" for n in range(first, first + runs)]
        first += runs
        began = time.perf_counter()
        yield names, concurrency
        print(json.dumps({"wall_s": time.perf_counter() - began}), flush=True)


def main():
    connection = sqlite3.connect(f"{FOLDER}/peer.db", check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    saver = SqliteSaver(connection)
    saver.setup()
    built = graph(saver)
    head = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in SAID}
    for names, concurrency in answers(head):
        with ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(lambda name: built.invoke(*given(name), durability="sync"), names))


async def aone(built, gate, name):
    async with gate:
        await built.ainvoke(*given(name), durability="sync")


async def amain():
    async with AsyncSqliteSaver.from_conn_string(f"{FOLDER}/peer.db") as saver:
        await saver.setup()
        await saver.conn.execute("PRAGMA synchronous=FULL")
        built = graph(saver)
        head = {}
        for name in SAID:
            async with saver.conn.execute(f"PRAGMA {name}") as cursor:
                head[name] = (await cursor.fetchone())[0]
        for names, concurrency in answers(head):
            gate = asyncio.Semaphore(concurrency)
            await asyncio.gather(*(aone(built, gate, name) for name in names))


if STYLE == "sync":
    main()
else:
    asyncio.run(amain())
