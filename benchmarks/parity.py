"""Replays recordings of the published code's training and compares every number.

    python -m benchmarks.parity RECORDING.safetensors ...

A recording holds a picture's pyramid, the initial weights of each stage, every random number, and
what the published implementation made of them: the generator's output at every iteration, the
noise amplitudes, and the weights after a stage's iterations. Each stage starts from the recorded
weights and runs through the engine's own `StageTrainer`. Prints the worst difference of each kind
and exits 1 if one is past its tolerance: 1e-5 on one forward pass, rtol 1e-3 and atol 1e-4 on what
comes after training steps.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from consingan.core.hooks.dispatch import Hooks
from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.networks.stage_sizes import geometric_sizes, logarithmic_sizes
from consingan.core.networks.window import Window
from consingan.core.options.fields import Options
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.run import make_sampler
from consingan.core.training.loop import add_stage
from consingan.core.training.stage_trainer import StageTrainer

EXACT, ONE_PASS, TRAINED, NOT_JUDGED = (0.0, 0.0), (0.0, 1e-5), (1e-3, 1e-4), (0.0, torch.inf)
TOLERANCES = {
    "stage sizes": EXACT,
    "first forward pass": ONE_PASS,
    "noise amplitude": TRAINED,
    "later forward passes": TRAINED,
    "grown generator": TRAINED,
    "generator weights": TRAINED,
    "critic weights": TRAINED,
    "cancelled biases": NOT_JUDGED,
}
"""Kind of number: (relative, absolute) tolerance, combined as `torch.allclose` does.

Batch norm takes away whatever bias the convolution before it adds. The true gradient of such a
bias is zero; what Adam follows is rounding noise, which no two machines share.
"""


class Recording:
    """The tensors of one recording, and its settings as training options."""

    def __init__(self, path: str | Path) -> None:
        with safe_open(path, framework="pt") as file:
            self.settings: dict[str, str] = file.metadata()
            self.tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.mode = self.settings["train_mode"]
        self.pyramid = list(self._numbered("real."))
        self.options = _options(self.settings)

    def _numbered(self, prefix: str) -> Iterator[Tensor]:
        index = 0
        while f"{prefix}{index}" in self.tensors:
            yield self.tensors[f"{prefix}{index}"]
            index += 1

    def weights(self, prefix: str) -> dict[str, Tensor]:
        """The weights below a prefix; running statistics are left out, since none are used."""
        unused = ("running_mean", "running_var", "num_batches_tracked")
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix) and not name.endswith(unused)
        }


def _options(settings: Mapping[str, str]) -> TrainOptions:
    niter = int(settings["niter"])
    # The published schedule compares 0.8 * niter with whole steps: it falls only when it is whole.
    falls = (0.8 * niter).is_integer()
    return TrainOptions(
        max_size=int(settings["max_size"]),
        min_size=int(settings["min_size"]),
        train_stages=int(settings["train_stages"]),
        niter=niter,
        lr_scale=float(settings["lr_scale"]),
        train_depth=int(settings["train_depth"]),
        lr_generator=float(settings["lr_g"]),
        lr_critic=float(settings["lr_d"]),
        lr_decay=float(settings["gamma"]) if falls else 1.0,
        beta1=float(settings["beta1"]),
        critic_steps=int(settings["Dsteps"]),
        generator_steps=int(settings["Gsteps"]),
        gradient_penalty=float(settings["lambda_grad"]),
        reconstruction_weight=float(settings["alpha"]),
        noise_amplitude=float(settings.get("noise_amp_init", settings["noise_amp"])),
        filters=int(settings["nfc"]),
        layers=int(settings["num_layer"]),
        activation=settings["activation"],
        lrelu_alpha=float(settings["lrelu_alpha"]),
        batch_norm=settings["batch_norm"] in ("True", "1"),
    )


class RecordedNoise(Noise):
    """Gives back the recorded numbers in place of fresh ones."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(seed=0)
        self.tensors = recording.tensors
        self.at = (0, 0)

    def training(self, *address: int | str) -> torch.Generator:
        """Remember which step is asked for: the mode's stage-0 input follows."""
        stage, step = (int(part) for part in address[:2])
        self.at = (stage, step)
        return super().training(*address)

    def fresh(self, shape: Sequence[int], stage: int, step: int, level: int) -> Tensor:
        """The recorded noise, which must have the shape that the engine asks for."""
        noise = self.tensors[f"s{stage}.it{step}.z{level}"]
        if tuple(noise.shape) != tuple(shape):
            raise ValueError(f"noise {level} has shape {tuple(noise.shape)}, not {tuple(shape)}")
        return noise

    def mixing(self, stage: int, step: int, critic_step: int) -> Tensor:
        """The recorded mixing number."""
        return self.tensors[f"s{stage}.it{step}.alpha{critic_step}"].view(1, 1, 1, 1)

    def fixed(self, level: int, channels: int, window: Window) -> Tensor:
        """The recorded fixed noise."""
        return window.cut(self.tensors[f"fixed.{level}"])


