"""Probes: the shipped table, a user's own table, and the questions of the design."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from kidney_evals.elicitation.probes import (
    check_probe,
    probe_asked,
    probe_line,
    probe_questions,
    probes,
    read_probes,
)
from kidney_evals.elicitation.prompt import render_question
from kidney_evals.elicitation.wording import wordings
from kidney_evals.errors import UserError
from kidney_evals.studies import Dilemma, Patient, load_study

STUDY = load_study("mcelfresh_2021")
DILEMMA = Dilemma("d000", Patient((30, 1, 2)), Patient((60, 5, 0)), "drawn")

OWN = """
- id: religion
  label: Religion
  levels:
    - {id: christian, texts: [Christian]}
    - {id: muslim, texts: [Muslim]}
"""


def test_the_shipped_probes() -> None:
    assert list(probes()) == ["gender", "ethnicity", "insurance", "names", "names_gender"]
    names, genders = probes()["names"].levels, probes()["names_gender"].levels
    # A name meets a name of the same gender, or of the same group: of the 36 names of the audit,
    # 9 of each group and gender.
    women, groups = set(genders[0].texts), [set(level.texts) for level in names]
    for pair in zip(*(level.texts for level in names), strict=True):
        assert len({name in women for name in pair}) == 1
    for pair in zip(*(level.texts for level in genders), strict=True):
        assert len({name in groups[0] for name in pair}) == 1
    assert [len(group & women) for group in groups] == [9, 9]
    assert sorted(groups[0] | groups[1]) == sorted(women | set(genders[1].texts))


@pytest.mark.parametrize("name", probes())
@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_every_level_is_as_often_on_every_side(name: str, condition: str) -> None:
    probe = probes()[name]
    pairs = len(probe.levels) * (len(probe.levels) - 1) // 2
    # A multiple of the pairs, of the texts and of the four orders in which questions are put.
    count = pairs * len(probe.levels[0].texts) * 4
    asked = [probe_questions(probe, index, condition) for index in range(count)]  # type: ignore[arg-type]
    assert {len(questions) for questions in asked} == {6 if condition == "coin_flip" else 4}
    for questions in asked:
        unequal = [one for one in questions if one.levels[0] != one.levels[1]]
        # Both assignments in both orders, with the same two texts.
        assert len({(one.order, one.levels) for one in unequal}) == 4
        assert len({frozenset(one.texts) for one in unequal}) == 1
        equal = [one for one in questions if one not in unequal]
        assert len({one.order for one in equal}) == len({one.levels for one in equal}) == len(equal)
        for one in equal:
            level = next(each for each in probe.levels if each.id == one.levels[0])
            # With several texts the two candidates have two of them.
            assert len(set(one.texts)) == min(2, len(level.texts))
    shown = Counter(
        (side, one.metadata[f"probe_{side}"]) for each in asked for one in each for side in "ab"
    )
    assert len(set(shown.values())) == 1, shown
    orders = Counter(
        (one.order, one.levels) for each in asked for one in each if len(set(one.levels)) == 1
    )
    assert len(set(orders.values())) <= 1, orders
    suffixes = {one.id_suffix for one in asked[0]}
    assert len(suffixes) == (4 if condition == "coin_flip" else 2)


@pytest.mark.parametrize("name", [one.id for one in wordings().values() if one.language == "en"])
def test_the_line_is_the_last_of_both_candidates(name: str) -> None:
    wording = wordings()[name]
    plain = render_question(wording, STUDY, DILEMMA, "ab", "forced_choice")
    swapped = [
        render_question(wording, STUDY, DILEMMA, "ab", "forced_choice", probe=("Region", *texts))
        for texts in (("north", "south"), ("south", "north"))
    ]
    for text in swapped:
        # Only the probe's words are new, after all other attributes.
        lines = [line for line in text.split("\n") if line not in plain.split("\n")]
        assert len(lines) == (1 if wording.is_table else 2), lines
        for line in lines if not wording.is_table else ():
            assert line.rstrip(".)").endswith(("north", "south"))
        assert text.lower().count("region") == len(lines)
    turned = swapped[0].replace("north", "§").replace("south", "north").replace("§", "south")
    assert turned == swapped[1]


def test_an_own_table(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    own = probe_asked(str(path))
    assert own.level_ids == ("christian", "muslim") and probe_asked(f"{path}#religion") == own
    question = probe_questions(own, 0, "forced_choice")[0]
    assert probe_line(question.metadata) == ("Religion", "Christian", "Muslim")
    # Another text gives another sample id, so that a merged log mixes no versions.
    other = next(iter(read_probes(OWN.replace("[Muslim]", "[Hindu]")).values()))
    assert probe_questions(other, 0, "forced_choice")[0].id_suffix != question.id_suffix
    path.write_text(OWN + OWN.replace("id: religion", "id: belief"), encoding="utf-8")
    with pytest.raises(UserError, match=r"has 2 probes; ask for one: .*own.yaml#religion"):
        probe_asked(str(path))
    with pytest.raises(UserError, match=r"unknown probe of .*'faith'; allowed: religion, belief"):
        probe_asked(f"{path}#faith")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("id: religion", "id: Religion", "must have at most 20 small letters"),
        ("[Muslim]", "[Muslim, Hindu]", "must have as many texts in one level as in every other"),
        ("[Muslim]", "[christian]", "has the text 'christian' twice"),
        ("[Muslim]", "[]", "must have at least 1 entries"),
        ("[Muslim]", "[A]", "must have two characters or more"),
        ("[Muslim]", '["ANSWER: A"]', "must hold no answer line"),
        ("[Muslim]", '["<b>Muslim"]', "must hold no markup"),
        ("[Muslim]", '["Mus\\u200blim"]', "holds the hidden character U+200B"),
        ("id: muslim", "id: christian", "used twice"),
        ("label: Religion", "name: Religion", "label is missing"),
        ("    - {id: muslim, texts: [Muslim]}\n", "", "must have at least 2 entries"),
    ],
)
def test_a_table_that_is_refused(old: str, new: str, says: str) -> None:
    assert old in OWN
    with pytest.raises(UserError) as caught:
        read_probes(OWN.replace(old, new))
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("age", "unknown probe 'age'; allowed: gender, ethnicity, insurance, names, "),
        ("none/there.yaml", "there is no table of probes at 'none/there.yaml'"),
        (3, "probe must be a name or a path, not 3"),
        ("", "probe must be a name or a path, not ''"),
    ],
)
def test_no_such_probe(value: object, says: str) -> None:
    with pytest.raises(UserError) as caught:
        probe_asked(value)
    assert says in str(caught.value)


def test_a_probe_needs_words_and_a_label_of_its_own() -> None:
    (age,) = read_probes(OWN.replace("label: Religion", "label: AGE")).values()
    with pytest.raises(UserError, match="has the label 'AGE', as has the attribute 'age'"):
        check_probe(age, STUDY, [wordings()["default"]])
    german = next(one for one in wordings().values() if one.language == "de")
    with pytest.raises(UserError, match=r"has words in English only, and the wording .* is in de"):
        check_probe(probes()["gender"], STUDY, [german])
