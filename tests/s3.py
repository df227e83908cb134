"""A real S3 API on loopback, from rclone's wheel, for whoever starts it alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.server.serving import free_port

RCLONE = Path(sys.prefix) / "bin" / "rclone"
KEY, SECRET = "cayda-test", "not-a-secret"


@contextmanager
def a_bucket(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The address of a bucket while the block runs, and the environment that opens it.

    Its objects are the files in `folder`/cayda.
    """
    (folder / "cayda").mkdir(parents=True)
    port = free_port()
    command = [str(RCLONE), "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}"]
    command += ["--auth-key", f"{KEY},{SECRET}", "--config", os.devnull, "--log-level", "ERROR"]
    store = subprocess.Popen(command)
    try:
        _wait(port)
        yield (
            "s3://cayda",
            {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_REGION": "us-east-1",
            },
        )
    finally:
        store.terminate()
        store.wait()


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("the store does not answer")
