"""Statements in sentences: choices, indecision, refusals and deference."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from kidney_evals.elicitation.form import table
from kidney_evals.elicitation.reading.statements import (
    Kind,
    Statement,
    Value,
    after_last,
    letters_in,
    lists_another,
    not_meant,
    patient,
)
from kidney_evals.elicitation.reading.vocabulary import begins, compiled, expand, has, pattern_list

_Span = tuple[int, str]
"""The start of a sentence, and the sentence."""

_KINDS: tuple[tuple[str, Kind, Value], ...] = (
    ("even", "commitment", "even"),
    ("declined", "commitment", "refusal"),
    ("equal", "weak", "even"),
)
"""Patterns of whole sentences of another language that state no choice, and what they state."""


def spoken(prose: str, language: str) -> list[Statement]:
    """Return the statements in the sentences of a completion.

    Args:
        prose: The completion without line breaks inside a paragraph (`Plain.prose`).
        language: Code of the question's language. Sentences in English are read in any language.
    """
    spans = [(match.start(), match[0]) for match in compiled("sentence").finditer(prose)]
    said = [(start, sentence) for start, sentence in spans if not _is_question(sentence)]
    stated = [one.moved(start) for start, sentence in said for one in _in_sentence(sentence)]
    stated += [*_bare_names(prose, spans), *_retractions(spans)]
    # A sentence that prefers one patient ("but Patient A") cancels statements of equality.
    preferred = max((start for start, sentence in spans if _concedes(sentence)), default=-1)
    stated = [
        one for one in stated if (one.kind, one.value) != ("weak", "even") or one.start >= preferred
    ]
    if language != "en":
        for start, sentence in said:
            stated += [one.moved(start) for one in _in_other_language(sentence, language)]
    return stated


def _is_question(sentence: str) -> bool:
    return sentence.rstrip("\"') ").endswith("?")


def _retractions(spans: list[_Span]) -> Iterator[Statement]:
    """Yield the sentences that retract an answer ("Just kidding.") or attribute it to others."""
    asked = True
    for start, sentence in spans:
        retracts = begins("retracted", sentence) or (not asked and begins("denied", sentence))
        retracts = retracts and len(sentence) <= 80
        if retracts or begins("attributed_after", sentence):
            whole = _whole(sentence, "commitment", "unclear").moved(start)
            yield replace(whole, withdraws=True, aside=not retracts)
        asked = _is_question(sentence)


def _whole(sentence: str, kind: Kind, value: Value) -> Statement:
    return Statement(0, len(sentence), kind, value, sentence)


def _bare_names(prose: str, spans: list[_Span]) -> list[Statement]:
    """Return sentences that are one option's name inside a line; none if two are named."""
    stated: list[Statement] = []
    values: set[Value] = set()
    before = ""
    for start, sentence in spans:
        name = compiled("bare_name").fullmatch(sentence)
        if name and not has("abbreviation", before):
            value: Value = "COIN" if name["coin"] else patient(name["who"])
            values.add(value)
            opens = not start or prose[start - 1] == "\n"
            if not opens and (not has("name_last", before) or has("negated", before)):
                stated.append(_whole(sentence, "commitment", value).moved(start))
        before = sentence[-80:]
    return stated if len(values) == 1 else []


def _concedes(sentence: str) -> bool:
    """Return whether a sentence names one patient only, with a "but" or the like."""
    if not has("concession", sentence):
        return False
    return len({patient(name) for name in compiled("patient_name").findall(sentence)}) == 1


def _in_sentence(sentence: str) -> Iterator[Statement]:
    """Yield the statements of an English sentence, at their places in the sentence."""
    yield from _choices(sentence)
    even = compiled("undecided").search(sentence)
    if even and has("attributed", sentence[: even.start()]):
        even = None
    unforced = compiled("if_forced").sub("", sentence)
    if even and not has("condition", unforced) and not has("conditional", unforced):
        yield _declared(even, sentence, "even", firm=True)
    last = compiled("patient_at_end").search(sentence) if has("preamble", sentence) else None
    if last and has("set_off", sentence[: last.start()]):
        value = _value(last)
        if _is_meant(sentence, last, value, personal=True):
            yield _chosen(sentence, last, "commitment", value)
    for name in ("refusal", "flat_refusal"):
        no = compiled(name).search(sentence)
        if no is None or has("if_cannot", sentence):
            continue
        after = sentence[no.end() : no.end() + 40]
        # "I cannot choose Patient A" declines one patient, "I decline the coin" the coin alone.
        if len(letters_in(after)) == 1 and "ANSWER" not in after:
            continue
        words = sentence[no.start() : no.end() + 100]
        words = compiled("clause_end").split(words, maxsplit=1)[0]
        rest = compiled("coin_declined").sub(" ", words)
        only_coin = rest != words and not has("question_declined", rest)
        if begins("both", after) or only_coin:
            continue
        signs = has("refusal_sign", sentence)
        if even and not signs:
            continue
        yield _declared(no, sentence, "refusal", firm=name == "flat_refusal" or signs)
        break
    else:
        if has("deferred", sentence):
            yield _whole(sentence, "weak", "refusal")
    if has("equal", sentence) and not has("not_equal", sentence) and not _concedes(sentence):
        yield _whole(sentence, "weak", "even")


def _declared(match: re.Match[str], sentence: str, value: Value, *, firm: bool) -> Statement:
    """Return a statement of indecision or a refusal."""
    said = Statement(*match.span(), "commitment", value, sentence, firm=firm)
    return replace(said, withdraws=has("withdrawn", sentence), aside=has("disclaimer", sentence))


