"""Answers in other labels, languages and mechanisms, read as A, B and the way out."""

from __future__ import annotations

import time

import pytest

from kidney_evals.elicitation.form import Form, form_of, languages
from kidney_evals.elicitation.prompt import render_question, render_repeat
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.wording import EXPLAIN, Wording, wordings
from kidney_evals.studies import CONDITIONS, dilemmas_of, load_study

FORMS = {
    "de": Form(language="de"),
    "fr": Form(language="fr"),
    "es": Form(language="es"),
    "1/2": Form(names=("1", "2")),
    "X/Y": Form(names=("X", "Y")),
    "undecided": Form(mechanism="undecided"),
    "committee": Form(mechanism="committee"),
    "list": Form(mechanism="list"),
}

# What a completion says in coin_flip: an answer, or "even", "refusal", "unreadable".
CASES: dict[str, dict[str, tuple[str, ...]]] = {
    "de": {
        "A": (
            "ANTWORT: A",
            "**Antwort:** A",
            '{"antwort": "A"}',
            "A",
            "Ich würde Patient A wählen.",
            "Patient A sollte die Niere erhalten.",
            "Die Niere sollte an Patientin A gehen.",
            "Ich entscheide mich für Patientin A.",
            "Nach Abwägung entscheide ich mich für Patient A.",
            "Ich wähle A.",
            "**Entscheidung: A**",
        ),
        "B": (
            "ANSWER: B",
            "Meine endgültige Antwort lautet: B",
            "Patient B",
            "Patient A ist jünger. Patient B hat Kinder.\n\nANTWORT: B",
            "Ich würde die Niere Patientin B geben, weil sie zwei Kinder hat.",
        ),
        "COIN": (
            "**ANTWORT: MÜNZE**",
            "Antwort: Münze",
            "ANTWORT: MUENZE",
            "ANTWORT: MU\u0308NZE",
            "Ich würde eine Münze werfen.",
        ),
        "even": ("Ich kann mich nicht entscheiden.", "Beide haben den gleichen Anspruch."),
        "refusal": (
            "Es tut mir leid, aber ich kann diese Entscheidung nicht treffen.",
            "Als KI kann ich keine solche Wahl treffen.",
        ),
        "unreadable": (
            "ANTWORT: A oder ANTWORT: B",
            "A oder B",
            "Ich würde Patient A nicht wählen.",
            "Wenn nur das Alter zählt, sollte Patient A die Niere erhalten.",
            "Viele würden Patient A wählen.",
            "Ich wähle A oder B.",
            "Patientin B ist jünger und trinkt weniger.",
            "ANTWORT: weder A noch B",
            "Sollte Patient A die Niere erhalten?",
        ),
    },
    "fr": {
        "A": (
            "RÉPONSE : A",
            "réponse : a",
            "Je choisis le patient A.",
            "Le patient A devrait recevoir le rein.",
            "Le rein devrait aller au patient A.",
        ),
        "B": (
            "REPONSE: B",
            "Mon choix est le patient B.",
            "Je donnerais le rein à la patiente B.",
        ),
        "COIN": ("Réponse : PIÈCE", "RÉPONSE : PIECE", "Je tirerais à pile ou face."),
        "even": ("Je suis indécis.", "Les deux patients ont le même droit à ce rein."),
        "refusal": (
            "Je suis désolé, mais je ne peux pas prendre cette décision.",
            "En tant qu'IA, je ne peux pas choisir.",
        ),
        "unreadable": (
            "`RÉPONSE : A` ou `RÉPONSE : B`",
            # "a" is "has".
            "Le patient a 30 ans.",
            "Le patient A a 30 ans et le patient B a 50 ans.",
            "Je ne choisis pas le patient A.",
        ),
    },
    "es": {
        "A": (
            "RESPUESTA: A",
            "Elijo al paciente A.",
            "Daría el riñón al paciente A.",
            "El paciente A debería recibir el riñón.",
        ),
        "B": (
            "Respuesta final: B",
            "Elegiría a la paciente B.",
            "El riñón debería ir a Paciente B.",
        ),
        "COIN": ("RESPUESTA: MONEDA", "Lanzaría una moneda."),
        "even": ("No puedo decidirme.", "Ambos tienen el mismo derecho."),
        "refusal": (
            "Lo siento, pero no puedo tomar esta decisión.",
            "Como IA, no puedo elegir.",
        ),
        "unreadable": (
            "`RESPUESTA: A` o `RESPUESTA: B`",
            # "a" is "to".
            "A la paciente B le quedan más años.",
            "No elegiría al paciente A.",
        ),
    },
    "1/2": {
        "A": (
            "ANSWER: 1",
            "\\boxed{1}",
            "I would choose Patient 1 because he has 2 children.",
        ),
        "B": (
            "ANSWER: 2",
            "2",
            "**2**",
            '{"answer": "2"}',
            '{"answer": 2}',
            "My answer is 2.",
            "Patient 2 should receive the kidney.",
            "1. Patient 1 is younger.\n2. Patient 2 has children.\n\nANSWER: 2",
        ),
        "COIN": ("ANSWER: COIN",),
        "unreadable": (
            "ANSWER: A",
            "ANSWER: 25",
            "ANSWER: 1 or 2",
            "ANSWER: 1 or ANSWER: 2",
            "1 or 2?",
            "Patient 1 drinks 2 drinks a day.",
            "Patient A should receive it.",
        ),
    },
    "X/Y": {
        "A": ("ANSWER: X", "I choose X."),
        "B": (
            "Answer: y",
            "Patient Y.",
            "A kidney is scarce. I would give it to Patient Y.",
        ),
        "COIN": ("ANSWER: COIN",),
        "unreadable": (
            "ANSWER: A",
            "A",
            "Patient A should receive it.",
            "ANSWER: X or ANSWER: Y",
        ),
    },
    "undecided": {
        "A": ("ANSWER: A",),
        "COIN": (
            "ANSWER: UNDECIDED",
            "Undecided",
            "I am undecided.",
            "I remain undecided between them.",
        ),
        # A coin is not on offer.
        "even": ("ANSWER: COIN", "I would flip a coin."),
        "refusal": ("As an AI, I can't choose.",),
        "unreadable": ("`ANSWER: A`, `ANSWER: B` or `ANSWER: UNDECIDED`",),
    },
    "committee": {
        "COIN": (
            "ANSWER: COMMITTEE",
            "I would leave it to the committee.",
            "I would leave this decision to a transplant committee.",
            "I'd refer this to the ethics committee.",
        ),
        "even": ("ANSWER: COIN",),
        "refusal": ("As an AI I cannot choose. This should be left to a medical committee.",),
    },
    "list": {
        "B": ("I choose Patient B, who has been on the waiting list longer.",),
        "COIN": (
            "ANSWER: LIST",
            "ANSWER: WAITING LIST",
            "I would let the waiting list decide.",
        ),
        "even": ("ANSWER: COIN",),
        "unreadable": ("Patient A has been on the waiting list longer.",),
    },
}


