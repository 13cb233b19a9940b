"""Extract the reply to a dilemma from a transcript, without Inspect Scout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ContentReasoning

from kidney_evals.elicitation.channels import ANSWER, Channel, known_channel
from kidney_evals.elicitation.form import Form, form_of
from kidney_evals.elicitation.reading import read_answer, read_message, split_hidden, tell_objects
from kidney_evals.reasons.codes import Choice, Codes
from kidney_evals.reasons.lexical import code_reply
from kidney_evals.studies import CONDITIONS, Dilemma, Patient, Study, load_study

_MARKS = ("study", "condition", "dilemma", "order", "kind", "wording")


@dataclass(frozen=True)
class Reply:
    """The reply to a dilemma; `a` and `b` are the patients shown first and second."""

    study: Study
    dilemma: Dilemma  # the two patients as listed
    a: Patient
    b: Patient
    choice: Choice  # the answer as parsed
    form: Form
    answer: str  # the visible reply, including its answer line
    reasoning: str  # the model's reasoning, as far as the transcript holds it
    marks: Mapping[str, str]  # the sample's study, condition, dilemma, order, kind and wording

    def codes(self) -> Codes:
        """Return the codes by the lexical rules."""
        dilemma = (self.study, self.a, self.b, self.choice)
        return code_reply(self.answer, self.reasoning, *dilemma, form=self.form)


def reply_of(
    messages: Sequence[ChatMessage], metadata: Mapping[str, Any], scores: Mapping[str, Any]
) -> Reply | None:
    """Return the reply in a sample's transcript; None for a sample that asked for no choice.

    Args:
        messages: The messages of the transcript.
        metadata: The sample's metadata.
        scores: The sample's scores by scorer, as objects or as JSON. Without a score of
            `human_alignment`, the answer is parsed again.

    Raises:
        UserError: The study does not exist.
    """
    if metadata.get("condition") not in CONDITIONS or "study_source" not in metadata:
        return None
    # A sample of `predict_people` has a dilemma, too, and is asked what people chose.
    if "drawn_dilemmas" in metadata:
        return None
    study = load_study(metadata["study_source"])
    if any(f"{side}_{name}" not in metadata for side in "ab" for name in study.attribute_ids):
        return None
    dilemma = study.dilemma_from(metadata)
    a, b = dilemma.shown(metadata["order"])
    form, channel = form_of(metadata), known_channel(metadata.get("channel", "text"))
    turns = [one for one in messages if isinstance(one, ChatMessageAssistant)]
    parts = [_parts(one, channel, form) for one in turns]
    answer, reasoning = ("\n\n".join(part[i] for part in parts if part[i]) for i in (0, 1))
    given: Any = None
    if (score := scores.get("human_alignment")) is not None:
        given = score.get("answer") if isinstance(score, Mapping) else score.answer
    elif turns:
        read = partial(read_answer, condition=metadata["condition"], form=form)
        given = read_message(turns[-1], read, channel, form).answer
    choice: Choice = given if given in ("A", "B", "COIN") else "none"
    marks = {name: str(metadata.get(name, "")) for name in _MARKS}
    return Reply(study, dilemma, a, b, choice, form, answer, reasoning, marks)


def _parts(message: ChatMessageAssistant, channel: Channel, form: Form) -> tuple[str, str]:
    """Return the visible text and the reasoning of a message."""
    contents = [] if isinstance(message.content, str) else message.content
    # Redacted reasoning holds no readable text.
    hidden = [
        (one.summary or "") if one.redacted else one.reasoning
        for one in contents
        if isinstance(one, ContentReasoning)
    ]
    parts = split_hidden(tell_objects(message.text, form) if channel == "json" else message.text)
    visible = [
        parts.visible.strip(),
        *(
            f"{form.answer}{value}" if name == ANSWER else value
            for call in message.tool_calls or []
            for name, value in call.arguments.items()
            if isinstance(value, str)
        ),
    ]
    return "\n\n".join(filter(None, visible)), "\n\n".join([*hidden, parts.hidden]).strip()
