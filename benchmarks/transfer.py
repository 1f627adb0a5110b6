"""What feature sets are worth in languages left out: the package's own against openSMILE's.

Leave one language out (`AFFECTSPACE_DATA`, features from the cache in `AFFECTSPACE_CACHE`), as
recorded, without degraded copies: ridge regression and the teacher of the default recipe on each
set, settings chosen inside the sources, and the default recipe's network, taught by what it hears
itself. Every way is compared to the first on the same resampled speakers. Prints the tables of
`affectspace evaluate`.

    python -m benchmarks.transfer [-o FOLDER] [--few-labels]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from affectspace.report import evaluation as report
from affectspace.study.evaluate import run_evaluation
from affectspace.study.evaluated import Settings
from affectspace.study.recipes import RECIPES, ModelRecipe
from affectspace.study.rivals import rival
from affectspace.study.ways import Way, recipe_way

SETS = ("native", "egemaps", "egemaps+compare")


def ways() -> list[Way]:
    """The network on native and on egemaps; the teacher and ridge regression on every set."""
    default = RECIPES["default"]
    # as many steps on a fourth of the rows
    training = replace(default.training, batch_size=256)
    clean = replace(default, teacher_features=None, degradations=(), training=training)
    found = [recipe_way(f"network, {name}", replace(clean, features=name)) for name in SETS[:2]]
    for regression in ("teacher", "ridge"):
        for name in SETS:
            way = rival(regression, ModelRecipe(features=name))
            found.append(replace(way, name=f"{regression}, {name}"))
    first = found.pop(2)  # the teacher on native
    return [first, *found]


def main() -> None:
    """Run all and print their tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-o", "--output", type=Path, help="keep results and report there")
    options.add_argument("--few-labels", action="store_true", help="protocol 3 as well")
    given = options.parse_args([] if __name__ != "__main__" else None)
    data = Path(os.environ["AFFECTSPACE_DATA"])
    paths = {name: data / "corpora" / name for name in RECIPES["default"].sources}
    with tempfile.TemporaryDirectory() as folder:
        found = run_evaluation(
            paths,
            ways(),
            output=given.output or Path(folder) / "transfer",
            settings=Settings(protocols=(2, 3) if given.few_labels else (2,)),
            labels=data / "labels" / "dtu",
            progress=True,
        )
    print(report.markdown(found.results, found.comparison))


if __name__ == "__main__":
    main()
