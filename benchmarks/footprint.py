"""What the core takes on disk: packages and their sizes in a fresh environment, wheel, models.

The wheel is built here and installed with `constraints.txt` and no extra, as a user does it; that
needs a package index. With `--extras` each extra that a user may want is added to a copy of that
environment, and a row says what it takes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks._common import markdown, run

ROOT = Path(__file__).parents[1]
BIGGEST = 5
LARGEST = 3
EXTRAS = (
    *("train", "annotate", "av", "audformat", "hub", "onnx", "opensmile", "ray", "remote", "serve"),
    "ssl",
)
GOAL_MODEL = 5.0  # MB

Sizes = dict[str, tuple[str, float]]
"""Version and MB of each package."""

# each installed distribution and the bytes of its files, compiled ones included
WEIGH = """
import json
from importlib.metadata import distributions
print(json.dumps({
    found.metadata["Name"]: [found.version, sum(
        path.locate().stat().st_size for path in found.files or () if path.locate().is_file()
    )]
    for found in distributions()
}))
"""


def main(arguments: Sequence[str] = ()) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    help_extras = "measure extras, too: those named, or each"
    options.add_argument("--extras", nargs="*", metavar="EXTRA", choices=EXTRAS, help=help_extras)
    wanted = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wheel = build(folder)
        core = folder / "environment"
        sizes = install(wheel, core)
        tell_core(sizes, wheel)
        if wanted.extras is not None:
            print(
                "\n" + markdown(["extra", "packages", "installed", "the largest"], []), flush=True
            )
            for extra in wanted.extras or EXTRAS:
                with tempfile.TemporaryDirectory(dir=folder) as copy:
                    shutil.copytree(core, copy, symlinks=True, dirs_exist_ok=True)
                    found = add(f"{wheel}[{extra}]", Path(copy))
                    print(row(extra, found, sizes), flush=True)


def tell_core(sizes: Sizes, wheel: Path) -> None:
    """Print what the core takes."""
    print(
        f"Core, Python {sys.version.split()[0]}: {len(sizes)} packages, {total(sizes):.0f} MB "
        f"installed; wheel {wheel.stat().st_size / 1e6:.2f} MB\n"
    )
    by_size = sorted(sizes.items(), key=lambda item: -item[1][1])
    rows = [[f"{name} {version}", f"{size:.1f} MB"] for name, (version, size) in by_size[:BIGGEST]]
    rest = sum(size for _, (_, size) in by_size[BIGGEST:])
    rows.append([f"{len(sizes) - BIGGEST} others", f"{rest:.1f} MB"])
    print(markdown(["package", "installed"], rows))
    print("\nAll: " + ", ".join(f"{name} {size:.1f}" for name, (_, size) in by_size))
    for name, size in model_sizes(wheel).items():
        print(f"\nModel `{name}`: {size:.3f} MB; goal: at most {GOAL_MODEL:g} MB")


def row(extra: str, sizes: Sizes, core: Sizes) -> str:
    """Say what an extra adds to the core, as a row of a Markdown table."""
    added = {name: size for name, (_, size) in sizes.items() if name not in core}
    largest = sorted(added, key=lambda name: -added[name])[:LARGEST]
    told = ", ".join(f"{name} {added[name]:.0f}" for name in largest)
    more = total(sizes) - total(core)
    return f"| `{extra}` | + {len(added)} | + {more:.0f} MB | {told} |"


def total(sizes: Sizes) -> float:
    """Return the MB of all packages."""
    return sum(size for _, size in sizes.values())


def build(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)])
    (wheel,) = folder.glob("affectspace-*.whl")
    return wheel


def install(wheel: Path, environment: Path) -> Sizes:
    """Install a wheel into a fresh environment.

    Returns:
        Version and MB of each package but pip.
    """
    venv.create(environment, with_pip=True)
    return add(str(wheel), environment)


def add(wanted: str, environment: Path) -> Sizes:
    """Install something into an environment, and weigh what is there."""
    python = str(environment / "bin" / "python")
    run([python, "-m", "pip", "install", "-q", "-c", str(ROOT / "constraints.txt"), wanted])
    _, weighed = run([python, "-c", WEIGH])
    found = json.loads(weighed.stdout)
    return {
        name: (version, size / 1e6)
        for name, (version, size) in found.items()
        if name not in ("pip", "setuptools")
    }


def model_sizes(wheel: Path) -> dict[str, float]:
    """Return the MB of each model folder in a wheel."""
    sizes: dict[str, float] = {}
    with zipfile.ZipFile(wheel) as packed:
        for member in packed.infolist():
            match member.filename.split("/"):
                case ["affectspace", "models", name, _]:
                    sizes[name] = sizes.get(name, 0) + member.file_size / 1e6
    return sizes


if __name__ == "__main__":
    main(sys.argv[1:])
