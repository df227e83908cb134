"""Splink on a file of people: learn without labels, then score pairs. Runs in `.venv-bench`.

    with_splink.py learn SET DATA.csv MODEL.json      SET: febrl | clubs
    with_splink.py score SET DATA.csv MODEL.json PAIRS.csv

Configured as its own guides do: several narrow blocking rules, u from random pairs, m by EM over
two blockings, term frequencies on names, phones and places. Pairs below FLOOR are not written.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI

FLOOR = -4  # bits
RANDOM_PAIRS = 2e6
CORES = 2


def febrl(columns: set[str]) -> dict:
    """The fields of FEBRL; date of birth, its year and the number only where they are given."""
    often = {"term_frequency_adjustments": True}
    comparisons = [
        cl.ForenameSurnameComparison(
            "given_name", "surname", forename_surname_concat_col_name="both_names"
        ).configure(**often),
        cl.ExactMatch("state"),
        cl.DamerauLevenshteinAtThresholds("street_number", [1]),
        cl.JaroWinklerAtThresholds("address_1", [0.92, 0.8]).configure(**often),
        cl.JaroWinklerAtThresholds("address_2", [0.92, 0.8]).configure(**often),
        cl.JaroWinklerAtThresholds("suburb", [0.92, 0.8]).configure(**often),
        cl.DamerauLevenshteinAtThresholds("postcode", [1]).configure(**often),
    ]
    born = "date_of_birth" if "date_of_birth" in columns else "birth_year"
    year = f"substr({born}, 1, 4)"
    given, last = "substr(given_name, 1, 3)", "substr(surname, 1, 3)"
    street, estate = "substr(address_1, 1, 4)", "substr(address_2, 1, 4)"
    suburb = "substr(suburb, 1, 4)"
    blocks = (
        *(("given_name", "surname"), (given, year), (last, year), (given, "postcode")),
        *((last, "postcode"), (given, suburb), (last, suburb), (given, street), (last, street)),
        *((street, "street_number"), (street, "postcode"), (estate, "postcode"), (street, estate)),
        *((year, "postcode"), (year, suburb), (year, "street_number")),
    )
    rules = [block_on(*block) for block in blocks]
    rules.append("l.given_name = r.surname and l.surname = r.given_name")
    if born == "date_of_birth":
        comparisons.append(
            cl.DateOfBirthComparison(born, input_is_string=True, datetime_format="%Y%m%d")
        )
        rules.append(block_on(born))
        learned_in = [block_on(born), block_on("given_name", "surname")]
    else:
        comparisons.append(cl.DamerauLevenshteinAtThresholds(born, [1]))
        learned_in = [block_on(born, "postcode"), block_on("given_name", "surname")]
    if "soc_sec_id" in columns:
        comparisons.append(cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]))
        rules.append(block_on("soc_sec_id"))
    sure = [block_on("given_name", "surname", born), block_on("surname", "postcode", born)]
    return {"comparisons": comparisons, "rules": rules, "learned_in": learned_in, "sure": sure}


def clubs(_columns: set[str]) -> dict:
    """The members of clubs, their columns made ready by `prepared.py`."""
    given = cl.CustomComparison(
        [
            cll.NullLevel("given"),
            cll.ExactMatchLevel("given_marked", term_frequency_adjustments=True),
            cll.ExactMatchLevel("given", term_frequency_adjustments=True),
            cll.ExactMatchLevel("words"),
            cll.JaroWinklerLevel("given", 0.8),
            cll.ElseLevel(),
        ],
        output_column_name="given",
    )
    rest = cl.CustomComparison(
        [
            cll.NullLevel("rest"),
            cll.ExactMatchLevel("rest_marked", term_frequency_adjustments=True),
            cll.ExactMatchLevel("rest", term_frequency_adjustments=True),
            cll.CustomLevel("family_l = family_r and (rest_l = family_l or rest_r = family_r)"),
            cll.JaroWinklerLevel("rest", 0.9),
            cll.ExactMatchLevel("family"),
            cll.ElseLevel(),
        ],
        output_column_name="rest",
    )
    born = cl.CustomComparison(
        [
            cll.NullLevel("year"),
            cll.ExactMatchLevel("day"),
            cll.CustomLevel("year_l = year_r and (day_l is null or day_r is null)"),
            cll.ExactMatchLevel("year"),
            cll.CustomLevel("abs(year_l - year_r) = 1 and substr(day_l, 6) = substr(day_r, 6)"),
            cll.CustomLevel("abs(year_l - year_r) = 1"),
            cll.CustomLevel("abs(year_l - year_r) = 10"),
            cll.ElseLevel(),
        ],
        output_column_name="born",
    )
    place = cl.CustomComparison(
        [
            cll.NullLevel("commune"),
            cll.CustomLevel("commune_l = commune_r and hamlet_l = hamlet_r"),
            cll.ExactMatchLevel("commune"),
            cll.ElseLevel(),
        ],
        output_column_name="place",
    )
    phone = cl.ExactMatch("phone").configure(term_frequency_adjustments=True)
    comparisons = [given, rest, born, place, phone]
    comparisons += [cl.ExactMatch(column) for column in ("sex", "cccd", "cmnd")]
    blocks = (
        *(("cccd",), ("cmnd",), ("phone",), ("name", "year"), ("name", "commune")),
        *(("given", "commune"), ("year", "commune", "sex"), ("words", "year"), ("name", "day")),
    )
    return {
        "comparisons": comparisons,
        "rules": [block_on(*block) for block in blocks],
        "learned_in": [block_on("name", "year"), block_on("phone"), block_on("cmnd")],
        "sure": [block_on("cccd"), block_on("cmnd"), block_on("name", "day", "commune")],
    }


SETS = {"febrl": febrl, "clubs": clubs}
TYPES = {"year": "integer"}


def read(data: Path) -> tuple[set[str], object]:
    """The columns, and the table as Splink takes it; what is empty is missing."""
    connection = duckdb.connect(":memory:")
    connection.execute(f"set threads to {CORES}")
    with data.open(encoding="utf-8") as file:
        columns = file.readline().strip().split(",")
    cast = ", ".join(
        f"try_cast(nullif({column}, '') as {TYPES.get(column, 'varchar')}) as {column}"
        for column in columns
    )
    if "given_name" in columns:
        cast += ", nullif(given_name, '') || ' ' || nullif(surname, '') as both_names"
    file = "read_csv(?, header = true, all_varchar = true, delim = ',', quote = '\"')"
    table = connection.sql(f"select {cast} from {file}", params=[str(data)])
    return set(columns), DuckDBAPI(connection).register(table.arrow().read_all())


def learn(kind: str, data: Path, model: Path) -> None:
    columns, table = read(data)
    spec = SETS[kind](columns)
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=spec["comparisons"],
        blocking_rules_to_generate_predictions=spec["rules"],
        unique_id_column_name="id",
        retain_matching_columns=False,
    )
    linker = Linker(table, settings, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(spec["sure"], recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=1)
    for rule in spec["learned_in"]:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    linker.misc.save_model_to_json(str(model), overwrite=True)


def score(data: Path, model: Path, pairs: Path) -> None:
    settings = json.loads(model.read_text(encoding="utf-8"))
    linker = Linker(read(data)[1], settings, log_level=logging.ERROR)
    found = linker.inference.predict(threshold_match_weight=FLOOR)
    found.as_duckdbpyrelation().select("id_l, id_r, match_weight").write_csv(str(pairs))


def main(what: str, kind: str, *files: str) -> None:
    paths = map(Path, files)
    learn(kind, *paths) if what == "learn" else score(*paths)


if __name__ == "__main__":
    main(*sys.argv[1:])
