"""`kidney-evals table`: the numbers of the logs in every format, and names as nothing but text."""

import csv
import io
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from cli.calling import kidney_evals
from kidney_evals.card.numbers import number
from kidney_evals.measures import find, headlines
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.table_formats import (
    COLUMNS,
    PanelTable,
    csv_text,
    formatted,
    in_csv,
    in_markdown,
    tables_of,
)
from reporting.making_logs import HOSTILE, Made, another, edited, fact, runs_in, spec

FORMS = ("md", "csv")


def markdown_tables(text: str) -> dict[str, list[list[str]]]:
    """Every table by its title, head first."""
    tables: dict[str, list[list[str]]] = {}
    for line in text.replace("\\", "").splitlines():
        if line.startswith("### "):
            tables[line.removeprefix("### ")] = rows = []
        elif line.startswith("|") and "---:" not in line:
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return tables


def test_markdown_has_people_models_and_baselines(mixed: Path) -> None:
    shown = kidney_evals("table", mixed)
    assert shown.exit_code == 0, shown.output
    tables = markdown_tables(shown.stdout)
    assert list(tables) == ["coin_flip, mcelfresh_2021", "forced_choice, mcelfresh_2021"]
    coin, forced = tables.values()
    assert [line[0] for line in coin] == [
        *("", "people", "kidney/human", "kidney/another (partial)"),
        *("always the majority", "guessing"),
    ]
    assert [line[0] for line in forced][:3] == ["", "people", "kidney/human"]
    for table, condition in zip((coin, forced), ("coin_flip", "forced_choice"), strict=True):
        assert table[0][1:4] == [one.label for one in headlines(condition)]
        assert {len(line) for line in table} == {len(table[0])}
    assert "kidney/another is partial: not ended" in shown.stdout
    assert "not what is right" in shown.stdout
    assert "passed over:" in shown.stderr and "of another evaluation (sums)" in shown.stderr


@pytest.mark.parametrize("name", ["coin", "forced"])
def test_every_number_is_that_of_the_log_in_every_format(name: str, made: Made) -> None:
    path = getattr(made, name)
    rows = rows_of(read_eval_log(str(path)))
    printed = {
        form: kidney_evals("table", path, "--all", "--format", form).stdout for form in FORMS
    }
    lines = {(one["row"], one["baseline"]): one
             for one in csv.DictReader(io.StringIO(printed["csv"]))}  # fmt: skip
    (table,) = markdown_tables(printed["md"]).values()
    assert table[0][1:3] == ["people", "kidney/human"]
    listed = {line[0]: line[1:3] for line in table[1:]}
    for row, found in rows.items():
        label = find(row).label
        if not found.defined and math.isnan(found.human):
            assert label not in listed
            continue
        ends = "" if math.isnan(found.low) else f" [{found.low:.3f}, {found.high:.3f}]"
        assert listed[label] == [number(found.human), number(found.value) + ends]
        for baseline, one in {"": found, **rows.baselines(row)}.items():
            for column, value in one._asdict().items():
                assert lines[row, baseline][column] == ("" if math.isnan(value) else repr(value))


def test_csv_has_the_documented_columns_and_the_baselines(mixed: Path) -> None:
    shown = kidney_evals("table", mixed, "--format", "csv", "--rows", "distance,flip_rate")
    lines = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert list(lines[0]) == list(COLUMNS)
    found = [(line["row"], line["baseline"]) for line in lines if line["name"] == "kidney/another"]
    known = ("", "always the majority", "never flips", "guessing")
    assert found == [*(("distance", name) for name in known), ("flip_rate", "")]
    assert {line["state"] for line in lines} == {"finished", "partial"}
    # A forced choice has a distance too, and no rate of coins.
    assert {line["row"] for line in lines if line["task"] == "forced_choice"} == {"distance"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rows", "nonsense"], "unknown row 'nonsense'; allowed: "),
        (["--rows", "imp_*", "--all"], "give --rows or --all, not both"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], says: str, made: Made) -> None:
    shown = kidney_evals("table", made.forced, *arguments)
    assert shown.exit_code == 2 and shown.stdout == ""
    assert says in shown.stderr and "Traceback" not in shown.output


