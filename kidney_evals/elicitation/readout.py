"""The probability readout: the distribution over the answers from one call; see `readout.md`."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from inspect_ai.model import GenerateConfig, Logprob, ModelOutput

from kidney_evals.elicitation.form import Form, table
from kidney_evals.elicitation.reading import Answer, Reading
from kidney_evals.errors import UserError, check_known
from kidney_evals.studies import Condition

ReadoutMode = Literal["sample", "logprobs", "prefill"]
"""How an answer is obtained.

- `sample`: the sampled text is read.
- `logprobs`: the probabilities of all answers are read at the start of the reply.
- `prefill`: the answer line is begun for the model, and the probabilities are read after it.
"""

LEAST_INSIDE = 0.5
"""Minimum total probability of the answers at which a `logprobs` readout is used."""

LEAST_BEGUN = 0.1
"""Minimum total probability of the answers at which a `prefill` readout is used.

It is lower than `LEAST_INSIDE`, because there is no text to read instead.
"""

NO_LOGPROBS = (
    "the answer came without log-probabilities, so the run was stopped; use readout=sample, or a "
    "model and server that give them"
)
"""Error that ends a run when an answer has no log-probabilities."""

_BLANK_FIRST = (
    "a blank is likelier than all answers, which then are the second token; take another wording, "
    "or readout=logprobs"
)

_SLACK = 0.01
"""Rounding tolerance: how far the probabilities at one position may sum above 1."""

_AROUND = " \t\n*_`'\"([{<>"
"""Characters before an answer that are not part of a word."""

_REMEDY = "readout=sample reads what the model writes"


@dataclass(frozen=True, slots=True)
class Readout:
    """The probabilities of the answers in one call."""

    chances: Mapping[Answer, float]  # as shown, summing to 1; empty with `trouble` or if all is 0
    outside: float  # of all other tokens, at the run's temperature; NaN with `trouble`
    other: str = ""  # the most probable token that begins neither an answer nor the answer line
    short: str = ""  # a note if fewer tokens were listed than answers were offered
    trouble: str = ""  # why the list is not a distribution and cannot be used
    least: float = LEAST_INSIDE  # minimum total probability of the answers

    @property
    def is_usable(self) -> bool:
        """Whether the answers' total probability is at least `least`; False with `trouble`."""
        return self.outside <= 1 - self.least


def options(readout: str) -> GenerateConfig:
    """Return the generation options that a readout needs; none for `sample`."""
    if readout == "sample":
        return GenerateConfig()
    # After a begun line the first token decides.
    limit = 1 if readout == "prefill" else None
    return GenerateConfig(logprobs=True, top_logprobs=table("readout")["top"], max_tokens=limit)


def unreadable_word(tokenizer: Any, form: Form, condition: Condition) -> str:
    """Return the first answer word that cannot be read after a begun answer line; empty if all can.

    Only the first token after the line is read. It must spell the word, or begin it and no other.

    Args:
        tokenizer: The tokenizer of a local model.
        form: The form of the answer.
        condition: The condition, which determines the offered answers.
    """
    words: dict[Answer, str] = form.words(condition)  # type: ignore[assignment]
    label = form.answer.rstrip()
    start = len(tokenizer.encode(label, add_special_tokens=False))
    for answer, word in words.items():
        tokens = tokenizer.encode(f"{label} {word}", add_special_tokens=False)
        if _spelled(tokenizer.decode(tokens[start : start + 1]), words) != answer:
            return word
    return ""


def check_readout(readout: str, explain: str, channel: str) -> None:
    """Raise `UserError` if a readout is unknown or does not allow this `explain` or `channel`."""
    check_known("readout", readout, get_args(ReadoutMode))
    for name, value, only in (("explain", explain, "none"), ("channel", channel, "text")):
        if readout != "sample" and value != only:
            raise UserError(
                f"readout={readout} reads the answer where the reply begins and needs "
                f"{name}={only}, not {value}"
            )


def check_provider(model: str, readout: str) -> None:
    """Check that a model can be used with a readout other than `sample`.

    Args:
        model: The model's name (`provider/name`).
        readout: `logprobs` or `prefill`.

    Raises:
        UserError: The model is known to return no log-probabilities, or, for `prefill`, its
            provider is not known to continue a begun answer.
    """
    provider, _, name = model.partition("/")
    if provider == "none":
        return  # Inspect's name for no model, as after an evaluation whose tasks have their own
    pattern = table("readout")["lacks"].get(provider)
    if pattern is not None and re.match(pattern, name):
        which = f"{model} gives" if pattern else f"{provider} models give"
        raise UserError(f"readout={readout}: {which} no log-probabilities; use readout=sample")
    continues = table("readout")["continues"]
    if readout == "prefill" and provider not in continues:
        raise UserError(
            f"readout=prefill: {provider} is not known to continue a begun answer, as "
            f"{', '.join(continues)} do; use readout=logprobs or sample"
        )


