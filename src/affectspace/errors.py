"""The exceptions; the root is [`AffectspaceError`][affectspace.errors.AffectspaceError]."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class AffectspaceError(Exception):
    """Root of every error that the package raises on purpose."""


class AudioError(AffectspaceError, ValueError):
    """A recording that can't be used.

    Attributes:
        status: the reason, one of [`Status`][affectspace.audio.Status].
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type[AudioError], tuple[str, str]]:
        """Keep both arguments when the error comes back from a worker process."""
        return type(self), (self.status, str(self))


class TableError(AffectspaceError, ValueError):
    """A table without the index, the columns or the values that its use needs."""


class CorpusError(AffectspaceError):
    """A corpus folder that is missing, foreign, or incomplete."""


class ContractError(AffectspaceError, ValueError):
    """Features of another contract than the one asked for."""


class ModelError(AffectspaceError, ValueError):
    """A model folder that can't be read, or that doesn't hold what it should."""


class DeviceError(AffectspaceError, ValueError):
    """A device for training that is not there."""


class TrainingError(AffectspaceError, ArithmeticError):
    """Training that came to no result: a loss that is not finite."""


class MissingExtraError(AffectspaceError, ImportError):
    """An optional dependency is missing; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed: {how_to_install(extra)}"
        )
        self.extra = extra
        self._arguments = (package, extra, purpose)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        """Keep the arguments when the error comes back from a worker process."""
        return type(self), self._arguments


def how_to_install(extra: str) -> str:
    """Say how an extra is installed by who has a copy of the source, or a wheel of it.

    Examples:
        >>> print(how_to_install("av"))
        pip install -c constraints.txt '.[av]' in the folder of the source (a wheel: 'FILE.whl[av]')
    """
    return (
        f"pip install -c constraints.txt '.[{extra}]' in the folder of the source "
        f"(a wheel: 'FILE.whl[{extra}]')"
    )


class StudyError(AffectspaceError):
    """A rating study that can't be made, opened, or run as asked."""


class ServiceError(AffectspaceError):
    """A service that can't be started as asked."""


EXTRAS = {
    "train": ("matplotlib", "scipy", "sklearn", "torch"),
    "annotate": (
        *("fastapi", "krippendorff", "pingouin", "pydantic", "scipy", "sqlalchemy", "starlette"),
        "uvicorn",
    ),
    "serve": (
        *("fastapi", "prometheus_client", "pydantic", "python_multipart", "starlette", "uvicorn"),
        "websockets",
    ),
}
"""What extras of several packages bring."""


@contextmanager
def needs_extra(extra: str, purpose: str) -> Iterator[None]:
    """Name an extra where an import finds one of its packages missing.

    Args:
        extra: its name, one of `EXTRAS`.
        purpose: what needs it, for the message.

    Raises:
        MissingExtraError: if the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS[extra]:
            raise
        raise MissingExtraError(error.name, extra, purpose) from None
