"""A collection on an address of this machine, until it is stopped."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from affectspace.model import AffectModel
from affectspace.model.embed import facts
from affectspace.web.explore.collection import Collection
from affectspace.web.explore.landing import Lander
from affectspace.web.explore.service import Exploring, make_app
from affectspace.web.running import LOOPBACK, run, url_of


def serve(
    collection: Collection,
    model: AffectModel,
    *,
    source: str,
    study: str | os.PathLike[str] | None = None,
    taken: socket.socket,
    on_start: Callable[[str], None],
) -> None:
    """Serve a collection to this machine alone, until SIGINT or SIGTERM.

    Args:
        collection: what is explored.
        model: embeds what is dropped on the plane.
        source: what `load_model` was called with for it.
        study: a folder that selections are written into.
        taken: an address of this machine, from [`bind`][affectspace.web.running.bind].
        on_start: called with the link, once it can be opened.
    """
    exploring = Exploring(
        collection,
        url_of(taken, LOOPBACK),
        Lander(source),
        dict(facts(model)),
        None if study is None else Path(study),
    )
    run(make_app(exploring), taken, on_start=lambda: on_start(exploring.link))
