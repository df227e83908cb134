"""The audit of dependencies fails for a weakness, and for nothing else."""

from __future__ import annotations

import pytest

from tests import dependencies


def test_a_weakness_is_told_with_the_version_that_mends_it() -> None:
    packages = [
        {
            "name": "a",
            "version": "1",
            "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}],
        },
        {"name": "b", "version": "2", "vulns": []},
        {"name": "c", "skip_reason": "not found"},
    ]
    assert dependencies.told(packages) == (["a 1: PYSEC-1, mended in ['1.1']"], 2)


def test_where_nobody_can_be_asked_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "audit", lambda lock: None)
    assert dependencies.main() == 0
    weak = {"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]}
    monkeypatch.setattr(dependencies, "audit", lambda lock: {"dependencies": [weak]})
    assert dependencies.main() == 1
