"""Train low-rank adapters with TRL: from a folder of samples to a folder with an adapter.

A run works in `OUT.unfinished`, which holds a checkpoint of every pass. OUT appears once all its
files are complete.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from kidney_evals.errors import UserError, unknown
from kidney_evals.finetuning.base import base_place, load_model, load_tokenizer
from kidney_evals.finetuning.data import CARD, TrainingData, sha256_of
from kidney_evals.finetuning.environment import (
    check_extra,
    first_line,
    load_env,
    quiet,
    versions,
)
from kidney_evals.finetuning.settings import Settings
from kidney_evals.finetuning.template import check_template
from kidney_evals.finetuning.training_report import Training, passes_of, write_report
from kidney_evals.output_files import check_new_folder, new_folder

DEVICES: Final = ("cuda", "mps", "cpu")
"""The devices, in order of preference."""

_SILENCE: Final = 20.0
"""Seconds between progress reports within a long pass."""


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

    The loss covers the answers with their end token, not the questions. After each pass the loss
    on the held-out samples is computed; the result is the adapter with the lowest held-out loss.

    Args:
        data: The samples.
        base: The base model: a folder or a Hub id.
        out: Folder of the adapter; it must be empty or not exist yet.
        settings: The settings.
        samples: Number of training samples; None for all samples.
        device: "cpu", "cuda" or "mps"; None for the best available device.
        resume: Whether to continue an unfinished run with the same settings.
        say: Called with each line of progress.

    Raises:
        UserError: A package is missing; the base, the samples or a setting is not suitable; the
            disk or the memory is full; the run was interrupted.
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
    check_new_folder(out)
    place = base_place(base)
    where = _device(device)
    state = {
        "base": place,
        "data": sha256_of(data.folder / CARD),
        "samples": count,
        "settings": asdict(settings),
        "device": where,
    }
    quiet()
    tokenizer = load_tokenizer(place)
    for line in check_template(tokenizer, place, (*data.train[:count], *data.heldout)):
        say(line)
    work = unfinished(out)
    with _begun(work, state, resume) as checkpoint, _failures_explained(work):
        torch = import_module("torch")
        half = where == "cuda" and torch.cuda.is_bf16_supported()
        model = load_model(place, dtype=torch.bfloat16 if half else torch.float32)
        trainer = _trainer(model, tokenizer, data, count, settings, work, where, say)
        lengths = [
            [len(row["input_ids"]) for row in part]
            for part in (trainer.train_dataset, trainer.eval_dataset)
        ]
        longest = max(max(part) for part in lengths)
        most = getattr(model.config, "max_position_embeddings", None)
        if most is not None and longest > most:
            raise UserError(f"the longest sample has {longest} tokens, and {place} reads {most}")
        begun = time.monotonic()
        trainer.train(resume_from_checkpoint=checkpoint)
        seconds = time.monotonic() - begun
        trained = [one.numel() for one in trainer.model.parameters() if one.requires_grad]
        training = Training(
            base=place,
            samples=count,
            settings=settings,
            data=data,
            device=_device_name(where),
            seconds=seconds,
            resumed=checkpoint is not None,
            tokens=sum(lengths[0]),
            longest=longest,
            peak_memory=int(torch.cuda.max_memory_allocated()) if where == "cuda" else None,
            trained_parameters=sum(trained),
            passes=passes_of(trainer.state.log_history),
            versions=versions(),
        )
        with new_folder(out) as folder:
            trainer.model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            training = write_report(training, folder)
    shutil.rmtree(work)
    kept, first = training.kept, training.passes[0]
    say(
        f"kept pass {kept.number} of {len(training.passes) - 1}: held-out loss "
        f"{kept.heldout_loss:.3f}, before training {first.heldout_loss:.3f}"
    )
    say(f"adapter in {out}, SHA-256 {training.adapter_sha256[:12]}, {seconds:.0f} s")
    return training


def unfinished(out: Path) -> Path:
    """Return the folder of an unfinished run."""
    return out.with_name(out.name + ".unfinished")


@contextmanager
def _begun(work: Path, state: dict[str, Any], resume: bool) -> Iterator[str | None]:
    """Lock the folder of an unfinished run, and return the checkpoint to continue from.

    A run that failed before the end of its first pass has no checkpoint, and is replaced.

    Raises:
        UserError: The folder holds another run, a run of another process, or no run.
    """
    if resume and not work.exists():
        raise UserError(f"there is no unfinished run at {work}: start it without --resume")
    known, lock = work / "run.json", FileLock(work / "lock")
    try:
        work.mkdir(parents=True, exist_ok=True)
        before = _state_of(known)
        if before is None and {one.name for one in work.iterdir()} - {known.name, "lock"}:
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
            if (was := (before or {}).get(name)) != value:
                raise UserError(
                    f"the unfinished run at {work} has another {name} ({was}); resume with what "
                    "it was started with, or delete it"
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
    # An incompletely written checkpoint lacks the file that is written last.
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
    prompted = [
        {
            "prompt": [dict(one) for one in example.messages[:-1]],
            "completion": [dict(example.messages[-1])],
        }
        for example in (*data.train[:count], *data.heldout)
    ]
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
        # Questions and answers are short: time matters more than memory.
        gradient_checkpointing=False,
        # No truncation: the longest sample is checked against the model's limit instead.
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
        train_dataset=rows(prompted[:count]),
        eval_dataset=rows(prompted[count:]),
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
            _progress(transformers.TrainerCallback, passes, say),
        ],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _progress(kind: Any, passes: int, say: Callable[[str], None]) -> Any:
    """Return a callback that reports each pass and, within long passes, the current step."""
    last_said = [time.monotonic()]

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **_: Any) -> None:
        if time.monotonic() - last_said[0] > _SILENCE:
            last_said[0] = time.monotonic()
            say(f"  step {state.global_step} of at most {state.max_steps}")

    def on_evaluate(
        self: Any, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any
    ) -> None:
        last_said[0] = time.monotonic()
        last = passes_of(state.log_history)[-1]
        loss = "" if last.number == 0 else f"loss {last.loss:.3f}, "
        say(f"pass {last.number} of at most {passes}: {loss}held-out loss {last.heldout_loss:.3f}")

    return type("_Progress", (kind,), {"on_evaluate": on_evaluate, "on_step_end": on_step_end})()


def _device(asked: str | None) -> str:
    torch = import_module("torch")
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if asked is None:
        return next(name for name in DEVICES if available[name])
    if asked not in DEVICES:
        raise unknown("device", asked, sorted(DEVICES))
    if not available[asked]:
        raise UserError(f"there is no {asked} device here")
    return asked


def _device_name(device: str) -> str:
    torch = import_module("torch")
    if device == "cuda":
        return f"cuda ({torch.cuda.get_device_name()})"
    return f"{device} ({torch.get_num_threads()} threads)" if device == "cpu" else device


@contextmanager
def _failures_explained(work: Path) -> Iterator[None]:
    """Convert an interruption, a full disk or full memory to an error that names remaining files.

    torch reports the latter two as a `RuntimeError`, recognisable only by its message.
    """
    unwritten = (OSError, import_module("safetensors").SafetensorError)
    try:
        yield
    except UserError:
        raise
    except KeyboardInterrupt:
        raise UserError(
            f"interrupted; no adapter was written, whole passes are kept in {work}: go on with "
            "the same command and --resume"
        ) from None
    except (*unwritten, RuntimeError, MemoryError) as error:
        why = first_line(error)
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
