"""A rating study on an address, until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from affectspace.annotation.folder import StudyFolder
from affectspace.annotation.raters import all_raters
from affectspace.errors import ServiceError
from affectspace.web.annotate.lead import lead_generation
from affectspace.web.annotate.service import Running, make_app, make_running
from affectspace.web.running import LOOPBACK, bind, is_loopback, run, url_of

PORT = 8480


@dataclass(frozen=True)
class Place:
    """Where a study is served.

    Attributes:
        host: the address of this machine that is listened on.
        port: 0 is any that is free.
        public_url: what people open where a proxy stands before it; None is the address itself.
        names: further names that it goes by.
    """

    host: str = LOOPBACK
    port: int = PORT
    public_url: str | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Links:
    """What to tell people.

    Attributes:
        lead: the study lead's link.
        raters: name and link of each active rater.
    """

    lead: str
    raters: tuple[tuple[str, str], ...]


def take(place: Place) -> socket.socket:
    """Take the place, before the work that a study may need.

    Raises:
        ServiceError: if the address can't be had, or the public URL is none.
    """
    if place.public_url is not None and not place.public_url.startswith(("http://", "https://")):
        raise ServiceError(f"a public URL begins with https://, not as {place.public_url!r}")
    return bind(place.host, place.port)


def serve(
    study: StudyFolder, place: Place, taken: socket.socket, *, on_start: Callable[[Links], None]
) -> None:
    """Serve a study until SIGINT or SIGTERM.

    Args:
        study: the study.
        place: where.
        taken: from `take`; closed at the end.
        on_start: called with the links, once they can be opened.
    """
    running = make_running(study, place.public_url or url_of(taken, place.host))
    app = make_app(running, hosts=place.names)
    run(app, taken, on_start=lambda: on_start(links_of(running)))


def links_of(running: Running) -> Links:
    """Return the links of a study."""
    with running.study.store.reading() as connection:
        lead = running.lead_link(lead_generation(connection))
        raters = [rater for rater in all_raters(connection) if rater.active]
    return Links(lead, tuple((rater.name, running.rater_link(rater)) for rater in raters))


def is_open_to_others(place: Place) -> bool:
    """Tell whether others than this machine can reach the place."""
    return not is_loopback(place.host)
