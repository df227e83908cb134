"""recordlinkage on a file of people: a classifier taught by labels. Runs in `.venv-bench`.

    with_recordlinkage.py SET TAUGHT.csv TRUE.csv DATA.csv PAIRS.csv     SET: febrl | clubs

TRUE.csv: the true pairs of TAUGHT.csv, which is never the set that is scored. Logistic:
better than its naive Bayes and ECM, from FEBRL 3 to 2 and from one tuning seed to the other.
PAIRS.csv: id_l, id_r, the log-odds.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
import recordlinkage as rl

NAMES = ("given_name", "surname")
BLOCKS = {
    "febrl": (
        ("given_name", "surname"), ("given", "year"), ("last", "year"), ("given", "postcode"),
        ("last", "postcode"), ("given", "near"), ("last", "near"), ("given", "street"),
        ("last", "street"), ("street", "street_number"), ("street", "postcode"),
        ("estate", "postcode"), ("street", "estate"), ("year", "postcode"), ("year", "near"),
        ("year", "street_number"), ("date_of_birth",), ("soc_sec_id",),
    ),
    "clubs": (
        ("cccd",), ("cmnd",), ("phone",), ("name", "year"), ("name", "commune"),
        ("given", "commune"), ("year", "commune", "sex"), ("words", "year"), ("name", "day"),
    ),
}  # fmt: skip
BEGINNINGS = {
    "given": ("given_name", 3), "last": ("surname", 3), "street": ("address_1", 4),
    "estate": ("address_2", 4), "near": ("suburb", 4),
}  # fmt: skip
LIKE = {
    "febrl": ("given_name", "surname", "address_1", "address_2", "suburb", "street_number",
              "postcode", "date_of_birth", "birth_year", "soc_sec_id"),
    "clubs": ("given_marked", "given", "rest_marked", "rest"),
}  # fmt: skip
EQUAL = {
    "febrl": ("given_name", "surname", "state", "postcode", "street_number", "date_of_birth",
              "birth_year", "soc_sec_id"),
    "clubs": ("given_marked", "given", "rest_marked", "rest", "words", "day", "year", "sex",
              "phone", "cccd", "cmnd", "commune", "hamlet"),
}  # fmt: skip


def read(path: str) -> pd.DataFrame:
    return (
        pd.read_csv(path, dtype=str, encoding="utf-8", keep_default_na=False)
        .set_index("id")
        .replace("", None)
    )


def candidates(kind: str, people: pd.DataFrame) -> pd.MultiIndex:
    index = rl.Index()
    if kind == "febrl":
        born = people["date_of_birth" if "date_of_birth" in people.columns else "birth_year"]
        starts = {name: people[of].str[:n] for name, (of, n) in BEGINNINGS.items()}
        people = people.assign(year=born.str[:4], **starts)
    for block in BLOCKS[kind]:
        if set(block) <= set(people.columns):
            index.block(list(block))
    if kind == "febrl":
        index.block(left_on=["given_name", "surname"], right_on=["surname", "given_name"])
    return index.index(people)


def vectors(kind: str, people: pd.DataFrame, pairs: pd.MultiIndex) -> pd.DataFrame:
    """Likeness and equality of each field, whether it is missing, and names told in turn."""
    compare = rl.Compare()
    for column in LIKE[kind]:
        if column in people.columns:
            compare.string(
                column, column, method="jarowinkler", label=f"like {column}", missing_value=0.5
            )
    for column in EQUAL[kind]:
        if column in people.columns:
            compare.exact(column, column, label=f"equal {column}", missing_value=0.3)
    if kind == "febrl":
        compare.exact("given_name", "surname", label="swapped")
        compare.exact("surname", "given_name", label="swapped too")
    else:
        people = people.assign(number=pd.to_numeric(people["year"], errors="coerce"))
        compare.numeric(
            "number", "number", method="step", offset=1, label="year beside", missing_value=0.5
        )
    found = compare.compute(pairs, people)
    left, right = (people.loc[pairs.get_level_values(side)] for side in (0, 1))
    for column in people.columns:
        gaps = left[column].isna().to_numpy() | right[column].isna().to_numpy()
        if gaps.any():
            found[f"no {column}"] = gaps.astype(float)
    return found


def main(kind: str, taught: str, true: str, data: str, out: str) -> None:
    warnings.simplefilter("ignore")
    lessons = read(taught)
    pairs = candidates(kind, lessons)
    features = vectors(kind, lessons, pairs)
    known = {tuple(row) for row in pd.read_csv(true, dtype=str).to_numpy()}
    is_true = [pair in known or pair[::-1] in known for pair in features.index]
    classifier = rl.LogisticRegressionClassifier()
    classifier.fit(features, features.index[np.array(is_true)])

    people = read(data)
    scored = vectors(kind, people, candidates(kind, people))
    scored = scored.reindex(columns=features.columns, fill_value=0.0)
    chance = classifier.prob(scored).clip(1e-15, 1 - 1e-15)
    odds = np.log2(chance / (1 - chance))
    odds = odds[odds > -14]
    table = pd.DataFrame({"score": odds.to_numpy()}, index=odds.index)
    table.index.names = ["id_l", "id_r"]
    table.to_csv(out, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
