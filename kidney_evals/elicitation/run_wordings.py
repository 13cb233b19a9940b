"""The wordings of a run: check them, assign them to dilemmas, and mark them in sample ids."""

import hashlib
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product

from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.prompt import assemble, render_repeat
from kidney_evals.elicitation.wording import (
    DEFAULT,
    EXPLAIN,
    Explain,
    Wording,
    put,
    wordings,
    wordings_asked,
)
from kidney_evals.errors import UserError
from kidney_evals.input_files import ANSWER_LINE
from kidney_evals.studies import (
    CONDITIONS,
    ENGLISH,
    Condition,
    Study,
    Words,
    in_language,
    study_names,
)

_PLACE = re.compile(r"\{\w+\}")


def wordings_for(wording: str | Sequence[str], study: Study) -> tuple[Wording, ...]:
    """Return the wordings of a run for a task's argument `wording` (see `wordings_asked`).

    Raises:
        UserError: The argument is not allowed, or a wording breaks a rule (`check_wording`).
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
    while len(dealt) < count:
        hand = sorted(wordings, key=lambda one: one.id)
        random.Random(f"wordings {seed} {len(dealt) // len(hand)}").shuffle(hand)
        dealt += hand
    return tuple(dealt[:count])


def id_suffix(wording: Wording, study: Study) -> str:
    """Return the suffix that a wording adds to a sample's id; empty for the shipped default.

    The suffix has a part of the wording's hash, so that a retried log mixes no versions of a
    wording.
    """
    if wording == wordings()[DEFAULT]:
        return ""
    return f"-{wording.id}-{_hash(wording, study)[:4]}"


def own_hashes(asked: Iterable[Wording], study: Study) -> dict[str, str]:
    """Return the hashes of the wordings that a user can change without a change of id, by id.

    These are the wordings that are not shipped and, if the study is the user's own, the wordings in
    another language than English.
    """
    own_study = study.source not in study_names()
    return {
        one.id: _hash(one, study)
        for one in asked
        if one.id not in wordings() or (own_study and one.language != ENGLISH)
    }


def _hash(wording: Wording, study: Study) -> str:
    """Return eight hexadecimal digits for the wording and the study's words in its language."""
    spoken = in_language(study, wording.form.language)
    words = [(one.label, one.levels, sorted(one.phrases.items())) for one in spoken.attributes]
    content = repr((put(wording, study).digest, spoken.words.situation, words))
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def check_wording(wording: Wording, study: Study) -> None:
    """Check that a wording follows the rules in `wordings.md`.

    `Wording` itself guarantees that each attribute is shown once for each candidate, in the same
    way.

    Raises:
        UserError: The wording breaks a rule, for example names one candidate alone or does not
            offer each answer once; or the study lacks a word or the language of the wording.
    """
    filled = put(wording, study)
    words = in_language(study, wording.form.language).words
    _check_patients(filled, words)
    for condition, explain in product(CONDITIONS, EXPLAIN):
        problems = chain(
            _sentence_problems(filled, words, condition, explain),
            _answer_problems(filled, study, condition, explain),
            _mechanism_problems(wording, filled, words, condition),
        )
        for problem in problems:
            raise UserError(f"wording {wording.id!r}, {condition}, explain={explain}: {problem}")


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


def _sentence_problems(
    wording: Wording, words: Words, condition: Condition, explain: Explain
) -> Iterator[str]:
    """Yield the sentences outside of the descriptions that name one candidate only."""
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
            yield f"one {words.candidate} is named without the other in {sentence!r}"


def _answer_problems(
    wording: Wording, study: Study, condition: Condition, explain: Explain
) -> Iterator[str]:
    """Yield the answers that are not offered once in their form."""
    offered = wording.form.words(condition)
    question = assemble(wording, wording.situation, [], condition, explain)
    repeat = render_repeat(wording, study, condition)
    for part, said in (("question", question), ("repeat question", repeat)):
        for name, word in wording.form.words("coin_flip").items():
            answer = wording.form.answer + word
            if len(re.findall(rf"{re.escape(answer)}(?!\w)", said)) != (name in offered):
                times = "once" if name in offered else "not at all (no coin is offered)"
                yield f"the {part} must hold {answer!r} {times}"
        if (count := len(ANSWER_LINE.findall(said))) != len(offered):
            yield f"the {part} must hold {len(offered)} answer lines, not {count}"


def _mechanism_problems(
    wording: Wording, filled: Wording, words: Words, condition: Condition
) -> Iterator[str]:
    """Yield the mechanisms that are named where they are not offered, or not where they are.

    The study's own sentences and a role may mention a committee although a coin is offered.
    """
    own, terms_of = wording.form.mechanism, languages()[wording.form.language].terms
    asked = " ".join(
        (wording.scene, wording.question[condition], *wording.ask.values(), wording.repeat)
    ).lower()
    for mechanism, terms in terms_of.items():
        offered = mechanism == own and condition == "coin_flip"
        if any(term in asked for term in terms) != offered:
            only = "coin_flip only" if mechanism == own else "wordings that offer it"
            yield f"the {', '.join(terms)} must be named in {only}"
    context = " ".join((filled.role, filled.situation, words.situation, filled.scene)).lower()
    if own == "coin" and any(term in context for term in terms_of["coin"]):
        yield "the coin must be named in coin_flip only"
