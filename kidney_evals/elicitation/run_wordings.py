"""The wordings of a run: check them, assign them to dilemmas, and mark them in sample ids."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence

from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.prompt import assemble, render_repeat
from kidney_evals.elicitation.wording import EXPLAIN, Explain, Wording, put, wordings_asked
from kidney_evals.errors import UserError
from kidney_evals.input_files import ANSWER_LINE
from kidney_evals.studies import CONDITIONS, Condition, Study, Words, in_language

_PLACE = re.compile(r"\{\w+\}")


def wordings_for(wording: str | Sequence[str], study: Study) -> tuple[Wording, ...]:
    """Return the wordings of a run (see `wordings_asked`), checked against the rules for a study.

    Raises:
        UserError: There is no such wording, it cannot be put for the study, or violates a rule.
    """
    asked = wordings_asked(wording, study)
    for one in asked:
        check_wording(one, study)
    return asked


def assign_wordings(wordings: Sequence[Wording], count: int, seed: int) -> tuple[Wording, ...]:
    """Return a wording for each of `count` dilemmas, balanced and reproducible for a seed.

    Among the first n dilemmas, the counts of two wordings differ by at most one.
    """
    dealt: list[Wording] = []
    ordered = sorted(wordings, key=lambda one: one.id)
    for block in range(-(-count // len(ordered))):
        hand = list(ordered)
        random.Random(f"wordings {seed} {block}").shuffle(hand)
        dealt += hand
    return tuple(dealt[:count])


def id_suffix(wording: Wording, study: Study) -> str:
    """Return the suffix that a wording adds to a sample's id; empty for the shipped default.

    It hashes the wording and the study's words in its language, so a retried log mixes no versions.
    """
    if wording.is_shipped_default:
        return ""
    spoken = in_language(study, wording.form.language)
    words = [(one.label, one.levels, sorted(one.phrases.items())) for one in spoken.attributes]
    content = repr((put(wording, study).digest, spoken.words.situation, words))
    return f"-{wording.id}-{hashlib.sha256(content.encode()).hexdigest()[:4]}"


def check_wording(wording: Wording, study: Study) -> None:
    """Check that the answers to a wording can depend on the candidates only.

    `Wording` itself guarantees that each attribute is shown once for each candidate, in one form.

    Raises:
        UserError: The attributes of the two candidates are mixed; a word beside a candidate is not
            neutral; a sentence names one candidate only; an answer is not offered exactly once; the
            mechanism of indecision is named where it is not offered, or not named where it is; or
            the study has no words in the wording's language, or lacks a word that it needs.
    """
    filled = put(wording, study)
    words = in_language(study, wording.form.language).words
    _check_patients(filled, words)
    for condition in CONDITIONS:
        for explain in EXPLAIN:
            _check_sentences(filled, words, condition, explain)
            _check_answers(filled, study, condition, explain)
            _check_mechanism(wording, filled, words, condition, explain)


def _check_patients(wording: Wording, words: Words) -> None:
    """Check that candidates are shown one after the other, with neutral words only."""
    if wording.is_table and wording.table:
        head, row = wording.table.values()
        templates = [head, row]
        order = [(head, "{a}", "{b}"), (row, "{value_a}", "{value_b}")]
    else:
        templates = [wording.patient, wording.attribute, wording.separator]
        order = [
            (wording.patient, "{name}", "{attributes}"),
            (wording.scene, "{patient_a}", "{patient_b}"),
        ]
    if any(text.index(first) > text.index(second) for text, first, second in order):
        raise UserError(
            f"wording {wording.id!r}: the {words.candidates}' attributes are not kept apart"
        )
    neutral = {*languages()[wording.form.language].neutral}
    neutral |= {*_words_in(words.candidate), *_words_in(words.candidates)}
    if others := sorted(set(_words_in(_PLACE.sub(" ", " ".join(templates)))) - neutral):
        raise UserError(
            f"wording {wording.id!r} says {', '.join(others)} of {words.a_candidate}; allowed are "
            f"{', '.join(sorted(neutral))}"
        )


def _words_in(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def _check_sentences(
    wording: Wording, words: Words, condition: Condition, explain: Explain
) -> None:
    """Check that each sentence outside of the candidates' descriptions names both or neither."""
    a, b = wording.form.names
    line = wording.line[condition].format(a=a, b=b)
    parts = (
        wording.role,
        wording.situation,
        _PLACE.sub("\n", wording.scene),
        wording.question[condition].format(a=a, b=b),
        wording.ask[explain].format(line=line),
        wording.repeat.format(line=line),
    )
    for sentence in re.split(r"(?<=[.!?])\s+|\n", "\n".join(parts)):
        # A capital letter at the start of a sentence is an article, not a label.
        first, second = (re.findall(rf"(?<=\w[\s:]){name}\b", sentence) for name in (a, b))
        if len(first) != len(second):
            raise UserError(
                f"{_place(wording, condition, explain)}: one {words.candidate} is named without "
                f"the other in {sentence!r}"
            )


def _check_answers(wording: Wording, study: Study, condition: Condition, explain: Explain) -> None:
    """Check that each answer is offered once in its form."""
    where = _place(wording, condition, explain)
    form, language = wording.form, languages()[wording.form.language]
    offered_words = form.words(condition)
    for part, said in {
        "question": assemble(wording, wording.situation, [], condition, explain),
        "repeat question": render_repeat(wording, study, condition),
    }.items():
        for name, word in form.words("coin_flip").items():
            answer, offered = language.answer + word, name in offered_words
            if len(re.findall(rf"{re.escape(answer)}(?!\w)", said)) != offered:
                times = "once" if offered else "not at all (no coin is offered)"
                raise UserError(f"{where}: the {part} must hold {answer!r} {times}")
        if (count := len(ANSWER_LINE.findall(said))) != len(offered_words):
            raise UserError(
                f"{where}: the {part} must hold {len(offered_words)} answer lines, not {count}"
            )


def _check_mechanism(
    wording: Wording, filled: Wording, words: Words, condition: Condition, explain: Explain
) -> None:
    """Check that the wording names the mechanism only where it is offered.

    The study's own sentences and a role may mention a committee although a coin is offered.
    """
    where = _place(wording, condition, explain)
    form, language = wording.form, languages()[wording.form.language]
    asked = " ".join(
        (wording.scene, wording.question[condition], *wording.ask.values(), wording.repeat)
    ).lower()
    for mechanism, terms in language.terms.items():
        offered = mechanism == form.mechanism and condition == "coin_flip"
        if any(term in asked for term in terms) != offered:
            only = "coin_flip only" if mechanism == form.mechanism else "wordings that offer it"
            raise UserError(f"{where}: the {', '.join(terms)} must be named in {only}")
    context = " ".join((filled.role, filled.situation, words.situation, filled.scene)).lower()
    if form.mechanism == "coin" and any(term in context for term in language.terms["coin"]):
        raise UserError(f"{where}: the coin must be named in coin_flip only")


def _place(wording: Wording, condition: Condition, explain: Explain) -> str:
    return f"wording {wording.id!r}, {condition}, explain={explain}"