def lacks_logprobs(output: ModelOutput) -> bool:
    """Return whether an output has text but no listed alternatives to its tokens."""
    if not output.choices or not output.choices[0].message.text.strip():
        return False
    return not any(token.top_logprobs for token in _tokens(output))


def read_probabilities(
    output: ModelOutput,
    condition: Condition,
    form: Form,
    temperature: float | None = None,
    *,
    begun: bool = False,
) -> Readout | None:
    """Return the answers' probabilities from the log-probabilities of an output.

    An answer may begin at several positions of the text. The position with the largest total
    probability of the answers is used. If this total is below `LEAST_INSIDE`, a position whose
    listed probabilities are no distribution takes precedence; `trouble` says why they are none.

    Returns None if no position lists tokens or, unless `begun`, if no listed token spells an
    answer.

    Args:
        output: The output of one call.
        condition: The condition, which determines the offered answers.
        form: The form of the answer.
        temperature: The temperature of the call; None for the default, taken as 1.
        begun: Whether the answer line was begun for the model. Then only the first token is read.
    """
    words: dict[Answer, str] = form.words(condition)  # type: ignore[assignment]
    if begun:
        token = next(iter(_tokens(output)), None)
        if token is None or (readout := _at(token, words, "", temperature)) is None:
            return None
        readout = replace(readout, least=LEAST_BEGUN)
        blank = sum(math.exp(logprob) for text, logprob in _listed(token) if not _bare(text))
        if not readout.trouble and blank > max(1 - readout.outside, LEAST_BEGUN):
            # The model writes the blank before an answer as a token of its own.
            return replace(readout, chances={}, outside=math.nan, trouble=_BLANK_FIRST)
        return readout
    label = _bare(form.answer).rstrip(": ")
    best: Readout | None = None
    malformed: Readout | None = None
    text = ""
    for token in _tokens(output):
        before = _bare(text).rstrip(": ")
        if not label.startswith(before):
            break
        # An answer can begin only before or after the whole label, not within it.
        if before in ("", label):
            readout = _at(token, words, label, temperature)
            if readout is not None and readout.trouble:
                malformed = readout
            elif readout is not None and (best is None or readout.outside < best.outside):
                best = readout
        text += token.token
    return best if malformed is None or (best is not None and best.is_usable) else malformed


def final_reading(reading: Reading, readout: Readout | None, *, begun: bool = False) -> Reading:
    """Return a sample's final reading from the reading of its text and its readout.

    A usable readout decides: the answer is the most probable answer. Without a usable readout, a
    decision in the text counts as unreadable.

    Args:
        reading: The reading of the text.
        readout: The readout; None if no probabilities could be read.
        begun: Whether the answer line was begun for the model. Then a truncated text without a
            usable readout is unreadable, too.
    """
    if readout is not None and readout.is_usable:
        shares = ", ".join(f"{name} {share:.3f}" for name, share in readout.chances.items())
        which = "the most probable answer" + " after the begun line" * begun
        how = f"{which}, not a drawn one ({shares}; outside {readout.outside:.3f}){readout.short}"
        # A tie goes to the answer offered first.
        answer = max(readout.chances, key=lambda name: readout.chances[name])
        return Reading("decision", answer, how)
    if readout is None:
        how = f"no listed token spells an answer where the answer line begins; {_REMEDY}"
    else:
        rest = f"; the likeliest other token is {readout.other}" if readout.other else ""
        how = readout.trouble or (
            f"the answers hold {1 - readout.outside:.2f} of the first token's probability "
            f"together, and {readout.least:.2f} are needed{rest}{readout.short}; {_REMEDY}"
        )
    if reading.outcome == "decision" or (begun and reading.outcome == "truncated"):
        return Reading("unreadable", None, how)
    if reading.outcome in ("unreadable", "truncated") and readout is not None:
        return replace(reading, how=how)
    return reading


