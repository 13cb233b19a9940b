"""Low-rank adapters trained with TRL, from a folder of samples to a folder with an adapter.

A run works in `OUT.unfinished`, which holds a checkpoint of every pass, and OUT appears once
everything in it is whole.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from kidney_evals.errors import UserError, unknown
from kidney_evals.finetuning.base import base_place, load_model, load_tokenizer
from kidney_evals.finetuning.data import Example, TrainingData
from kidney_evals.finetuning.environment import load_env
from kidney_evals.finetuning.extra import check_extra, quiet, versions
from kidney_evals.finetuning.settings import Settings
from kidney_evals.finetuning.template import check_template
from kidney_evals.finetuning.training_report import (
    Pass,
    Training,
    passes_of,
    sha256_of,
    write_report,
)
from kidney_evals.whole import check_new, whole_folder

DEVICES: Final = ("cpu", "cuda", "mps")

_STATE = "run.json"
_LOCK = "lock"

_SILENCE = 20.0
"""Seconds after which a long pass says how far it is."""


def train(
    data: TrainingData,
    base: str,
    out: Path,
    settings: Settings,
    *,
    samples: int | None = None,
    device: str | None = None,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> Training:
    """Train an adapter on the first samples of a folder.

    The loss is that of the answers alone, their end included; questions are context. After each
    pass the held-out samples are read, and the adapter kept is the one with their lowest loss.

    Args:
        data: The samples.
        base: The base model: a folder or a Hub id.
        out: Where the adapter goes; it must not exist yet, or be empty.
        settings: How to train.
        samples: How many of the samples; None for all.
        device: "cpu", "cuda" or "mps"; None for the best there is.
        resume: Whether to go on with an unfinished run of the same settings.
        say: What progress is told to, a line at a time.

    Returns:
        What was trained and how.

    Raises:
        UserError: A package is missing; the base, the samples or a setting will not do; the disk
            or the memory is full; the run was interrupted.
    """
    check_extra()
    load_env()
    count = len(data.train) if samples is None else samples
    if not 1 <= count <= len(data.train):
        raise UserError(
            f"{data.folder} holds {len(data.train)} training samples, so samples must be from 1 "
            f"to {len(data.train)}, not {count}"
        )
    if not data.heldout:
        raise UserError(f"{data.folder} has no held-out samples, which end the training in time")
    check_new(out)
    place = base_place(base)
    where = _device(device)
    state = {
        "base": place,
        "data": sha256_of(data.folder / "card.json"),
        "samples": count,
        "settings": settings.as_dict(),
        "device": where,
    }
    quiet()
    tokenizer = load_tokenizer(place)
    for line in check_template(tokenizer, place, (*data.train[:count], *data.heldout)):
        say(line)
    work = unfinished(out)
    with (
        _begun(work, state, resume) as checkpoint,
        _full_is_said(work),
        _interrupted_is_said(work),
    ):
        model = load_model(place, dtype=_dtype(where))
        trainer = _trainer(model, tokenizer, data, count, settings, work, where, say)
        _check_length(trainer, model, place)
        begun = time.monotonic()
        trainer.train(resume_from_checkpoint=checkpoint)
        seconds = time.monotonic() - begun
        told = Training(
            base=place,
            samples=count,
            settings=settings,
            data=data,
            device=_named(where),
            seconds=seconds,
            resumed=checkpoint is not None,
            tokens=_tokens_of_a_pass(trainer),
            longest=_longest(trainer),
            peak_memory=_peak_memory(where),
            trained_parameters=sum(p.numel() for p in model_parameters(trainer.model)),
            passes=passes_of(trainer.state.log_history),
            versions=versions(),
        )
        with whole_folder(out) as folder:
            trainer.model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            told = write_report(told, folder)
    shutil.rmtree(work)
    say(
        f"kept pass {told.kept.number} of {len(told.passes) - 1}: held-out loss "
        f"{told.kept.heldout_loss:.3f}, before training {told.passes[0].heldout_loss:.3f}"
    )
    say(f"adapter in {out}, SHA-256 {told.adapter_sha256[:12]}, {seconds:.0f} s")
    return told


def model_parameters(model: Any) -> list[Any]:
    """Return the parameters that training changes."""
    return [one for one in model.parameters() if one.requires_grad]


def unfinished(out: Path) -> Path:
    """Return the folder of a run that has not ended yet."""
    return out.with_name(out.name + ".unfinished")


@contextmanager
def _begun(work: Path, state: dict[str, Any], resume: bool) -> Iterator[str | None]:
    """Hold the folder of an unfinished run, and give the checkpoint to go on from.

    A run that failed before its first whole pass holds nothing, and gives way to the next.

    Raises:
        UserError: The folder is that of another run, of a run in another process, or of none.
    """
    if resume and not work.exists():
        raise UserError(f"there is no unfinished run at {work}: start it without --resume")
    known = work / _STATE
    lock = FileLock(work / _LOCK)
    try:
        work.mkdir(parents=True, exist_ok=True)
        before = _state_of(known)
        if before is None and {one.name for one in work.iterdir()} - {_STATE, _LOCK}:
            raise UserError(f"{work} is no unfinished run; delete it, or name another --out")
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"another process is training in {work}: wait for it, or name another --out"
        ) from None
    except OSError as error:
        raise UserError(f"cannot write {work} ({error.strerror or error})") from error
    try:
        checkpoint = _last_checkpoint(work)
        if checkpoint and not resume:
            raise UserError(f"an unfinished run is at {work}: go on with --resume, or delete it")
        for name, value in state.items() if checkpoint else ():
            if (before or {}).get(name) != value:
                raise UserError(
                    f"the unfinished run at {work} has another {name} ({(before or {}).get(name)})"
                    "; resume with what it was started with, or delete it"
                )
        if not checkpoint:
            try:
                for one in work.glob("checkpoint-*"):
                    shutil.rmtree(one)
                known.write_text(json.dumps(state, indent=2), encoding="utf-8")
            except OSError as error:
                raise UserError(f"cannot write {work} ({error.strerror or error})") from error
        yield str(checkpoint) if checkpoint else None
    finally:
        lock.release()


def _state_of(known: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(known.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _last_checkpoint(work: Path) -> Path | None:
    found = sorted(work.glob("checkpoint-*"), key=lambda one: int(one.name.split("-")[1]))
    # A checkpoint that was cut off while it was written lacks its last file.
    return next((one for one in reversed(found) if (one / "trainer_state.json").is_file()), None)


def _trainer(
    model: Any,
    tokenizer: Any,
    data: TrainingData,
    count: int,
    settings: Settings,
    work: Path,
    device: str,
    say: Callable[[str], None],
) -> Any:
    trl, peft, transformers = map(import_module, ("trl", "peft", "transformers"))
    rows = import_module("datasets").Dataset.from_list
    half = device == "cuda" and model.dtype == import_module("torch").bfloat16
    passes = settings.passes(count)
    arguments = trl.SFTConfig(
        output_dir=str(work),
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=settings.batch,
        num_train_epochs=passes,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        seed=settings.seed,
        data_seed=settings.seed,
        bf16=half,
        use_cpu=device == "cpu",
        # Short answers after short questions: memory is no concern, time is.
        gradient_checkpointing=False,
        # Nothing is ever cut off: the longest sample is checked against the model instead.
        max_length=None,
        completion_only_loss=True,
        eval_strategy="epoch",
        eval_on_start=True,
        save_strategy="epoch",
        logging_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        save_total_limit=2,
        disable_tqdm=True,
        report_to=[],
    )
    transformers.set_seed(settings.seed)
    import_module("torch").use_deterministic_algorithms(True, warn_only=True)
    trainer = trl.SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=rows(_rows(data.train[:count])),
        eval_dataset=rows(_rows(data.heldout)),
        processing_class=tokenizer,
        peft_config=peft.LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[
            transformers.EarlyStoppingCallback(early_stopping_patience=settings.patience),
            _teller(transformers.TrainerCallback, passes, say),
        ],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _rows(examples: Sequence[Example]) -> list[dict[str, list[dict[str, str]]]]:
    """Return examples as TRL takes them when only the answer is to be learnt."""
    return [
        {
            "prompt": [dict(one) for one in example.messages[:-1]],
            "completion": [dict(example.messages[-1])],
        }
        for example in examples
    ]


def _teller(kind: Any, passes: int, say: Callable[[str], None]) -> Any:
    """Return a callback that says a line after each pass, and in long ones now and then."""
    last_said = [time.monotonic()]

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        if time.monotonic() - last_said[0] > _SILENCE:
            last_said[0] = time.monotonic()
            say(f"  step {state.global_step} of at most {state.max_steps}")

    def on_evaluate(
        self: Any, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any
    ) -> None:
        last_said[0] = time.monotonic()
        told = passes_of(state.log_history)
        last = told[-1] if told else Pass(0, 0, float("nan"), float("nan"))
        loss = "" if last.number == 0 else f"loss {last.loss:.3f}, "
        say(f"pass {last.number} of at most {passes}: {loss}held-out loss {last.heldout_loss:.3f}")

    return type("_Teller", (kind,), {"on_evaluate": on_evaluate, "on_step_end": on_step_end})()


def _check_length(trainer: Any, model: Any, base: str) -> None:
    """Refuse samples that are longer than the model reads."""
    most = getattr(model.config, "max_position_embeddings", None)
    if most is not None and _longest(trainer) > most:
        raise UserError(
            f"the longest sample has {_longest(trainer)} tokens, and {base} reads {most}"
        )


def _longest(trainer: Any) -> int:
    return max(
        len(row["input_ids"])
        for part in (trainer.train_dataset, trainer.eval_dataset)
        for row in part
    )


def _tokens_of_a_pass(trainer: Any) -> int:
    return sum(len(row["input_ids"]) for row in trainer.train_dataset)


def _device(asked: str | None) -> str:
    torch = import_module("torch")
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if asked is None:
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if asked not in DEVICES:
        raise unknown("device", asked, DEVICES)
    if not there[asked]:
        raise UserError(f"there is no {asked} device here")
    return asked


def _peak_memory(device: str) -> int | None:
    torch = import_module("torch")
    return int(torch.cuda.max_memory_allocated()) if device == "cuda" else None


def _dtype(device: str) -> Any:
    torch = import_module("torch")
    half = device == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if half else torch.float32


def _named(device: str) -> str:
    torch = import_module("torch")
    if device == "cuda":
        return f"cuda ({torch.cuda.get_device_name()})"
    return f"{device} ({torch.get_num_threads()} threads)" if device == "cpu" else device


@contextmanager
def _full_is_said(work: Path) -> Iterator[None]:
    """Turn a full disk or memory into a line that says what is left.

    torch tells both by a `RuntimeError` and its words alone.
    """
    unwritten = (OSError, import_module("safetensors").SafetensorError)
    try:
        yield
    except UserError:
        raise
    except (*unwritten, RuntimeError, MemoryError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        if isinstance(error, MemoryError) or "out of memory" in why.lower():
            raise UserError(
                f"the memory is full ({why}); take a smaller batch or a smaller base"
            ) from error
        if isinstance(error, unwritten) or "write" in why.lower():
            raise UserError(
                f"cannot write {work} ({why}); no adapter was written: make room, then go on "
                "with --resume"
            ) from error
        raise


@contextmanager
def _interrupted_is_said(work: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise UserError(
            f"interrupted; no adapter was written, whole passes are kept in {work}: go on with "
            "the same command and --resume"
        ) from None