class Replay(Mode[TrainOptions, Options]):
    """A mode that feeds stage 0 what the recorded one did."""

    name = "replay"
    summary = "A recorded training."

    def __init__(self, recording: Recording, noise: RecordedNoise) -> None:
        self.recording, self.noise = recording, noise

    @hookimpl
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: TrainOptions,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The recorded noise or picture."""
        stage, step = self.noise.at
        return self.recording.tensors[f"s{stage}.it{step}.z0"]

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: TrainOptions, generator: torch.Generator
    ) -> Tensor:
        """The recorded fixed input."""
        return self.recording.tensors["fixed.0"]


class PaddedReplay(Replay):
    """The same, with zero padding."""

    padding_style = "zero"


class Differences:
    """The worst absolute difference of each kind, and how far it is from its tolerance."""

    def __init__(self) -> None:
        self.worst: dict[str, float] = {}
        self.excess: dict[str, float] = {}

    def add(self, kind: str, ours: Tensor, theirs: Tensor) -> None:
        """Compare two tensors of one shape; NaN counts as infinitely far."""
        relative, absolute = TOLERANCES[kind]
        ours, theirs = ours.detach().double(), theirs.double()
        if ours.shape != theirs.shape:
            raise ValueError(f"{kind}: shape {tuple(ours.shape)}, not {tuple(theirs.shape)}")
        difference = (ours - theirs).abs().nan_to_num(nan=torch.inf)
        past = (difference - absolute - relative * theirs.abs().nan_to_num()).max().item()
        self.worst[kind] = max(self.worst.get(kind, 0.0), difference.max().item())
        self.excess[kind] = max(self.excess.get(kind, -torch.inf), past)

    def add_all(self, kind: str, ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
        """Compare weights by name; both sides must have the same names."""
        if ours.keys() != theirs.keys():
            raise ValueError(f"{kind}: names differ: {sorted(ours.keys() ^ theirs.keys())}")
        for name, tensor in theirs.items():
            cancelled = name.replace("conv.bias", "norm.bias") in theirs.keys() - {name}
            self.add("cancelled biases" if cancelled else kind, ours[name], tensor)

    @property
    def failed(self) -> list[str]:
        """The kinds that are past their tolerance."""
        return [kind for kind, excess in self.excess.items() if excess > 0]


def replay(recording: Recording) -> Differences:
    """Train as recorded and compare."""
    differences = Differences()
    noise = RecordedNoise(recording)
    replay = Replay if recording.mode in ("generation", "animation") else PaddedReplay
    hooks = Hooks(replay(recording, noise))
    options, pyramid = recording.options, recording.pyramid
    recorded_sizes = [Size(*picture.shape[-2:]) for picture in pyramid]
    spacing = geometric_sizes if recording.mode == "harmonization" else logarithmic_sizes
    sizes = spacing(recorded_sizes[-1], options.train_stages, options.min_size)
    differences.add("stage sizes", torch.tensor(sizes), torch.tensor(recorded_sizes))

    model = Model(options, hooks.mode.padding_style, sizes)
    sampler = make_sampler(model, pyramid, hooks, noise)
    pictures: list[Tensor] = []
    model.generator.tail[-1].register_forward_hook(lambda *call: pictures.append(call[2].detach()))
    for stage in range(len(pyramid)):
        initial = recording.weights(f"s{stage}.init.G.")
        if stage > 0:
            add_stage(sampler)
            differences.add_all("grown generator", model.generator.state_dict(), initial)
        model.generator.load_state_dict(initial)
        model.critic.load_state_dict(recording.weights(f"s{stage}.init.D."))
        trainer = StageTrainer(sampler, hooks, noise)
        amplitude = torch.tensor(model.amplitudes[stage])
        differences.add("noise amplitude", amplitude, recording.tensors[f"amp.{stage}"])
        for step in range(options.niter):
            pictures.clear()
            trainer.step(step)
            kind = "later forward passes" if step else "first forward pass"
            differences.add(kind, pictures[0], recording.tensors[f"s{stage}.it{step}.fake"])
        for kind, network, letter in (
            ("generator weights", model.generator, "G"),
            ("critic weights", model.critic, "D"),
        ):
            final = recording.weights(f"s{stage}.final.{letter}.")
            differences.add_all(kind, network.state_dict(), final)
    return differences


def main(paths: Sequence[str]) -> int:
    """Replay each recording; the exit code says whether all are within the tolerances."""
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    failures = 0
    for path in paths:
        try:
            recording = Recording(path)
            differences = replay(recording)
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            print(f"{path}: cannot be replayed: {error}", file=sys.stderr)
            failures += 1
            continue
        print(f"{path} ({recording.mode}, {len(recording.pyramid)} stages)")
        for kind, worst in differences.worst.items():
            verdict = "PAST TOLERANCE" if kind in differences.failed else "ok"
            if TOLERANCES[kind] == NOT_JUDGED:
                verdict = "no effect: not judged"
            print(f"  {kind:22} {worst:9.2e}  {verdict}")
        failures += bool(differences.failed)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
