"""What the core takes on disk: packages and their sizes in a fresh environment, wheel, models.

The wheel is built here and installed with `constraints.txt` and no extra, as a user does it; that
needs a package index.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks._common import markdown, run

ROOT = Path(__file__).parents[1]
BIGGEST = 5
GOAL_MODEL = 5.0  # MB

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
    options.add_argument("--extra", help="install with an extra, such as `train`")
    extra = options.parse_args(arguments).extra
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wheel = build(folder)
        sizes = install(wheel, folder / "environment", extra=extra)
        models = model_sizes(wheel)
        wheel_size = wheel.stat().st_size / 1e6
    total = sum(size for _, size in sizes.values())
    print(
        f"Core{f' with the extra {extra}' if extra else ''}, Python {sys.version.split()[0]}: "
        f"{len(sizes)} packages, {total:.0f} MB installed; wheel {wheel_size:.2f} MB\n"
    )
    by_size = sorted(sizes.items(), key=lambda item: -item[1][1])
    rows = [[f"{name} {version}", f"{size:.1f} MB"] for name, (version, size) in by_size[:BIGGEST]]
    rest = sum(size for _, (_, size) in by_size[BIGGEST:])
    rows.append([f"{len(sizes) - BIGGEST} others", f"{rest:.1f} MB"])
    print(markdown(["package", "installed"], rows))
    print("\nAll: " + ", ".join(f"{name} {size:.1f}" for name, (_, size) in by_size))
    for name, size in models.items():
        print(f"\nModel `{name}`: {size:.3f} MB; goal: at most {GOAL_MODEL:g} MB")


def build(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)])
    (wheel,) = folder.glob("affectspace-*.whl")
    return wheel


def install(
    wheel: Path, environment: Path, *, extra: str | None = None
) -> dict[str, tuple[str, float]]:
    """Install a wheel into a fresh environment.

    Returns:
        Version and MB of each package but pip.
    """
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    wanted = f"{wheel}[{extra}]" if extra else str(wheel)
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
