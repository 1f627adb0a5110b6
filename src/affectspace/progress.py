"""One progress bar for everything that takes long: rate and time left, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    total: int | None, description: str, *, unit: str = "rows", show: bool = True
) -> Iterator[Callable[[int], None]]:
    """Show how far a long piece of work has come.

    The bar goes to stderr, with the rate and the time left. Where stderr is no terminal, only the
    last state is printed, so that logs stay short.

    Args:
        total: the number of units that the whole work has; None where nobody knows it.
        description: what is being done, a few words.
        unit: the plural of what is counted, shown behind the rate.
        show: False shows nothing.

    Yields:
        A function to call with the number of units done since the last call.

    Examples:
        >>> with progress_bar(2, "Counting", show=False) as advance:
        ...     advance(2)
    """
    if not show:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f} {unit}/s")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(description, total=total)
        yield lambda done: bars.advance(task, done)
