"""The shipped tables come from the raw rows byte for byte, and show nobody."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from kidney_evals.human.raw import find_raw, read_study_1, read_study_2
from kidney_evals.lab.drawn_models import group, logit_model
from kidney_evals.lab.reference_tables import build_reference, fixed_reference
from kidney_evals.lab.table_text import table_text
from kidney_evals.studies import datasets_dir, load_study

DERIVED = ("mcelfresh_2021", "mcelfresh_2021_fixed")


def shipped(study: str) -> dict[str, bytes]:
    folder = datasets_dir() / study / "reference"
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.suffix in (".csv", ".json")
    }


@pytest.mark.slow
def test_every_derived_table_is_rebuilt_byte_for_byte(raw_dir: Path, tmp_path: Path) -> None:
    build_reference(raw_dir, tmp_path)
    for study in DERIVED:
        built = {p.name: p.read_bytes() for p in (tmp_path / study / "reference").iterdir()}
        assert built == shipped(study)


def test_the_fixed_tables_are_rebuilt_byte_for_byte(raw_dir: Path) -> None:
    built = fixed_reference(find_raw(raw_dir))
    assert {name: text.encode() for name, text in built.items()} == shipped("mcelfresh_2021_fixed")


def test_the_strict_logit_is_rebuilt_byte_for_byte(raw_dir: Path) -> None:
    study = load_study("mcelfresh_2021")
    forced, _ = read_study_2(find_raw(raw_dir))
    model = logit_model(study, group(study, "forced_choice", forced))
    built = table_text(
        {"estimate": float(value), "parameter": name}
        for name, value in zip(model.parameters, model.estimate, strict=True)
    ).splitlines()[1:]
    lines = shipped("mcelfresh_2021")["models.csv"].decode().splitlines()[1:5]
    assert built == [",".join(line.split(",")[3:1:-1]) for line in lines]
    draws = shipped("mcelfresh_2021")["draws_forced_choice.csv"].decode().splitlines()
    first = table_text(({"age": float(value)} for value in model.draws[:, 0]), 4)
    assert [line.split(",")[0] for line in draws[1:]] == first.splitlines()[1:]


def test_tables_are_small_and_none_has_a_row_for_a_person() -> None:
    for study in (*DERIVED, "freedman_2020", "boerstler_2024"):
        for name, content in shipped(study).items():
            assert len(content) < 300_000
            assert b"\r" not in content
            if name.endswith(".csv"):
                rows = list(csv.DictReader(io.StringIO(content.decode())))
                # 132, 62 and 60 people answered; a table as long as that would be one of persons.
                assert len(rows) not in (60, 62, 132, 264, 5297)
                assert not {"user_id", "person", "participant"} & set(rows[0])


def test_codes_are_those_of_the_survey_not_of_its_readme(raw_dir: Path) -> None:
    folder = find_raw(raw_dir)
    strict, coin = read_study_2(folder)
    # The source's README would make the right patient the coin: a rate of .419.
    assert (coin.choice == 2).mean() == pytest.approx(0.169, abs=5e-4)
    assert set(strict.choice) == {0, 1}
    assert (strict.people, coin.people, len(strict.choice)) == (132, 132, 5297)
    forced, offered = read_study_1(folder)
    assert (forced.people, offered.people) == (60, 62)
    assert 8 not in forced.position
    assert set(forced.choice) == {0, 1}


def test_another_question_under_a_known_id_is_noticed(raw_dir: Path, tmp_path: Path) -> None:
    from shutil import copytree

    from kidney_evals.errors import UserError
    from kidney_evals.lab.fixed_study import answer_table

    folder = tmp_path / "changed"
    copytree(datasets_dir() / "mcelfresh_2021_fixed", folder)
    table = folder / "dilemmas.csv"
    table.write_text(table.read_text().replace("q01,question 1,18,", "q01,question 1,90,"))
    with pytest.raises(UserError, match="q01"):
        answer_table(load_study(folder), read_study_1(find_raw(raw_dir))[0])