def test_rows_can_be_named_and_an_unreadable_log_sets_the_exit_status(
    made: Made, tmp_path: Path
) -> None:
    (tmp_path / "torn.eval").write_bytes(b"PK\x03\x04")
    rows = ("--rows", "pos_bias", "--rows", "imp_*")
    alone, both = (kidney_evals("table", *logs, *rows) for logs in
                   ([made.forced], [made.forced, tmp_path]))  # fmt: skip
    assert (alone.exit_code, both.exit_code) == (0, 1)
    assert both.stdout == alone.stdout and "only half written" in both.stderr
    # Cut in half, a log in JSON has its own rows and no answers.
    whole = edited(made.coin, tmp_path / "whole.json", lambda log: None).read_bytes()
    (tmp_path / "cut.json").write_bytes(whole[: len(whole) // 2])
    cut = kidney_evals("table", tmp_path / "cut.json", *rows)
    assert cut.exit_code == 1 and "its samples cannot be read" in cut.stderr
    (table,) = markdown_tables(alone.stdout).values()
    importance = [f"importance, {name}" for name in ("age", "dependents", "drinks")]
    assert table[0][1:] == ["position bias", *importance]


def test_versions_stand_apart_and_differences_are_named(made: Made, tmp_path: Path) -> None:
    shutil.copy(made.forced, tmp_path / "1.eval")
    edited(made.forced, tmp_path / "2.eval", another(fact("study_hash", "0" * 64)))
    warmer = another(lambda log: setattr(log.plan.config, "temperature", 0.5), number=3)
    edited(made.forced, tmp_path / "3.eval", warmer)
    tables = tables_of(runs_in(tmp_path))
    assert [len(table.runs) for table in tables] == [1, 2]
    # A name is told apart within its panel only.
    assert tables[0].runs[0].name == "kidney/human"
    assert tables[1].notes == [
        "These runs differ in sampling settings: what lies between them is not of the models alone."
    ]
    assert "(content 000000000000)" in formatted(tables, "md")


def test_stated_values_beside_both_conditions_of_each_model_are_no_difference(
    made: Made, tmp_path: Path
) -> None:
    runs = [(model, one) for model in ("x/one", "x/two") for one in ("forced_choice", "coin_flip")]
    for place, (model, condition) in enumerate(runs):
        edits = spec("model", model), fact("asks", "stated_values"), fact("condition", condition)
        edited(made.forced, tmp_path / f"{place}.eval", another(*edits, number=place))
    read = runs_in(tmp_path)
    assert {one.name for one in read} == {f"{m}, condition {one}" for m, one in runs}
    assert PanelTable(read[0].panel, read, ()).notes == []
    # Without the last run, two models stand beside people of different conditions.
    (note,) = PanelTable(read[0].panel, read[:3], ()).notes
    assert note.startswith("These runs differ in condition: ")


@pytest.fixture(scope="module")
def hostile(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def name(log: EvalLog) -> None:
        log.eval.model = log.eval.task = HOSTILE
        fact("study", HOSTILE)(log)
        assert log.results is not None
        log.results.scores[-1].name = HOSTILE

    return edited(made.forced, tmp_path_factory.mktemp("hostile") / "x.eval", name)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("more", [[], ["--all"]])
def test_names_in_a_log_are_text_in_every_format(form: str, more: list[str], hostile: Path) -> None:
    shown = kidney_evals("table", hostile, "--format", form, *more)
    assert shown.exit_code == 0, shown.output
    assert all(line.isprintable() for line in shown.stdout.splitlines())
    if form == "md":
        rows = [line for line in shown.stdout.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1
        assert "<b>" not in shown.stdout and "&lt;b&gt;" in shown.stdout
    else:
        assert any("<b>" in line["name"] for line in csv.DictReader(io.StringIO(shown.stdout)))


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a_b|c", r"a\_b\|c"),
        ("<i>&", "&lt;i&gt;&amp;"),
        (r"\input{x}", r"\\input\{x\}"),
        ("[x](http://y)", r"\[x\](http\://y)"),
        ("me@www.x", r"me\@www\.x"),
        ("50 % $x$ #1 ~^", r"50 % \$x\$ \#1 \~\^"),
        ("a\nb\x1b[0m", r"a b \[0m"),
    ],
)
def test_escapes(text: str, markdown: str) -> None:
    assert in_markdown(text) == markdown


FORMULAS = ("=HYPERLINK(1)", "+model", "@model", "\uff1d1+1", "\uff20x", "-inf", "-1+1")


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("before", ["", " \t", "\r\n", "\ufeff", "\u3000"])
def test_no_text_is_a_formula_in_a_spreadsheet(text: str, before: str) -> None:
    assert in_csv(before + text) == "'" + " " * len(before) + text


def test_every_other_text_and_number_stays() -> None:
    for text in ("-.12", "+3e-5", "-7", "a=b", "–", ""):
        assert in_csv(text) == text
    assert in_csv("a\x1b[2J\x07b\x00") == "a [2J b "
    rows: list[list[Any]] = [["=head", "n"], ["a\r=b", -0.5], [None, -3]]
    assert csv_text(rows) == "'=head,n\na =b,-0.5\n,-3\n"
