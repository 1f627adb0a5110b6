"""A model folder from the Hugging Face hub: four files, measured before they are downloaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from affectspace.errors import MissingExtraError, ModelError
from affectspace.model.folder import CONFIG, LARGEST, WEIGHTS

_NAME = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>[\w./-]+))?", re.ASCII)


def download(name: str) -> tuple[Path, str]:
    """Download a model folder, or find it in the hub's cache where the hub can't be reached.

    Args:
        name: `ORG/NAME` or `ORG/NAME@REVISION`; the revision is a branch, a tag or a commit.

    Returns:
        The folder, and `ORG/NAME@COMMIT`.

    Raises:
        ModelError: if the name has another form, there is no such repository or revision, it is no
            model of ours or absurdly large, or it is neither reachable nor in the cache.
        MissingExtraError: without the extra `hub`.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ModelError(f"{name!r} should be ORG/NAME or ORG/NAME@REVISION")
    repository, revision = match["repository"], match["revision"]
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        if error.name != "huggingface_hub":
            raise
        purpose = "Loading a model from the hub"
        raise MissingExtraError("huggingface_hub", "hub", purpose) from None
    problem: Exception | None = None
    try:
        info = huggingface_hub.HfApi().model_info(
            repository, revision=revision, files_metadata=True
        )
    except Exception as error:  # no network, a proxy, a missing repository: the cache may have it
        problem = error
    else:
        _check_files(name, info.siblings or [])
    try:
        # by the name, not the commit: it is then found by this name where the hub can't be reached
        folder = huggingface_hub.snapshot_download(
            repository,
            revision=revision,
            allow_patterns=list(LARGEST),
            local_files_only=problem is not None,
        )
    except Exception as error:  # many kinds, of several libraries
        reason = _first_line(problem or error)
        raise ModelError(f"hf:{name} can't be loaded from the hub: {reason}") from error
    return Path(folder), f"{repository}@{Path(folder).name}"


def _check_files(name: str, files: list[Any]) -> None:
    """Check what a repository says of its files, before any is downloaded."""
    sizes = {file.rfilename: file.size for file in files}
    missing = [wanted for wanted in (CONFIG, WEIGHTS) if wanted not in sizes]
    if missing:
        raise ModelError(f"hf:{name} is no model folder: it has no {' and no '.join(missing)}")
    for wanted, largest in LARGEST.items():
        if (sizes.get(wanted) or 0) > largest:
            raise ModelError(
                f"hf:{name}: {wanted} has {sizes[wanted]} bytes; at most {largest} are read"
            )


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
