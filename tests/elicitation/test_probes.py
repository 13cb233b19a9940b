"""Probes: the shipped table, a user's own table, and the questions of the design."""

from collections import Counter
from pathlib import Path

import pytest

from elicitation.cases import DILEMMA, STUDY
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
from kidney_evals.studies import CONDITIONS, Condition
from tasks.running import refused

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
    for levels, alike in ((names, women), (genders, groups[0])):
        for pair in zip(*(level.texts for level in levels), strict=True):
            assert len({name in alike for name in pair}) == 1
    assert [len(group & women) for group in groups] == [9, 9]
    assert sorted(groups[0] | groups[1]) == sorted(women | set(genders[1].texts))


@pytest.mark.parametrize("name", probes())
@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_level_is_as_often_on_every_side(name: str, condition: Condition) -> None:
    probe, coin = probes()[name], condition == "coin_flip"
    pairs = len(probe.levels) * (len(probe.levels) - 1) // 2
    # A multiple of the pairs, of the texts and of the four orders in which questions are put.
    texts = len(probe.levels[0].texts)
    asked = [probe_questions(probe, index, condition) for index in range(pairs * texts * 4)]
    for questions in asked:
        unequal = [one for one in questions if one.levels[0] != one.levels[1]]
        # Both assignments in both orders, with the same two texts.
        assert len(unequal) == len({(one.order, one.levels) for one in unequal}) == 4
        assert len({frozenset(one.texts) for one in unequal}) == 1
        equal = [one for one in questions if one not in unequal]
        assert len(equal) == 2 * coin
        assert len({one.order for one in equal}) == len({one.levels for one in equal}) == len(equal)
        # With several texts the two candidates have two of them.
        assert all(len(set(one.texts)) == min(2, texts) for one in equal)
    every = [one for questions in asked for one in questions]
    shown = Counter((side, one.metadata[f"probe_{side}"]) for one in every for side in "ab")
    assert len(set(shown.values())) == 1, shown
    orders = Counter((one.order, one.levels) for one in every if len(set(one.levels)) == 1)
    assert len(set(orders.values())) <= 1, orders
    assert len({one.id_suffix for one in asked[0]}) == (4 if coin else 2)


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
    other = read_probes(OWN.replace("[Muslim]", "[Hindu]"))["religion"]
    assert probe_questions(other, 0, "forced_choice")[0].id_suffix != question.id_suffix
    path.write_text(OWN + OWN.replace("id: religion", "id: belief"), encoding="utf-8")
    refused(probe_asked, {"value": str(path)}, f"has 2 probes; ask for one: {path}#religion")
    refused(probe_asked, {"value": f"{path}#faith"}, "'faith'; allowed: religion, belief")


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
    refused(read_probes, {"data": OWN.replace(old, new)}, says)


def test_no_such_probe() -> None:
    for value, says in [
        ("age", "unknown probe 'age'; allowed: gender, ethnicity, insurance, names, "),
        ("none/there.yaml", "there is no table of probes at 'none/there.yaml'"),
        (3, "probe must be a name or a path, not 3"),
        ("", "probe must be a name or a path, not ''"),
    ]:
        refused(probe_asked, {"value": value}, says)


def test_a_probe_needs_words_and_a_label_of_its_own() -> None:
    (age,) = read_probes(OWN.replace("label: Religion", "label: AGE")).values()
    with pytest.raises(UserError, match="has the label 'AGE', as has the attribute 'age'"):
        check_probe(age, STUDY, [wordings()["default"]])
    with pytest.raises(UserError, match=r"has words in English only, and the wording .* is in de"):
        check_probe(probes()["gender"], STUDY, [wordings()["german"]])
