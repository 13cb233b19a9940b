"""`kidney-evals table`: the numbers of the logs in every format, and names as nothing but text."""

import csv
import io
import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import find, headlines
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.logs import find_logs
from kidney_evals.reporting.runs import read_runs
from kidney_evals.reporting.table_formats import (
    COLUMNS,
    csv_text,
    formatted,
    in_csv,
    in_latex,
    in_markdown,
    tables_of,
)
from kidney_evals.reporting.text import number
from reporting.conftest import Made
from reporting.making_logs import HOSTILE, edited, killed, of_another_run

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two conditions, a run that was killed, and what is passed over."""
    place = tmp_path_factory.mktemp("table")
    shutil.copy(made.coin, place / "1.eval")
    shutil.copy(made.forced, place / "2.eval")
    whole = edited(made.coin, place / "x.eval", _other_model)
    killed(whole, place / "3.eval")
    whole.unlink()
    shutil.copy(made.other, place / "4.eval")
    return place


def _other_model(log: EvalLog) -> None:
    of_another_run(log)
    log.eval.model = "kidney/another"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def markdown_tables(text: str) -> dict[str, list[list[str]]]:
    """Every table by its title, head first."""
    tables: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("### "):
            tables[line.removeprefix("### ").replace("\\", "")] = rows = []
        elif line.startswith("|") and "---:" not in line:
            rows.append(cells(line))
    return tables


def test_markdown_has_people_models_and_baselines(folder: Path, kidney_evals: Call) -> None:
    told = kidney_evals("table", folder)
    assert told.exit_code == 0, told.output
    tables = markdown_tables(told.stdout)
    assert list(tables) == ["coin_flip, mcelfresh_2021", "forced_choice, mcelfresh_2021"]
    coin, forced = tables.values()
    assert [line[0] for line in coin] == [
        *("", "people", "kidney/human", "kidney/another (partial)"),
        *("always the majority", "never flips", "one person", "guessing"),
    ]
    assert [line[0] for line in forced][:3] == ["", "people", "kidney/human"]
    for table, condition in zip((coin, forced), ("coin_flip", "forced_choice"), strict=True):
        heads = [one.label for one in headlines(condition)]
        assert table[0][1:4] == heads
        assert {len(line) for line in table} == {len(table[0])}
    assert "kidney/another is partial: not ended" in told.stdout
    assert "not what is right" in told.stdout
    assert "passed over:" in told.stderr and "of another evaluation (sums)" in told.stderr


@pytest.mark.parametrize("name", ["coin", "forced"])
def test_every_number_is_that_of_log_show_and_files(
    name: str, made: Made, kidney_evals: Call
) -> None:
    path = getattr(made, name)
    rows = rows_of(read_eval_log(str(path)))
    called = {form: kidney_evals("table", path, "--all", "--format", form).stdout for form in FORMS}
    (run,) = json.loads(called["json"])["panels"][0]["runs"]
    lines = {
        (line["row"], line["baseline"]): line for line in csv.DictReader(io.StringIO(called["csv"]))
    }
    (table,) = markdown_tables(called["md"]).values()
    assert table[0][1:3] == ["people", "kidney/human"]
    listed = {line[0].replace("\\", ""): line[1:3] for line in table[1:]}
    shown = kidney_evals("show", "--all", path).stdout.splitlines()
    said = 0
    for row, found in rows.items():
        label = find(row).label
        if not found.defined and math.isnan(found.human):
            assert label not in listed
            continue
        assert listed[label] == [number(found.human), _cell(found)]
        for baseline, one in {"": found, **rows.baselines(row)}.items():
            told = run["rows"][row]["baselines"][baseline] if baseline else run["rows"][row]
            for column, value in one._asdict().items():
                known = None if math.isnan(value) else value
                assert told[column] == known
                assert lines[row, baseline][column] == ("" if known is None else repr(known))
        start = f"{in_latex(label)} & "
        latex = [one for one in called["latex"].splitlines() if one.startswith(start)]
        minus = [_cell(found).replace("-", "$-$").replace("–", "--")]
        assert [one.removesuffix(r" \\").split(" & ")[2] for one in latex] == minus
        for line in shown:
            if line.startswith(f"{label}  ") and found.defined:
                assert line.removeprefix(label).split()[0] == number(found.value)
                said += 1
    assert said > 8


FORMS = ("md", "csv", "json", "latex")


def _cell(row: Quantity) -> str:
    both = "" if math.isnan(row.low) else f" [{row.low:.3f}, {row.high:.3f}]"
    return number(row.value) + both


def test_csv_has_the_documented_columns_and_the_baselines(folder: Path, kidney_evals: Call) -> None:
    told = kidney_evals("table", folder, "--format", "csv", "--rows", "distance,flip_rate")
    lines = list(csv.DictReader(io.StringIO(told.stdout)))
    assert list(lines[0]) == list(COLUMNS)
    found = [(line["row"], line["baseline"]) for line in lines if line["name"] == "kidney/another"]
    known = ("", "always the majority", "never flips", "one person", "guessing")
    assert found == [*(("distance", name) for name in known), ("flip_rate", "")]
    assert {line["state"] for line in lines} == {"finished", "partial"}
    # A forced choice has a distance too, and no rate of coins.
    assert {line["row"] for line in lines if line["task"] == "forced_choice"} == {"distance"}


@pytest.mark.parametrize(
    ("asked", "heads"),
    [
        (["--rows", "swap_diff"], ["swap disagreement"]),
        (["--rows", "imp_*"], [f"importance, {name}" for name in ("age", "dependents", "drinks")]),
        (["--rows", "pos_bias", "--rows", "order_eff"], ["position bias", "order effect"]),
    ],
)
def test_rows_can_be_named(
    asked: list[str], heads: list[str], made: Made, kidney_evals: Call
) -> None:
    told = kidney_evals("table", made.forced, *asked)
    assert told.exit_code == 0, told.output
    (table,) = markdown_tables(told.stdout).values()
    assert [head.replace("\\", "") for head in table[0][1:]] == heads


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rows", "nonsense"], "unknown row 'nonsense'; allowed: "),
        (["--rows", "imp_*", "--all"], "give --rows or --all, not both"),
        (["-o", "."], "is a directory"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], says: str, made: Made, kidney_evals: Call
) -> None:
    told = kidney_evals("table", made.forced, *arguments)
    assert told.exit_code == 2 and told.stdout == ""
    assert says in told.stderr and "Traceback" not in told.output


def test_an_unreadable_log_is_told_in_the_exit_status(
    made: Made, kidney_evals: Call, tmp_path: Path
) -> None:
    (tmp_path / "torn.eval").write_bytes(b"PK\x03\x04")
    alone, both = kidney_evals("table", made.forced), kidney_evals("table", made.forced, tmp_path)
    assert (alone.exit_code, both.exit_code) == (0, 1)
    assert both.stdout == alone.stdout and "only half written" in both.stderr


def test_versions_stand_apart_and_differences_are_named(made: Made, tmp_path: Path) -> None:
    def older(log: EvalLog) -> None:
        of_another_run(log)
        assert log.eval.metadata is not None
        log.eval.metadata["study_hash"] = "0" * 64

    def warmer(log: EvalLog) -> None:
        of_another_run(log, 3)
        log.plan.config.temperature = 0.5

    shutil.copy(made.forced, tmp_path / "1.eval")
    edited(made.forced, tmp_path / "2.eval", older)
    edited(made.forced, tmp_path / "3.eval", warmer)
    tables = tables_of(read_runs(find_logs([str(tmp_path)])))
    assert [len(table.runs) for table in tables] == [1, 2]
    assert tables[1].notes == [
        "These runs differ in sampling settings: what lies between them is not of the models alone."
    ]
    text = formatted(tables, (), "md")
    assert "(content 000000000000)" in text


@pytest.fixture(scope="module")
def hostile(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def name(log: EvalLog) -> None:
        log.eval.model = log.eval.task = HOSTILE
        assert log.eval.metadata is not None and log.results is not None
        log.eval.metadata["study"] = HOSTILE
        score = log.results.scores[-1]
        score.name = HOSTILE
        for metric in score.metrics.values():
            metric.value = 1

    return edited(made.forced, tmp_path_factory.mktemp("hostile") / "x.eval", name)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("more", [[], ["--all"]])
def test_names_in_a_log_are_text_in_every_format(
    form: str, more: list[str], hostile: Path, kidney_evals: Call
) -> None:
    told = kidney_evals("table", hostile, "--format", form, *more)
    assert told.exit_code == 0, told.output
    assert all(line.isprintable() for line in told.stdout.splitlines())
    if form == "md":
        (table,) = markdown_tables(told.stdout).values()
        assert {len(line) for line in table} == {len(table[0])}
        assert "<b>" not in told.stdout and "&lt;b&gt;" in told.stdout
    elif form == "latex":
        bare = re.sub(r"\\[&%$#_{}]", "", told.stdout)
        assert bare.count("{") == bare.count("}") and "%" not in bare and "~" not in bare
        width = {line.count(" & ") for line in bare.splitlines() if line.endswith(r"\\")}
        assert len(width) == 1
    elif form == "csv":
        assert any("<b>" in line["name"] for line in csv.DictReader(io.StringIO(told.stdout)))
    else:
        (panel,) = json.loads(told.stdout)["panels"]
        assert panel["runs"][0]["model"] == HOSTILE


@pytest.mark.parametrize(
    ("text", "markdown", "latex"),
    [
        ("a_b", r"a\_b", r"a\_b"),
        ("a|b", r"a\|b", r"a\textbar{}b"),
        ("<i>&", "&lt;i&gt;&amp;", r"\textless{}i\textgreater{}\&"),
        (r"\input{x}", r"\\input\{x\}", r"\textbackslash{}input\{x\}"),
        ("[x](http://y)", r"\[x\](http\://y)", "{[}x{]}(http://y)"),
        ("me@www.x", r"me\@www\.x", "me@www.x"),
        ("50 % $x$ #1 ~^", r"50 % \$x\$ \#1 \~\^", None),
        ("a\nb\x1b[0m", r"a b \[0m", "a b {[}0m"),
    ],
)
def test_escapes(text: str, markdown: str, latex: str | None) -> None:
    assert in_markdown(text) == markdown
    expected: Any = latex or (r"50 \% \$x\$ \#1 \textasciitilde{}\textasciicircum{}")
    assert in_latex(text) == expected


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+model", "'+model"),
        ("@model", "'@model"),
        (" \t=1+1", "'  =1+1"),
        ("\r=1+1", "' =1+1"),
        ("\ufeff=1", "' =1"),
        ("\u3000\uff1d1+1", "' \uff1d1+1"),
        ("\uff0dx", "'\uff0dx"),
        ("-inf", "'-inf"),
        ("a\x1b[2J\x07b\x00", "a [2J b "),
        ("-1+1", "'-1+1"),
        ("-.12", "-.12"),
        ("+3e-5", "+3e-5"),
        ("a=b", "a=b"),
        ("–", "–"),
        ("", ""),
    ],
)
def test_no_text_is_a_formula_in_a_spreadsheet(text: str, cell: str) -> None:
    assert in_csv(text) == cell


def test_every_text_of_a_file_is_made_safe_and_numbers_stay() -> None:
    rows: list[list[Any]] = [["=head", "n"], ["a\r=b", -0.5], [None, -3]]
    assert csv_text(rows) == "'=head,n\na =b,-0.5\n,-3\n"
