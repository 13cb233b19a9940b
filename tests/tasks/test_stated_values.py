"""`stated_values` as a user meets it: simulated respondents, the revealed gap, bad input."""

import math
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.log import read_eval_log, write_eval_log

from cli.calling import kidney_evals, printed
from kidney_evals.human.pair_kinds import kinds_of, people_flips
from kidney_evals.human.reference import load_reference
from kidney_evals.measures import find
from kidney_evals.measures.stated import OUTCOMES
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.rows import Rows
from kidney_evals.studies import Dilemma, Patient, load_study
from kidney_evals.tasks import coin_flip, forced_choice, stated_values
from tasks.running import meta, refused, run

STUDY = load_study("mcelfresh_2021")
NAMES = ("age", "drinks", "dependents")
WORDINGS = 4
"""Number of wordings of each of the four questions."""


def shares(rows: Rows) -> list[float]:
    return [rows[f"st_{name}"].value for name in NAMES]


PEOPLE: list[float] = load_reference(STUDY, "forced_choice").importance.tolist()
"""The importance shares of people."""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Logs of choices; and of values: alone, of a rule, and beside the choices of `coin`."""
    folder = tmp_path_factory.mktemp("logs")

    def of(task: Any, model: str = "kidney/human", **options: Any) -> str:
        return run(task, folder, model, **options).location

    once: dict[str, Any] = {"orders": "as_listed", "controls": False}
    coin = of(coin_flip(dilemmas=60, **once))
    fixed = forced_choice(study="mcelfresh_2021_fixed")
    return {
        "coin": coin,
        "fixed": of(fixed, "kidney/first", limit=2, epochs=1),
        "blind": of(forced_choice(dilemmas=10, **once), "kidney/first"),
        "short": of(forced_choice(dilemmas=5, **once)),
        "values": of(stated_values(), limit=1, epochs=1),
        "rule": of(stated_values(revealed=coin), "kidney/lexicographic", epochs=1),
        "both": of(stated_values(revealed=coin), epochs=1),
    }


# Respondent, its arguments; expected shares, rule, percentages for same, mixed and all.
CASES: list[Any] = [
    ("majority", {}, PEOPLE, "weigh", (1, 0, 0)),
    ("anti_human", {}, [-one for one in PEOPLE], "weigh", (0.938, 0.172, 0.070)),
    # 100 for the first attribute, 0 for the others.
    ("lexicographic", {"attributes": "drinks,age"}, [0, 1, 0], "lexi", (1, 0, 0)),
    # 50 for the end named first, which is the favoured one in two of four wordings: ±1/3, mean 0.
    ("uniform", {}, [0, 0, 0], "luck", (1 / 3, 1 / 3, 1 / 3)),
    # 0 throughout: no share is determined.
    ("coin", {"indecision": 0.25}, [math.nan] * 3, "luck", (0.25, 0.25, 0.25)),
]


@pytest.mark.parametrize(("name", "arguments", "expected", "rule", "flips"), CASES)
def test_each_respondent_says_what_it_does(
    name: str, arguments: dict[str, Any], expected: Any, rule: str, flips: Any, tmp_path: Path
) -> None:
    log = run(stated_values(), tmp_path, f"kidney/{name}", model_args=arguments, epochs=1)
    rows = rows_of(log)
    # Ratings are whole numbers with the largest as 100, so shares are right to about .005.
    assert shares(rows) == pytest.approx(expected, abs=0.006, nan_ok=True)
    assert [rows[f"st_{one}"].human for one in NAMES] == pytest.approx(PEOPLE, abs=1e-4)
    assert rows[f"st_rule_{rule}"].value == 1.0
    rules = ("weigh", "lexi", "count", "luck", "other")
    assert sum(rows[f"st_rule_{one}"].value for one in rules) == 1
    said = [rows[f"st_flip_{one}"].value for one in ("same", "mixed", "all")]
    assert said == pytest.approx(flips, abs=0.001)
    assert rows["st_coverage"].value == 1.0 and rows["st_coverage"].n == 4 * WORDINGS
    if expected[0] == expected[0]:
        # ½Σ|stated − people|, the means of four wordings against people's choices.
        distance = sum(abs(a - b) for a, b in zip(expected, PEOPLE, strict=True)) / 2
        assert rows["st_dist"].value == pytest.approx(distance, abs=0.006)
    else:
        assert rows["st_dist"].n == rows["st_age"].n == 0


def test_wordings_that_agree_leave_wide_intervals(logs: dict[str, str]) -> None:
    rows = rows_of(read_eval_log(logs["rule"]))
    # Ratings (1, 0, 0), ranking age > drinks > dependents: two of three pairs are ordered alike
    # and one is tied in the ratings: tau-b = 2 / √(3·2).
    assert rows["st_rank"].value == pytest.approx(2 / math.sqrt(6), abs=1e-3)
    # Four wordings that all say 1: as wide as Wilson's interval of 0 in 4, z²/(4+z²) = .49.
    half = 1.96**2 / (4 + 1.96**2)
    assert rows["st_age"].low == pytest.approx(1 - half, abs=1e-3) and rows["st_age"].high == 1
    assert rows["st_rule_lexi"].low == pytest.approx(1 - half, abs=1e-3)
    assert rows["st_spread"].value == 0.0


def test_wordings_that_disagree_show_it_and_repetitions_apart(tmp_path: Path) -> None:
    rows = rows_of(run(stated_values(), tmp_path, "kidney/uniform", epochs=2))
    # Shares are (±1/3, ±1/3, ±1/3); the ends of all attributes turn round together between
    # wordings 1, 3 and 2, 4: distances of pairs of wordings are 1 (four of six) or 0.
    assert rows["st_spread"].value == pytest.approx(4 / 6, abs=1e-3)
    assert rows["st_repeat"].value == 0.0
    assert rows["st_age"].n == 2 * WORDINGS
    # Equal ratings rank nothing.
    assert rows["st_rank"].n == 0


def test_some_faults_leave_the_rest(tmp_path: Path) -> None:
    log = run(stated_values(), tmp_path, model_args={"unreadable": 0.4, "refusing": 0.2}, epochs=1)
    rows = rows_of(log)
    kinds = ("coverage", *(row.removeprefix("st_") for row in OUTCOMES.values()))
    assert sum(rows[f"st_{one}"].value for one in kinds) == pytest.approx(1, abs=1e-3)
    # .4 unreadable, of which a repeat question saves .4 again: .4 at first, .2 + .4·.2 refused.
    assert rows["st_cover_1st"].value == pytest.approx(0.4, abs=0.25)
    assert rows["st_coverage"].value > rows["st_cover_1st"].value
    assert " 0 differ" in printed("rescore", log.location)
    assert shares(rows) == pytest.approx(PEOPLE, abs=0.05)


def test_the_gap_to_what_a_log_reveals(logs: dict[str, str]) -> None:
    log, revealed = read_eval_log(logs["rule"]), read_eval_log(logs["coin"])
    rows, theirs = rows_of(log), rows_of(revealed)
    for one, stated_share in zip(NAMES, (1, 0, 0), strict=True):
        own = theirs[f"imp_{one}"]
        # The very rows of the log, with people of its condition beside both.
        assert rows[f"rev_{one}"]._replace(n=0) == pytest.approx(own._replace(n=0), abs=1e-6)
        assert rows[f"st_{one}"].human == rows[f"rev_{one}"].human == pytest.approx(own.human)
        assert rows[f"gap_{one}"].value == pytest.approx(stated_share - own.value, abs=2e-4)
        assert rows[f"gap_{one}"].low < rows[f"gap_{one}"].value < rows[f"gap_{one}"].high
        assert math.isnan(rows[f"gap_{one}"].human)
    gap = sum(abs(rows[f"gap_{one}"].value) for one in NAMES) / 2
    assert rows["gap_dist"].value == pytest.approx(gap, abs=2e-4)
    metadata = log.eval.metadata or {}
    assert metadata["revealed_log"] == revealed.eval.eval_id
    assert metadata["revealed_model"] == "kidney/human" and metadata["condition"] == "coin_flip"
    # The choices of another model raise a flag, those of the same model do not.
    assert "st_other" in rows.flags
    assert "another model than the one asked" in printed("show", log.location)
    assert "st_other" not in rows_of(read_eval_log(logs["both"])).flags


def test_bad_input_is_refused_in_one_line(logs: dict[str, str], tmp_path: Path) -> None:
    cut = read_eval_log(logs["coin"])
    cut.status = "cancelled"
    write_eval_log(cut, str(tmp_path / "cut.eval"))
    (tmp_path / "torn.eval").write_bytes(b"no log at all")
    for revealed, says in [
        (str(tmp_path / "nothing.eval"), "revealed: there is no log at '"),
        (str(tmp_path), "; give the file of one log"),
        (str(tmp_path / "torn.eval"), "cannot be read as a log"),
        ("", "revealed must be a text that is not empty, not ''"),
        (7, "revealed must be a text that is not empty, not 7"),
        (logs["values"], "not of forced_choice or coin_flip"),
        (logs["fixed"], "is of study mcelfresh_2021_fixed ("),
        (str(tmp_path / "cut.eval"), "did not finish (cancelled)"),
        (logs["short"], "holds decisions on 5 dilemmas; shares need 10"),
        (logs["blind"], "do not depend on the attributes beyond chance"),
    ]:
        refused(stated_values, {"revealed": revealed}, says)


def test_people_of_whom_nothing_is_known_are_not_spoken_for(tmp_path: Path) -> None:
    task = stated_values(study="boerstler_2024")
    log = eval(task, model="kidney/human", limit=1, epochs=1, log_dir=str(tmp_path))[0]
    # The first sample asks for swings.
    assert log.status == "error"
    error = (log.samples or [])[0].error
    assert error is not None and "no importance shares of people are known" in error.message


def _own_study(folder: Path, *changes: tuple[str, str]) -> str:
    """Copy the default study without people, with changes to its text."""
    text = (STUDY.path / "study.yaml").read_text(encoding="utf-8")
    for old, new in (("id: mcelfresh_2021\n", "id: mine\n"), *changes):
        text = text.replace(old, new)
    folder.mkdir()
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return str(folder)


def test_a_study_folder_of_ones_own(tmp_path: Path) -> None:
    changes = ("id: drinks", "id: units"), ("range: [25, 70]", "range: [20, 80]")
    study = _own_study(tmp_path / "mine", *changes)
    log = run(stated_values(study=study), tmp_path / "logs", "kidney/lexicographic", epochs=1)
    rows = rows_of(log)
    assert [rows[f"st_{one}"].value for one in ("age", "units", "dependents")] == [1, 0, 0]
    assert math.isnan(rows["st_age"].human) and math.isnan(rows["st_flip_mixed"].human)
    asked = next(one for one in log.samples or [] if str(one.id).startswith("swings"))
    assert "20 years" in asked.messages[0].text and "80 years" in asked.messages[0].text
    assert asked.metadata["study_source"] == study
    hides = _own_study(tmp_path / "other", ("id: drinks", "id: rank"))
    refused(stated_values, {"study": hides}, "attribute 'rank' would make the row 'st_rank'")


def test_a_log_is_shown_in_80_columns(logs: dict[str, str]) -> None:
    output = printed("show", logs["both"])
    assert max(len(line) for line in output.splitlines()) <= 80
    words = " ".join(output.split())
    assert "No people were asked for stated weights" in words and "Its stated shares lie" in words
    heads = [find(name).label for name in ("st_dist", "st_spread", "st_rank")]
    rows = [line[:30].strip() for line in output.splitlines()]
    first = rows.index(heads[0])
    assert rows[first : first + 3] == heads
    # Only choices are described.
    described = kidney_evals("describe", logs["both"])
    assert described.exit_code == 2 and "is a log of stated_values" in described.stderr


def test_a_log_explains_itself(logs: dict[str, str]) -> None:
    log = read_eval_log(logs["both"])
    samples = {sample.metadata["wording"]: sample for sample in log.samples or []}
    texts = {name: (one.scores or {})["stated"].explanation or "" for name, one in samples.items()}
    for name, words in {
        "swings_matter": ("| Age", "People's share", "25 years", "+0.41", "No people were asked"),
        "ranking_count": ("Model's rank",),
        "rule_follow": ("**rule**, answer",),
        "flip_would": ("People flip", "| 50 %", "No people were asked"),
    }.items():
        assert all(word in texts[name] for word in words), texts[name]
    metadata = meta(samples["swings_matter"])
    assert all(not isinstance(value, dict | list) for value in metadata.values())
    assert metadata["canary"] == STUDY.canary
    facts = log.eval.metadata or {}
    assert "no people were asked for stated weights" in facts["no_human_reference"]
    assert "Not for clinical" in facts["limits_and_use"]
    assert log.eval.task_version == "2-H"
    assert log.results is not None and log.results.headline is not None


# Age 25–70 (a quarter is 11.25), drinks 1–5 (a quarter is 1), dependents 0–2 (a quarter is ½).
KINDS = {
    (30, 2, 1): {"same"},
    (41, 2, 1): {"tied", "near"},
    (42, 2, 1): {"tied"},
    (40, 1, 1): {"mixed", "near"},
    (40, 3, 1): {"tied", "near"},
    (40, 3, 0): {"all"},
    (40, 3, 2): {"mixed"},
}


def test_kinds_of_pairs() -> None:
    first = Patient((30, 2, 1))
    for values, kinds in KINDS.items():
        for pair in ((first, Patient(values)), (Patient(values), first)):
            assert kinds_of(STUDY, Dilemma("x", *pair, "drawn")) == kinds, values


def test_people_flip_as_their_answers_say() -> None:
    rates = people_flips(STUDY)
    # 7 of 7 smoothed by half an answer each way; the others lie in the intervals of people's own
    # answers by kind of pair (.174 [.141, .208], .204 [.165, .241], .066 [.044, .091], .50 [.42,
    # .58]).
    assert rates["same"] == 7.5 / 8
    assert 0.141 < rates["mixed"] < 0.208 and 0.165 < rates["tied"] < 0.241
    assert 0.044 < rates["all"] < 0.091
    assert 0.42 < rates["near"] < 0.58
    # 62 people, four questions in which each patient is better placed in something:
    # coins 9, 25, 9, 20 of 62 (questions 4, 9, 11, 15).
    fixed = people_flips(load_study("mcelfresh_2021_fixed"))
    assert fixed["mixed"] == pytest.approx((9 + 25 + 9 + 20) / 4 / 62)
    assert math.isnan(fixed["same"]) and math.isnan(fixed["near"]) and math.isnan(fixed["all"])
    assert all(math.isnan(one) for one in people_flips(load_study("freedman_2020")).values())
