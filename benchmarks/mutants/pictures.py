"""Mistakes in the sizes of stages, in what is known of a picture, and in masks."""

from __future__ import annotations

from benchmarks.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "stages-evenly-spaced",
        "core/networks/stage_sizes.py",
        "exponents = [stretch * math.log(last - stage) + 1 for stage in range(last)]",
        "exponents = [float(last - stage) for stage in range(last)]",
        "fewer large stages than the paper's",
        "test_pyramid.py::test_sizes_by_the_formula_at_250_pixels",
    ),
    Mutant(
        "blended-pixels-known",
        "core/pictures/known_pixels.py",
        "REACH = 2\n",
        "REACH = 1\n",
        "hidden pixels shine through where the picture is reduced",
        "test_known.py::test_reduced_pixels_that_count_as_known_come_from_known_ones_only",
    ),
    Mutant(
        "unknown-pixels-stored",
        "core/training/start.py",
        "to_image(fill_unknown(reduced, known))",
        "to_image(reduced)",
        "what was to be hidden is in the run folder",
        "test_known.py::test_the_run_keeps_what_is_known_and_no_more",
    ),
    Mutant(
        "mask-at-any-brightness",
        "core/pictures/masks.py",
        "values > MID_GREY",
        "values > 0",
        "a mask saved as JPEG lets all of a picture be repainted",
        "test_masks.py::test_a_mask_is_one_where_it_is_brighter_than_mid_grey",
    ),
)