def _at(
    token: Logprob, words: Mapping[Answer, str], label: str, temperature: float | None
) -> Readout | None:
    """Sum the probabilities of the alternatives at one position, by the answer that each spells."""
    listed = _listed(token)
    if not listed:
        return None
    if trouble := _trouble(token, listed):
        return Readout({}, math.nan, trouble=trouble)
    # A probability of 1 may be rounded to a logarithm just above 0.
    logprobs = [min(logprob, 0.0) for _, logprob in listed]
    top = max(logprobs)

    def weight_of(logprob: float) -> float:
        if temperature is not None and temperature <= 0:
            return float(logprob >= top)
        return math.exp((logprob - top) / (1.0 if temperature is None else temperature))

    # Treat the unlisted probability as a single alternative, since its distribution is unknown.
    missing = 1.0 - sum(map(math.exp, logprobs))
    total = weight_of(math.log(missing)) if missing > 1e-9 else 0.0
    inside = dict.fromkeys(words, 0.0)
    others = [(0.0, "")]
    for (text, _), weight in zip(listed, map(weight_of, logprobs), strict=True):
        total += weight
        answer = _spelled(text, words)
        if answer is not None:
            inside[answer] += weight
        elif not label.startswith(_bare(text).rstrip(": ")):
            others.append((weight, text))
    held = sum(inside.values())
    if not held > 0 and label:
        return None
    weight, text = max(others)
    short, count = "", len(token.top_logprobs or ())
    if count < len(words):
        tokens = "1 token was" if count == 1 else f"{count} tokens were"
        short = f"; {tokens} listed, fewer than the {len(words)} answers offered"
    return Readout(
        {name: value / held for name, value in inside.items()} if held > 0 else {},
        outside=min(max(1 - held / total, 0.0), 1.0),
        other=f"{text!r} ({weight / total:.2f})" if weight > 0 else "",
        short=short,
    )


def _listed(token: Logprob) -> list[tuple[str, float]]:
    """Return the alternatives at a position with the sampled token; empty if none are listed."""
    listed = [(one.token, one.logprob) for one in token.top_logprobs or ()]
    drawn = token.token
    for text, logprob in listed:
        # Some servers encode blanks differently in the sampled token and in the listed tokens.
        alike = _bare(text) == _bare(drawn) and math.isclose(logprob, token.logprob, abs_tol=1e-6)
        if alike or _blank(text) == _blank(drawn):
            return listed
    return [*listed, (drawn, token.logprob)] if listed and drawn else listed


def _trouble(token: Logprob, listed: Sequence[tuple[str, float]]) -> str:
    """Return why a list of alternatives is not a distribution; empty for a distribution."""
    for text, logprob in listed:
        if math.isnan(logprob) or logprob > _SLACK:
            return f"the log-probability of {text!r} is {logprob:g}, which is none"
    seen: set[tuple[str, tuple[int, ...]]] = set()
    for one in token.top_logprobs or ():
        # Parts of a multi-byte character have the same text and differ only in their bytes, which
        # not every server returns.
        name = (one.token, tuple(one.bytes or ()))
        if name in seen and "\ufffd" not in one.token:
            return f"the list of log-probabilities holds {one.token!r} twice"
        seen.add(name)
    total = sum(math.exp(logprob) for _, logprob in listed)
    if total > 1 + _SLACK:
        return f"the listed probabilities sum to {total:.2f}, more than 1"
    return "" if total else "every listed probability is 0"


def _spelled(token: str, words: Mapping[Answer, str]) -> Answer | None:
    """Return the answer that a token spells or begins; None unless exactly one answer matches.

    The label after the last one begins no word: after A and B, `C` is a third label, not a `COIN`.
    """
    bare = _bare(token).rstrip(".,:;!*_`'\")]}>\n ")
    last = words["B"].casefold()
    if not bare or (len(last) == 1 and bare == chr(ord(last) + 1)):
        return None
    whole = [name for name, word in words.items() if word.casefold() == bare]
    begun = whole or [name for name, word in words.items() if word.casefold().startswith(bare)]
    return begun[0] if len(begun) == 1 else None


def _bare(text: str) -> str:
    return _blank(text).strip(_AROUND).casefold()


def _blank(text: str) -> str:
    # Some tokenisers show a space as a special character.
    return text.replace("▁", " ").replace("Ġ", " ")


def _tokens(output: ModelOutput) -> Sequence[Logprob]:
    logprobs = output.choices[0].logprobs if output.choices else None
    return logprobs.content if logprobs else ()