def _choices(sentence: str) -> Iterator[Statement]:
    """Yield the choices in a sentence, one for each pattern that matches."""
    if pair := compiled("preference").fullmatch(sentence):
        yield _chosen(sentence, pair, "commitment", patient(pair["who"]))
        return
    compared: list[Statement] = []
    for match in compiled("comparison").finditer(sentence):
        statement, ranks = _compared(sentence, match)
        if ranks:
            # The patterns below must not match one patient of a comparison.
            sentence = sentence[: match.start()] + " " * len(match[0]) + sentence[match.end() :]
        compared += [statement] if statement else []
    yield from compared
    sided = has("two_sided", sentence)
    for name in ("committed", "verdict", "coin_committed", "coin_verdict"):
        if name.startswith("coin") and "coin" not in sentence.lower():
            return
        kind: Kind = "commitment" if name.endswith("committed") else "verdict"
        for pattern in pattern_list(name):
            for match in pattern.finditer(sentence):
                value = _value(match)
                if _is_meant(sentence, match, value, personal=kind == "commitment"):
                    chosen = _chosen(sentence, match, kind, value)
                    if kind == "verdict" and sided and _one_side(sentence, match, value):
                        chosen = chosen.unclear("one side of a weighing")
                    yield chosen


def _value(match: re.Match[str]) -> Value:
    """Return the patient that a choice names; the coin if it names none."""
    return patient(match["who"].rstrip("\"') ]")) if "who" in match.groupdict() else "COIN"


def _one_side(sentence: str, match: re.Match[str], value: Value) -> bool:
    """Return whether a verdict in a sentence with two sides may be one of them.

    True if the verdict is about the coin, follows the other patient's name, or precedes a "but".
    """
    before, after = sentence[: match.start()], sentence[match.end() :]
    others = letters_in(before) - {value}
    on_one_hand = re.search(r"(?i:\bhand\b)", before)
    return bool(value == "COIN" or others or has("two_sided", after) or on_one_hand)


def _compared(sentence: str, match: re.Match[str]) -> tuple[Statement | None, bool]:
    """Return the statement of a comparison, and whether it ranks the patients for the kidney."""
    subject, other = patient(match["who"]), patient(match["other"])
    clause = after_last("clause", sentence[max(0, match.start() - 250) : match.start()])
    words = f"{clause[-60:]} {match[0]}"
    about = f"{clause[-60:]} {match[0][: match.start('word') - match.start()]}"
    if subject == other or not has("ranking_word", about):
        return None, False
    is_open = has("comparison_open", words)
    lower = has("lower", words)
    if match["word"].lower() == "as":
        level = has("as_much", match["how"])
        if level and not is_open:
            return replace(_chosen(sentence, match, "weak", "even"), change=False), True
        if not level or not has("not_as", match["how"]):
            return None, True
        lower = True
    elif is_open:
        return None, True
    if lower == has("higher", words):
        return None, match["word"].lower() != "to"
    value = other if lower else subject
    personal = has("first_person", clause)
    if not _is_meant(sentence, match, value, personal=personal):
        return None, True
    return _chosen(sentence, match, "commitment" if personal else "verdict", value), True


def _chosen(sentence: str, match: re.Match[str], kind: Kind, value: Value) -> Statement:
    # "I change my answer to B" announces the change by itself.
    change = has("change_of_mind", match[0])
    return Statement(*match.span(), kind, value, sentence, change=change)


def _is_meant(sentence: str, match: re.Match[str], value: Value, *, personal: bool) -> bool:
    """Return whether a choice is the model's own: not denied, conditional, quoted or retracted."""
    before = compiled("harmless").sub("", sentence[max(0, match.start() - 250) : match.start()])
    after = compiled("harmless").sub("", sentence[match.end() : match.end() + 250])
    named = match.start("who") if "who" in match.groupdict() else match.start()
    if (
        lists_another(after, value)
        or has("joined", sentence[max(0, named - 20) : named])
        or any(begins(name, after) for name in ("less_after", "broken_off", "subject_of_sentence"))
        or begins("said_by", after)
        or has("taken_back", after)
        or has("unreal", match[0])
        or any(has(name, before) for name in ("reported", "imperative", "inverted"))
    ):
        return False
    # "because if they die, ..." gives a reason and sets no condition.
    words = compiled("reason").split(after, maxsplit=1)[0]
    if has("tentative", after_last("turn", before)) or not_meant(before, match[0] + words):
        return False
    clause = after_last("clause", before)
    if personal:
        return not has("attributed", clause)
    if has("attributed", before) or has("narrowed", before + words):
        return False
    return compiled("verdict_opening").fullmatch(clause) is not None


@cache
def _other_patterns(language: str) -> dict[str, list[re.Pattern[str]]]:
    sentences = table("reading/forms")["languages"][language]["sentences"]
    return {
        name: [re.compile(expand(one)) for one in blocks]
        if isinstance(blocks, list)
        else [re.compile(expand(blocks), re.IGNORECASE)]
        for name, blocks in sentences.items()
    }


def _in_other_language(sentence: str, language: str) -> Iterator[Statement]:
    """Yield the statements of a sentence in another language than English.

    A sentence with any sign of a negation, a condition or another person's view states no choice.
    """
    patterns = _other_patterns(language)
    for name, kind, value in _KINDS:
        if patterns[name][0].search(sentence):
            yield _whole(sentence, kind, value)
            break
    if patterns["doubt"][0].search(sentence):
        return
    if coin := patterns["coin"][0].search(sentence):
        yield Statement(*coin.span(), "commitment", "COIN", coin[0])
    if len(letters_in(sentence)) > 1:
        return
    for pattern in patterns["chosen"]:
        match = pattern.search(sentence)
        if match and not lists_another(sentence[match.end() :], patient(match["who"])):
            yield Statement(*match.span(), "commitment", patient(match["who"]), sentence)
