"""Where a model comes from: a shipped name, a folder, or the Hugging Face hub."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

from affectspace.errors import ModelError
from affectspace.model.affect import AffectModel
from affectspace.model.folder import CONFIG, read_folder

HUB = "hf:"


def load_model(name_or_path: str | Path = "default") -> AffectModel:
    """Load a trained model; nothing in its folder is executed.

    Args:
        name_or_path: the name of a model that the package ships, see
            [`shipped_models`][affectspace.model.shipped_models]; or a model folder (`./default` is
            the folder where both are there); or `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`, a
            repository on the Hugging Face hub, of which only the four files of a model folder are
            downloaded (extra `hub`).

    Returns:
        The model; its `source` says where it came from, for the hub with the commit.

    Raises:
        ModelError: if there is no such model, or its folder is damaged or no model that this
            package reads.
        MissingExtraError: without the extra `hub`, where it is needed.
    """
    folder, source = find_model(name_or_path)
    return replace(read_folder(folder), source=source)


def find_model(name_or_path: str | Path = "default") -> tuple[Path, str]:
    """Find a model's folder, downloading it where it is on the hub; arguments as for `load_model`.

    Returns:
        The folder, and where it came from in words that `load_model` takes.
    """
    if isinstance(name_or_path, str) and name_or_path.startswith(HUB):
        from affectspace.model.hub import download

        folder, repository = download(name_or_path.removeprefix(HUB))
        return folder, HUB + repository
    shipped = shipped_models()
    if isinstance(name_or_path, str) and name_or_path in shipped:
        return shipped_root() / name_or_path, name_or_path
    folder = Path(name_or_path)
    if not folder.exists():
        names = ", ".join(shipped) or "none"
        raise ModelError(
            f"there is no model {str(name_or_path)!r}: no such folder, and no model of that name "
            f"comes with the package (there is {names}); hf:ORG/NAME loads from the hub"
        )
    return folder, str(folder)


def shipped_models() -> tuple[str, ...]:
    """The names of the models that come with the package."""
    root = shipped_root()
    if not root.is_dir():
        return ()
    return tuple(sorted(path.parent.name for path in root.glob(f"*/{CONFIG}")))


def shipped_root() -> Path:
    """The folder in the package that holds a folder per model."""
    return Path(str(resources.files("affectspace").joinpath("models")))