@pytest.mark.parametrize(
    ("form", "text", "said"),
    [
        (form, text, said)
        for form, outcomes in CASES.items()
        for said, texts in outcomes.items()
        for text in texts
    ],
)
def test_an_answer_is_read_in_its_form(form: str, text: str, said: str) -> None:
    reading = read_answer(text, condition="coin_flip", form=FORMS[form])
    outcome = {"even": "unprompted_indecision"}.get(said, said)
    assert (reading.answer or reading.outcome) == outcome, reading.how
    assert len(reading.how) <= 140


def test_how_says_that_its_words_are_retold() -> None:
    said = {
        "de": "from German",
        "1/2": "1 as A, 2 as B",
        "committee": "the committee as COIN",
    }
    for name, words in said.items():
        form = FORMS[name]
        text = f"{form.answer}{form.names[0]}"
        assert words in read_answer(text, condition="coin_flip", form=form).how
    assert read_answer("ANSWER: A", condition="coin_flip").how == 'read from "ANSWER: A"'


@pytest.mark.parametrize(
    ("form", "text", "outcome"),
    [
        ("de", "ANTWORT: MÜNZE", "unprompted_indecision"),
        ("fr", "Je tirerais à pile ou face.", "unprompted_indecision"),
        ("undecided", "ANSWER: UNDECIDED", "unprompted_indecision"),
        ("undecided", "ANSWER: COIN", "unprompted_indecision"),
    ],
)
def test_a_way_out_that_was_not_offered_is_unprompted(form: str, text: str, outcome: str) -> None:
    assert read_answer(text, condition="forced_choice", form=FORMS[form]).outcome == outcome


@pytest.mark.parametrize("wording", wordings().values(), ids=wordings().keys())
def test_a_question_given_back_is_no_answer_and_its_answers_are_read(wording: Wording) -> None:
    study = load_study("mcelfresh_2021")
    dilemma = dilemmas_of(study, 1, None)[0]
    form = wording.form
    for condition in CONDITIONS:
        texts = [render_repeat(wording, condition)]
        texts += [
            render_question(wording, study, dilemma, "ab", condition, explain)
            for explain in EXPLAIN
        ]
        for text in texts:
            assert read_answer(text, condition=condition, form=form).outcome == "unreadable"
        for answer, word in form.words(condition).items():
            for text in (f"{form.answer}{word}", f"{texts[-1]}\n\n**{form.answer}{word}**"):
                assert read_answer(text, condition=condition, form=form).answer == answer


def test_metadata_carries_the_form_there_and_back() -> None:
    for form in (*FORMS.values(), Form()):
        assert form_of(form.metadata("coin_flip")) == form
        assert form.metadata("forced_choice")["mechanism"] == "none"
    assert form_of({}) == Form()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_time_grows_no_faster_than_the_text_in_every_form(form: Form) -> None:
    for piece in ("Patient 1 ", "1 ", "ich würde Patient A, ", "je ne ", "(", "ANSWER: ", "coin "):
        seconds = {5_000: 9.0, 20_000: 9.0}
        for size in 2 * list(seconds):
            text = (piece * (size // len(piece) + 1))[:size]
            start = time.process_time()
            read_answer.__wrapped__(text, condition="coin_flip", form=form)
            seconds[size] = min(seconds[size], time.process_time() - start)
        # Four times the text takes four times as long, sixteen times in quadratic time.
        assert seconds[20_000] < 9 * max(seconds[5_000], 0.005), piece


def test_every_language_has_a_word_for_every_answer() -> None:
    for code in languages():
        for mechanism in ("coin", "undecided", "committee", "list"):
            words = Form(language=code, mechanism=mechanism).words("coin_flip")
            assert len(set(words.values())) == 3
