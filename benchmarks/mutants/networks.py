"""Mistakes in what the networks compute, what of them learns, and how they are sampled."""

from __future__ import annotations

from benchmarks.mutants.mutant import Mutant

GOLDEN = "test_golden.py::test_training_comes_to_the_recorded_figures[float32]"
RATES = "test_training.py::test_lower_stages_learn_slower_by_lr_scale"

MUTANTS = (
    Mutant(
        "tanh-in-bfloat16",
        "core/networks/generator.py",
        "tanh(convolution(_pad(features, plan.zeros)).float())",
        "tanh(convolution(_pad(features, plan.zeros))).float()",
        "pictures have 128 levels where they are light or dark",
        "test_networks.py::test_a_picture_in_bfloat16_has_the_levels_of_float32",
    ),
    Mutant(
        "bfloat16-never-used",
        "core/networks/model.py",
        'torch.bfloat16 if options.precision == "bfloat16" else torch.float32',
        "torch.float32",
        "the option does nothing",
        "test_networks.py::test_a_model_computes_in_the_precision_of_its_options",
    ),
    Mutant(
        "lr-scale-once-too-often",
        "core/networks/model.py",
        '"lr": rate * scale**age}',
        '"lr": rate * scale ** (age + 1)}',
        "the newest stage learns at half its rate",
        RATES,
    ),
    Mutant(
        "head-at-the-newest-stages-rate",
        "core/networks/model.py",
        '"lr": rate * scale**newest}',
        '"lr": rate}',
        "the layout goes on changing while details are learned",
        RATES,
    ),
    Mutant(
        "all-stages-learn",
        "core/networks/model.py",
        "max(0, self.stages - self.options.train_depth)",
        "0",
        "train_depth does nothing; large pictures take far longer",
        "test_training.py::test_only_the_newest_stages_the_tail_and_the_critic_learn",
    ),
    Mutant(
        "lower-stages-not-frozen",
        "core/networks/model.py",
        "        self.generator.requires_grad_(False)\n",
        "",
        "stage files hold, and losses differentiate, what doesn't learn",
        "test_training.py::test_stage_files_hold_only_what_the_stage_learned",
    ),
    Mutant(
        "new-stage-starts-from-the-first",
        "core/networks/generator.py",
        "copy.deepcopy(self.body[-1])",
        "copy.deepcopy(self.body[0])",
        "what the stages between have learned is not carried on",
        GOLDEN,
    ),
    Mutant(
        "batch-norm-not-folded",
        "core/networks/generator.py",
        "                fold_batch_norm(block)\n",
        "                pass\n",
        "stages on windows normalise by the window's statistics",
        "test_networks.py::test_a_stage_without_batch_norm_starts_with_what_it_did",
    ),
    Mutant(
        "he-weights-without-the-slope",
        "core/networks/layers.py",
        "(2 / (1 + options.lrelu_alpha**2) / inputs) ** 0.5",
        "(2 / inputs) ** 0.5",
        "signals grow from layer to layer where the slope is not small",
        "test_networks.py::test_he_weights_keep_the_size_of_signals",
    ),
    Mutant(
        "samples-by-the-trainings-seed",
        "core/sampling/sampler.py",
        "noise, channels = Noise(seed, self.model.device)",
        "noise, channels = Noise(self.options.seed, self.model.device)",
        "--seed does nothing when pictures are made",
        "test_training.py::test_the_same_seed_makes_the_same_pictures",
    ),
    Mutant(
        "sampled-in-the-precision-of-training",
        "core/run.py",
        'if faster_precision(model.device) == "float32":',
        "if False:",
        "pictures of a run from elsewhere take many times as long",
        "test_devices.py::test_pictures_are_made_in_float32_where_that_is_faster",
    ),
)
