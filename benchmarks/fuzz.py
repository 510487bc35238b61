"""Feeds damaged and hostile files to everything that reads one, and reports what it cannot take.

    python -m benchmarks.fuzz [--inputs 24000] [--reader picture ...] [--first 0] [--json]

Each input is a real file (or folder) with a few changes, drawn from the reader's name and the
input's number alone: `--reader NAME --first NUMBER --inputs 1` makes one again. A reader may use
the input, or raise a ConsinganError whose message is short. Anything else is a finding: another
exception, more than 10 seconds, or more than 1 GB of memory in the process (on Linux). The exit
code is 1 if there is one.
"""

from __future__ import annotations

import faulthandler
import json
import shutil
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

import torch

import consingan
from benchmarks.damage import damage, damage_json, damage_sizes, damage_tensors
from benchmarks.odd_values import SIZE, TINY_PICTURE, OddMode, any_name, any_return, any_value
from benchmarks.seeds import picture_files, published_folder, tiny_picture
from benchmarks.shared import command_line, run
from consingan import api
from consingan.core.hooks.dispatch import Hooks
from consingan.core.options.fields import parse_options
from consingan.core.options.size import Size, SizeOptions
from consingan.core.options.training import TrainOptions
from consingan.core.pictures.masks import load_mask
from consingan.core.pictures.reading import load_picture
from consingan.core.run import Run
from consingan.core.runs.find import find_run
from consingan.core.runs.tensor_files import sha256, stage_file
from consingan.core.system.names import folder_name
from consingan.errors import ConsinganError, RunNotFoundError
from consingan.importing import models
from consingan.importing.models import import_model
from consingan.loading import find_plugins

SECONDS, BYTES, LETTERS = 10.0, 10**9, 1000
"""What an input may cost, and how long an error may be."""
TINY: dict[str, Any] = {"max_size": 16, "min_size": 12, "train_stages": 2, "niter": 1}
TINY |= {"filters": 4}


class Finding(NamedTuple):
    """An input that could not be taken."""

    reader: str
    number: int
    problem: str


class Report(NamedTuple):
    """What became of a reader's inputs."""

    inputs: int
    used: int
    refused: int
    seconds: float
    """The longest that one took."""
    megabytes: int
    """The most memory that the process ever had; 0 if it is not known."""
    findings: list[Finding]


class Late(BaseException):
    """An input took too long."""


