"""What each part of the default recipe is worth, in languages left out.

Leave one language out, every variant made from the same corpora (`AFFECTSPACE_DATA`, features from
the cache in `AFFECTSPACE_CACHE`): the default recipe, it without one part at a time, and the
paper's way on the same corpora. Prints the tables of `affectspace evaluate`. It is compared on the
targets, so what is kept for these figures is not chosen without them.

    python -m benchmarks.ablation [VARIANT...] [-o FOLDER]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from affectspace.features.registry import encoders_of
from affectspace.report import evaluation as report
from affectspace.study.evaluate import run_evaluation
from affectspace.study.evaluated import Settings
from affectspace.study.recipes import RECIPES, ModelRecipe
from affectspace.study.ways import recipe_way
from affectspace.training.teacher import Teacher

CLIPPED = replace(RECIPES["published"].training, clip=4.0)


def variants() -> dict[str, ModelRecipe]:
    """The recipes of the shipped models, and what they are without each of their parts."""
    default = RECIPES["default"]
    undisturbed = replace(default.training, batch_size=256)  # as many steps on a fourth of the rows
    alone = replace(default, teacher_features=None)  # the teacher hears what the network hears
    whisper = RECIPES["whisper"]  # needs the extra `ssl`, and half a second a recording at first
    return {
        "default": default,
        "taught by native alone": alone,
        "copies count alike": replace(default, copies_weigh=1.0),
        "no degraded copies": replace(default, degradations=(), training=undisturbed),
        "published layers": replace(
            default, training=replace(default.training, hidden=RECIPES["published"].training.hidden)
        ),
        "no weight decay": replace(default, training=replace(default.training, weight_decay=0.0)),
        "no teacher": replace(alone, teacher=None),
        "valence as rated": replace(default, teacher=Teacher(free_valence=False)),
        "no typical ratings": replace(default, typical=False),
        "narrower teacher": replace(default, teacher=Teacher(width=0.3)),
        "more noise": replace(default, training=replace(default.training, noise=1.0)),
        "features of egemaps": replace(
            alone, features="egemaps", degradations=(), training=undisturbed
        ),
        "published recipe, clipped": replace(
            RECIPES["published"], features="native", training=CLIPPED, calibrate=True
        ),
        "whisper": whisper,
        "whisper without native": replace(whisper, features=encoders_of(whisper.features)[0]),
        "whisper without the encoder": replace(whisper, features="native"),
        "whisper without a teacher": replace(whisper, teacher=None),
        "whisper without degraded copies": replace(whisper, degradations=()),
        "whisper, copies count a tenth": replace(whisper, copies_weigh=0.1),
        "whisper, one network": replace(whisper, networks=1),
        "whisper without weight decay": replace(
            whisper, training=replace(whisper.training, weight_decay=0.0)
        ),
        "whisper without typical ratings": replace(whisper, typical=False),
    }


def main() -> None:
    """Run all variants and print their tables."""
    options = argparse.ArgumentParser(description=__doc__)
    names = ", ".join(f'"{name}"' for name in variants())
    options.add_argument("variants", nargs="*", metavar="VARIANT", help=f"all, or some of: {names}")
    options.add_argument("-o", "--output", type=Path, help="keep results and report there")
    given = options.parse_args([] if __name__ != "__main__" else None)
    data = Path(os.environ["AFFECTSPACE_DATA"])
    paths = {name: data / "corpora" / name for name in RECIPES["default"].sources}
    with tempfile.TemporaryDirectory() as folder:
        found = run_evaluation(
            paths,
            [
                recipe_way(name, recipe)
                for name, recipe in variants().items()
                if name in given.variants or not given.variants
            ],
            output=given.output or Path(folder) / "ablation",
            settings=Settings(protocols=(2,)),
            labels=data / "labels" / "dtu",
            progress=True,
        )
    print(report.markdown(found.results, found.comparison))


if __name__ == "__main__":
    main()
