"""Mistakes in options and presets, in devices, and in what a run folder and a roll-back restore."""

from __future__ import annotations

from benchmarks.mutants.mutant import Mutant

GOLDEN = "test_golden.py::test_training_comes_to_the_recorded_figures[float32]"
RESUMED = "test_checkpoints.py::test_a_stopped_stage_goes_on_to_the_same_weights[generation]"
RATES = "test_divergence.py::test_rates_compound_and_steps_use_them"
DIVERGENCE = "core/training/divergence.py"

MUTANTS = (
    Mutant(
        "fine-noise-ignored",
        "core/options/training.py",
        "(self.fine_noise if fine else 1)",
        "1",
        "texture is combed into strokes",
        "test_training.py::test_fine_stages_get_more_noise",
    ),
    Mutant(
        "last-share-ignored",
        "core/options/training.py",
        "round(self.niter * (1 - fall * stage))",
        "self.niter",
        "the large stages take more than twice as long",
        GOLDEN,
    ),
    Mutant(
        "preset-without-he-weights",
        "core/options/presets.py",
        '"initialization": "he",',
        '"initialization": "normal",',
        "the low stages take far longer to fit",
        GOLDEN,
    ),
    Mutant(
        "auto-precision-kept",
        "core/system/devices.py",
        'return options.model_copy(update={"precision": faster_precision(device)})',
        "return options",
        "runs are never trained in bfloat16, and don't say in what they were",
        "test_devices.py::test_auto_becomes_the_faster_precision",
    ),
    Mutant(
        "auto-precision-in-new-runs",
        "preparing.py",
        "    parsed = with_precision(parsed, place)\n",
        "",
        "the same, where runs are made",
        "test_devices.py::test_a_run_records_the_precision_that_it_is_trained_in",
    ),
    Mutant(
        "slower-precision",
        "core/system/devices.py",
        'return "bfloat16" if supported else "float32"',
        'return "float32" if supported else "bfloat16"',
        "a processor without bfloat16 trains in it, many times slower",
        "test_devices.py::test_a_processors_instructions_decide",
    ),
    Mutant(
        "rates-fall-once-only",
        DIVERGENCE,
        "min(rate_factor, self._trainer.rate_factor) * SLOWER",
        "self._trainer.rate_factor * SLOWER",
        "all attempts after a divergence are the same",
        RATES,
    ),
    Mutant(
        "weights-not-rolled-back",
        DIVERGENCE,
        "        unpack(self._trainer, self.tensors)\n",
        "",
        "training goes on from what has diverged",
        RATES,
    ),
    Mutant(
        "no-warm-up-before-a-collapse",
        DIVERGENCE,
        "    if step < WARM_UP * trainer.iterations:\n        return None\n",
        "",
        "a stage that has just begun is taken for a collapsed one",
        "test_checkpoints.py::test_a_collapsed_state_is_never_what_training_goes_back_to",
    ),
    Mutant(
        "collapse-kept-as-good",
        "core/training/loop.py",
        "if due and step < niter and not is_collapsed(trainer):",
        "if due and step < niter:",
        "training goes back to what had collapsed",
        "test_checkpoints.py::test_a_collapsed_state_is_never_what_training_goes_back_to",
    ),
    Mutant(
        "checkpoint-without-rate",
        "core/training/trainer_state.py",
        "torch.tensor(trainer.rate_factor, dtype=torch.float64)",
        "torch.tensor(1.0, dtype=torch.float64)",
        "a resumed stage diverges again as it did before",
        "test_divergence.py::test_a_resumed_stage_keeps_its_rates",
    ),
    Mutant(
        "checkpoint-without-averages",
        "core/training/trainer_state.py",
        'return averages | {f"{AVERAGE}updates": trainer.ema.updates}',
        'return {f"{AVERAGE}updates": trainer.ema.updates}',
        "a resumed stage ends in other weights",
        RESUMED,
    ),
    Mutant(
        "checkpoint-outlives-its-stage",
        "core/runs/folder.py",
        "stages=[*self.state.stages[:stage], saved], checkpoint=None)",
        "stages=[*self.state.stages[:stage], saved])",
        "the state names a file that is gone",
        RESUMED,
    ),
    Mutant(
        "checksum-not-compared",
        "core/runs/tensor_files.py",
        "if sha256(content) != checksum:",
        "if not content:",
        "pictures are made from damaged weights",
        "test_training.py::test_a_flipped_bit_in_a_stage_file_is_noticed",
    ),
    Mutant(
        "amplitude-not-restored",
        "core/networks/model.py",
        "                self.amplitudes[-1] = float(tensor)\n",
        "                pass\n",
        "pictures of an opened run have no noise but the first",
        "test_training.py::test_a_loaded_model_equals_the_trained_one",
    ),
)
