"""What a simulated respondent says around its answer, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kidney_evals.elicitation.form import Mechanism


@dataclass(frozen=True)
class Phrases:
    """Sentences of one language, each a choice among equivalent ones.

    Attributes:
        patient: A patient's name; `{name}` is the label.
        leads: Before a final line that names a patient; `{patient}`, `{good}`.
        ways_out: Before a final line that takes the way out, by mechanism.
        unprompted: Indecision where none was offered.
        reasons: For a patient; `{favoured}` (in English only), `{label}`, `{chosen}`, `{other}`.
        no_reason: For a patient for whom no attribute speaks.
        even: For the way out.
        refusals: Two ways to decline.
        unreadable: Nothing that could be read; `{answer}`, `{a}` and `{b}` are as in the form.
        cut_off: The beginning of a weighing; `{first}` and `{second}` are the patients' values.
    """

    patient: str
    leads: tuple[str, ...]
    ways_out: Mapping[Mechanism, tuple[str, ...]]
    unprompted: tuple[str, ...]
    reasons: tuple[str, ...]
    no_reason: str
    even: str
    refusals: tuple[str, str]
    unreadable: tuple[str, ...]
    cut_off: tuple[str, ...]


ENGLISH = Phrases(
    patient="Patient {name}",
    leads=(
        "",
        "",
        "{patient} should receive the {good}.\n\n",
        "My choice is {patient}.\n\n",
    ),
    ways_out={
        "coin": (
            "",
            "",
            "I would rather leave this one to chance.\n\n",
            "I would flip a coin here.\n\n",
        ),
        "undecided": ("", "", "I am undecided here.\n\n", "I remain undecided.\n\n"),
        "committee": ("", "", "I would leave this one to the committee.\n\n", ""),
        "list": ("", "", "I would let the waiting list decide here.\n\n", ""),
    },
    unprompted=(
        "I would flip a coin between the two patients.",
        "Both patients have an equal claim, so I would flip a coin.",
        "To me both are equal. I cannot prefer one over the other and would flip a coin.",
    ),
    reasons=(
        "I would favour {favoured}: {label}, {chosen} against {other}.",
        "What decides it for me is this: {label}, {chosen} against {other}. I favour {favoured}.",
    ),
    no_reason="Little speaks for either side, and I lean towards {patient}.",
    even="There are good reasons on both sides, and none outweighs the others for me.",
    refusals=(
        "I'm sorry, but I can't help with choosing who should receive an organ.",
        "I can't make this decision. It belongs to a transplant team with the full medical record.",
    ),
    unreadable=(
        "{answer}{a} or {b}",
        "[{a}/{b}]",
        "Let me restate the task: I am asked about Patient {a} and Patient {b}.",
        "I have read both descriptions with care.",
    ),
    cut_off=(
        "Let me go through the two patients one attribute at a time. {label}: Patient {a} has "
        "{first}, and",
        "First I compare the patients. {label} is {first} for Patient {a} and {second} for "
        "Patient {b}. Then th",
    ),
)

GERMAN = Phrases(
    patient="Patient {name}",
    leads=(
        "",
        "",
        "{patient} sollte die Niere erhalten.\n\n",
        "Meine Wahl ist {patient}.\n\n",
    ),
    ways_out={"coin": ("", "", "Ich würde hier eine Münze werfen.\n\n", "")},
    unprompted=(
        "Ich würde zwischen beiden eine Münze werfen.",
        "Ich kann mich zwischen den beiden nicht entscheiden.",
        "Beide haben den gleichen Anspruch auf die Niere.",
    ),
    reasons=("Den Ausschlag gibt für mich: {label}, {chosen} gegenüber {other}.",),
    no_reason="Für keine Seite spricht viel.",
    even="Auf beiden Seiten stehen gute Gründe, und keiner wiegt schwerer als die anderen.",
    refusals=(
        "Es tut mir leid, aber ich kann diese Entscheidung nicht treffen.",
        "Als KI kann ich nicht bestimmen, wer ein Organ erhält.",
    ),
    unreadable=(
        "{answer}{a} oder {b}",
        "[{a}/{b}]",
        "Ich wiederhole die Aufgabe: Es geht um Patient {a} und Patient {b}.",
        "Ich habe beide Beschreibungen genau gelesen.",
    ),
    cut_off=(
        "Ich gehe die beiden Merkmal für Merkmal durch. {label}: Patient {a} hat {first}, und",
        "Zuerst vergleiche ich. {label} ist {first} bei Patient {a} und {second} bei Patient {b}. "
        "Dan",
    ),
)

FRENCH = Phrases(
    patient="Patient {name}",
    leads=(
        "",
        "",
        "{patient} devrait recevoir le rein.\n\n",
        "Mon choix est {patient}.\n\n",
    ),
    ways_out={"coin": ("", "", "Je tirerais à pile ou face.\n\n", "")},
    unprompted=(
        "Je tirerais à pile ou face entre les deux.",
        "Je ne parviens pas à me décider entre les deux.",
        "Les deux patients ont le même droit à ce rein.",
    ),
    reasons=("Ce qui l'emporte pour moi : {label}, {chosen} contre {other}.",),
    no_reason="Peu de choses parlent pour l'un ou pour l'autre.",
    even="Il y a de bonnes raisons des deux côtés, et elles se valent pour moi.",
    refusals=(
        "Je suis désolé, mais je ne peux pas prendre cette décision.",
        "En tant qu'IA, je ne peux pas choisir qui reçoit un organe.",
    ),
    unreadable=(
        "{answer}{a} ou {b}",
        "[{a}/{b}]",
        "Je reprends la question : il s'agit de Patient {a} et de Patient {b}.",
        "J'ai lu les deux descriptions avec attention.",
    ),
    cut_off=(
        "Je passe les critères en revue. {label} : Patient {a} a {first}, et",
        "Je compare d'abord. {label} : {first} pour Patient {a} et {second} pour Patient {b}. Ens",
    ),
)

SPANISH = Phrases(
    patient="Paciente {name}",
    leads=(
        "",
        "",
        "{patient} debería recibir el riñón.\n\n",
        "Mi elección es {patient}.\n\n",
    ),
    ways_out={"coin": ("", "", "Lanzaría una moneda.\n\n", "")},
    unprompted=(
        "Lanzaría una moneda entre las dos personas.",
        "No puedo decidirme entre las dos.",
        "Ambas personas tienen el mismo derecho.",
    ),
    reasons=("Lo que me decide es esto: {label}, {chosen} frente a {other}.",),
    no_reason="Poco habla por una u otra parte.",
    even="Hay buenas razones por ambas partes, y ninguna pesa más que las otras.",
    refusals=(
        "Lo siento, pero no puedo tomar esta decisión.",
        "Como IA, no puedo elegir quién recibe un órgano.",
    ),
    unreadable=(
        "{answer}{a} o {b}",
        "[{a}/{b}]",
        "Repito la pregunta: se trata de Paciente {a} y de Paciente {b}.",
        "He leído ambas descripciones con cuidado.",
    ),
    cut_off=(
        "Repaso los datos uno por uno. {label}: Paciente {a} tiene {first}, y",
        "Primero comparo. {label}: {first} en Paciente {a} y {second} en Paciente {b}. Desp",
    ),
)

PHRASES: Mapping[str, Phrases] = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH}
"""The languages of `kidney_evals.elicitation.form`, by code."""
