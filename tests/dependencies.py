"""Known weaknesses of what we depend on: fails where there is one, says so where nobody can say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LOCKS = ("requirements.lock",)  # what runs in production, pinned with hashes
ROOT = Path(__file__).parents[1]


def audit(lock: str) -> Mapping[str, Any] | None:
    """What pip-audit knows of a lock file; None where the index could not be asked."""
    command = [sys.executable, "-m", "pip_audit", "-r", lock, "--disable-pip", "--require-hashes"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    try:
        found: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None
    return found


def told(packages: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """A line for each weakness, and how many packages the index knows."""
    weak = [
        f"{one['name']} {one['version']}: {slip['id']}, mended in {slip['fix_versions'] or '–'}"
        for one in packages
        for slip in one.get("vulns", ())
    ]
    return weak, sum("vulns" in one for one in packages)


def main() -> int:
    """Exit code: 1 where a weakness is known."""
    worst = 0
    for lock in LOCKS:
        found = audit(lock)
        weak, known = told(found["dependencies"] if found else ())
        count = len(found["dependencies"]) if found else 0
        sys.stdout.write(f"{lock}: {known} of {count} packages are known to the index\n")
        sys.stdout.writelines(f"  {line}\n" for line in weak)
        worst |= bool(weak)
    return worst


if __name__ == "__main__":
    sys.exit(main())
