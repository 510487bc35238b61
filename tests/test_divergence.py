"""Rolling back: what is restored, and how slowly training goes on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from consingan.core.training.divergence import DivergenceGuard, find_divergence
from consingan.core.training.stage_trainer import Losses, StageTrainer
from consingan.core.training.trainer_state import RATE, pack, unpack
from consingan.errors import RunError
from tests.trainers import make_trainer

RATES = [0.0025, 0.005, 0.01, 0.0025, 0.01, 0.02]
"""Of bodies 0 to 2, head, tail and critic, under `_trainer`'s options."""


def _trainer(**options: Any) -> StageTrainer:
    rates = {"lr_generator": 0.01, "lr_critic": 0.02, "lr_scale": 0.5}
    return make_trainer(3, niter=10, critic_steps=1, **rates, **options)


def _rates(trainer: StageTrainer) -> list[float]:
    optimizers = trainer.generator_optimizer, trainer.critic_optimizer
    return [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]


def _slower(factor: float) -> Any:
    return pytest.approx([rate * factor for rate in RATES])


def _moved(trainer: StageTrainer, step: int) -> float:
    """How far a step moves some weights at most."""
    weight = trainer.model.critic.head.conv.weight.detach()
    before = weight.clone()
    trainer.step(step)
    return float((weight - before).abs().max())


def test_rates_compound_and_steps_use_them() -> None:
    trainer = _trainer()
    guard = DivergenceGuard(trainer, 0)
    first = _moved(trainer, 0)
    assert _rates(trainer) == _slower(1)
    for factor in (0.3, 0.09, 0.027):
        assert guard.roll_back("trouble") == 0
        assert trainer.rate_factor == pytest.approx(factor)
        # The same state again, so the same step, but smaller.
        assert _moved(trainer, 0) == pytest.approx(factor * first, rel=0.01)
        assert _rates(trainer) == _slower(factor)
    with pytest.raises(RunError, match="stage 3: trouble, even after 3 attempts; try another"):
        guard.roll_back("trouble")


def test_lower_rates_fall_by_the_schedule_as_well() -> None:
    trainer = _trainer(lr_schedule="linear", lr_decay=0.1)
    guard = DivergenceGuard(trainer, 0)
    guard.roll_back("trouble")
    trainer.step(9)
    assert _rates(trainer) == _slower(0.3 * 0.28)


def test_rates_stay_low_once_a_good_state_is_kept() -> None:
    trainer = _trainer()
    guard = DivergenceGuard(trainer, 0)
    guard.roll_back("trouble")
    trainer.step(0)
    guard.keep(1)
    trainer.step(1)
    assert _rates(trainer) == _slower(0.3)
    assert guard.roll_back("trouble") == 1
    trainer.step(1)
    assert _rates(trainer) == _slower(0.09)


def test_rolling_back_restores_all_but_the_rate() -> None:
    trainer = _trainer(averaging=0.9)
    trainer.step(0)
    guard = DivergenceGuard(trainer, 1)
    trainer.step(1)
    model = {"model.generator.tail.0.weight", "model.critic.tail.weight"}
    others = {"average.0", "average.updates", "optimizer.critic.0.exp_avg"}
    assert model | others <= _different(guard.tensors, pack(trainer))
    guard.roll_back("trouble")
    assert _different(guard.tensors, pack(trainer)) == {RATE}


def _different(one: dict[str, Tensor], other: dict[str, Tensor]) -> set[str]:
    assert one.keys() == other.keys()
    return {name for name in one if not one[name].equal(other[name])}


def test_a_resumed_stage_keeps_its_rates() -> None:
    trainer, fresh = _trainer(), _trainer()
    guard = DivergenceGuard(trainer, 0)
    guard.roll_back("trouble")
    guard.roll_back("trouble")
    unpack(fresh, pack(trainer))
    fresh.step(0)
    assert _rates(fresh) == _slower(0.09)


def _found(step: int, fake: float = 1.0, real: float = 1.0, loss: float = 0.0) -> str | None:
    """What is found wrong of 100 steps; `fake` and `real` are the pictures' contrast."""
    waves = torch.linspace(-1, 1, 300).view(1, 3, 10, 10)
    trainer: Any = SimpleNamespace(iterations=100, last_pair=(fake * waves, real * waves))
    return find_divergence(trainer, step, Losses(*torch.tensor([0.0, loss, 0.0])))


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_losses_must_be_numbers_from_the_first_step(loss: float) -> None:
    assert _found(1, loss=loss) == "the losses are no longer numbers"


@pytest.mark.parametrize(
    ("step", "fake", "real", "collapsed"),
    [
        (9, 0.0, 1.0, False),  # it may just have begun
        (10, 0.0, 1.0, True),
        (50, 0.019, 1.0, True),
        (50, 0.021, 1.0, False),
        (50, 0.0, 0.09, True),
        (50, 0.0, 0.08, False),  # a plain surface
    ],
)
def test_one_colour_is_a_collapse_unless_the_picture_is(
    step: int, fake: float, real: float, collapsed: bool
) -> None:
    found = _found(step, fake, real)
    assert found == ("what it makes collapsed to one colour" if collapsed else None)