class Fuzzer:
    """The real files that inputs are made from, and the readers that are given them.

    Works in `folder`, which is to be empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = picture_files()
        self.plugins = find_plugins()
        self.run = consingan.train(tiny_picture(), runs=folder / "runs", device="cpu", **TINY)
        self.published = folder / "published"
        self.published.mkdir()
        published_folder(self.published)
        self.imported = import_model(self.published, folder / "runs")
        self.readers: dict[str, Callable[[Random], object]] = {
            "picture": self.picture,
            "mask": self.mask,
            "sizes": self.sizes,
            "options": self.options,
            "names": self.names,
            "hooks": self.hooks,
            "config": self.config,
            "state": self.state,
            "stage": self.stage,
            "noise": self.noise,
            "published": self.published_model,
        }

    def picture(self, random: Random) -> None:
        """A picture's file."""
        file = self.folder / "picture"
        file.write_bytes(damage(random.choice(self.pictures), random))
        load_picture(file)

    def mask(self, random: Random) -> None:
        """A mask's file."""
        file = self.folder / "mask"
        file.write_bytes(damage(random.choice(self.pictures), random))
        load_mask(file, Size(14, 16))

    def sizes(self, random: Random) -> None:
        """A picture's file that declares other sizes, at any level of its format."""
        file = self.folder / "picture"
        file.write_bytes(damage_sizes(random.choice(self.pictures), (14, 16), random))
        load_picture(file)

    def options(self, random: Random) -> None:
        """One to three options of any mode, of any value."""
        mode = random.choice(list(self.plugins.modes.values())).mode
        model = random.choice([mode.TrainOptions, mode.ApplyOptions])
        names = random.choices([*model.model_fields, any_name(random)], k=random.randint(1, 3))
        parsed = parse_options(model, {name: any_value(random) for name in names})
        if isinstance(parsed, SizeOptions):
            parsed.target(SIZE)

    def names(self, random: Random) -> None:
        """A picture's name, which is to find its run."""
        name = any_name(random)
        folder = self.folder / "named" / folder_name(name)
        shutil.copytree(self.run.path, folder / "run")
        try:
            if name.strip(" .") and name != "latest":
                find_run(name, folder.parent)
        except RunNotFoundError as error:
            raise AssertionError(str(error)) from None
        finally:
            shutil.rmtree(folder.parent)

    def hooks(self, random: Random) -> None:
        """What a mode's hooks give back."""
        hooks, options = Hooks(OddMode(any_return(random))), TrainOptions()
        call = random.randrange(3)
        if call == 0:
            hooks.stage_sizes(SIZE, options)
        elif call == 1:
            hooks.known_pixels(SIZE, options)
        else:
            hooks.fixed_input([TINY_PICTURE.clone()], options, torch.Generator())

    def config(self, random: Random) -> None:
        """A run's config.json."""
        self._record("config", random)

    def state(self, random: Random) -> None:
        """A run's state.json."""
        self._record("state", random)

    def _record(self, name: str, random: Random) -> None:
        with self._copy(self.run) as copy:
            changed = damage_json((copy / f"{name}.json").read_bytes(), random)
            (copy / f"{name}.json").write_bytes(changed)
            (copy / f"{name}.backup.json").unlink()
            self._use(copy, random)

    def stage(self, random: Random) -> None:
        """A run's stage file, whose checksum is right all the same: a stranger's would be."""
        with self._copy(self.run) as copy:
            stage = random.randrange(2)
            file = copy / stage_file(stage)
            file.write_bytes(damage_tensors(file.read_bytes(), random))
            record = json.loads((copy / "state.json").read_text())
            record["stages"][stage]["sha256"] = sha256(file.read_bytes())
            (copy / "state.json").write_text(json.dumps(record))
            self._use(copy, random)

    def noise(self, random: Random) -> None:
        """An imported run's fixed noise, with the right checksum."""
        with self._copy(self.imported) as copy:
            file = copy / "fixed_noise.safetensors"
            file.write_bytes(damage_tensors(file.read_bytes(), random))
            record = json.loads((copy / "config.json").read_text())
            record["fixed_noise_sha256"] = sha256(file.read_bytes())
            (copy / "config.json").write_text(json.dumps(record))
            self._use(copy, random)

    def published_model(self, random: Random) -> None:
        """A model of the published code, one of whose files is changed."""
        copy = self.folder / "copy"
        shutil.copytree(self.published, copy)
        names = ("parameters.txt", "reals.pth", "fixed_noise.pth", "noise_amp.pth")
        file = copy / random.choice((*names, "1/netG.pth", "1/netD.pth"))
        content = file.read_bytes()
        if file.suffix == ".pth" and random.random() < 0.5:
            # Pickles inside, whatever the archive around them: the change is in what counts.
            start = content.index(b"\x80\x02")
            changed = damage(content[start : start + 400], random)[:400].ljust(400, b".")
            content = content[:start] + changed + content[start + 400 :]
        else:
            content = damage(content, random)
        file.write_bytes(content)
        out = self.folder / "imports"
        try:
            import_model(copy, out).sampler("cpu").reconstruction()
        finally:
            shutil.rmtree(copy)
            shutil.rmtree(out, ignore_errors=True)

    @contextmanager
    def _plugins_found_once(self) -> Iterator[None]:
        """Looking for them takes longer than all the rest."""
        with (
            patch.object(api, "find_plugins", return_value=self.plugins),
            patch.object(models, "find_plugins", return_value=self.plugins),
        ):
            yield

    @contextmanager
    def _copy(self, run: Run) -> Iterator[Path]:
        copy = self.folder / "copy"
        shutil.copytree(run.path, copy)
        try:
            yield copy
        finally:
            shutil.rmtree(copy)

    def _use(self, folder: Path, random: Random) -> None:
        """Open a run and make a picture with it, or now and then train it, as `resume` does."""
        if random.random() < 0.1:
            consingan.resume(folder, device="cpu")
        else:
            consingan.open_run(folder).sampler("cpu").reconstruction()

    def feed(self, reader: str, first: int, inputs: int) -> Report:
        """Give a reader that many inputs, from number `first` on."""
        outcomes: Counter[str] = Counter()
        findings: list[Finding] = []
        longest, most = 0.0, 0
        for number in range(first, first + inputs):
            _forget_peak()
            started = time.monotonic()
            problem = self._problem(reader, number, outcomes)
            seconds, memory = time.monotonic() - started, _peak()
            longest, most = max(longest, seconds), max(most, memory)
            if memory > BYTES:
                problem = problem or f"{memory / 1e9:.1f} GB of memory"
            if seconds > SECONDS:
                problem = problem or f"{seconds:.0f} seconds"
            if problem:
                findings.append(Finding(reader, number, problem))
        megabytes = most // 10**6
        used, refused = outcomes["used"], outcomes["refused"]
        return Report(inputs, used, refused, round(longest, 2), megabytes, findings)

    def _problem(self, reader: str, number: int, outcomes: Counter[str]) -> str | None:
        with _alarm(), self._plugins_found_once():
            try:
                self.readers[reader](Random(f"{reader}/{number}"))
            except ConsinganError as error:
                outcomes["refused"] += 1
                letters = len(str(error))
                return f"an error of {letters} letters" if letters > LETTERS else None
            except Late:
                return "too long"
            except Exception as error:
                return f"{type(error).__name__}: {error}"[:300]
        outcomes["used"] += 1
        return None


@contextmanager
def _alarm() -> Iterator[None]:
    """Raise Late in what takes too long; end the process, saying where, if it cannot be stopped."""

    def late(*_: object) -> None:
        raise Late

    if not hasattr(signal, "setitimer"):
        yield
        return
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """The most memory, in bytes, since the last `_forget_peak`; 0 if it is not known."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def main() -> int:
    """Run it; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("--inputs", type=int, default=24_000, help="over all readers together")
    parser.add_argument("--reader", nargs="*", help="only these")
    parser.add_argument("--first", type=int, default=0, help="the first input's number")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    reports = {}
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder))
        names = arguments.reader or list(fuzzer.readers)
        for name in names:
            report = fuzzer.feed(name, arguments.first, -(-arguments.inputs // len(names)))
            reports[name] = report
            if arguments.json:
                continue
            counts = f"{report.inputs:6} inputs: {report.used} used, {report.refused} refused"
            cost = f"at most {report.seconds} s and {report.megabytes} MB"
            print(f"{name:10} {counts}, {cost}", flush=True)
            for finding in report.findings:
                print(f"  {finding.number}: {finding.problem!r}")
    if arguments.json:
        print(json.dumps({name: report._asdict() for name, report in reports.items()}, indent=2))
    return int(any(report.findings for report in reports.values()))


if __name__ == "__main__":
    run(main)
