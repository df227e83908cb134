"""The generator on one server: how much it sent, and what each process used for it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import psutil

from tests.bench.server import GENERATOR, Bench, commands, web_process


def send(
    bench: Bench, server: psutil.Process, phase: str, n: int, connections: int, seed: str
) -> dict[str, Any]:
    """Closed loop; the generator's own result. The same seed sends the same instances."""
    pids = {"web": web_process(server), **_workers(server), **_postmaster(bench)}
    command = [
        *(sys.executable, str(GENERATOR), "--base", bench.url, "--phases", phase),
        *("--concurrency", str(connections), "--n", str(n), "--attach-n", str(n)),
        *("--seed", seed, "--warmup", "0", "--json", "-"),
    ]
    for name, pid in pids.items():
        command += ["--server-pid", f"{name}={pid}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads(done.stdout)["results"][0]
    return result


def say(result: dict[str, Any]) -> str:
    """Rate, times and CPU of a result."""
    n = max(result["ok"], 1)
    used = {**result["server_cpu_s"], "client": result["client_cpu_s"]}
    cpu = ", ".join(f"{name} {1000 * seconds / n:.2f}" for name, seconds in used.items())
    errors = f"; ERRORS {result['errors']}" if result["errors"] else ""
    return (
        f"{result['rps']}/s (p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms; "
        f"ms of CPU each: {cpu}{errors})"
    )


def _workers(server: psutil.Process) -> dict[str, int]:
    found = [pid for pid, said in commands(server).items() if "work" in said]
    return {"worker": found[0]} if found else {}


def _postmaster(bench: Bench) -> dict[str, int]:
    """The PostgreSQL of this bench, where it has one, found by its folder."""
    file = bench.data.parent / "pg" / "data" / "postmaster.pid"
    return {"PostgreSQL": int(file.read_text().split()[0])} if file.exists() else {}
