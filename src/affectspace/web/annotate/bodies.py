"""What pages send to the service of a rating study."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from affectspace.annotation.settings import (
    COMMENT_LIMIT,
    INSTRUCTIONS_LIMIT,
    NAME_LIMIT,
    TITLE_LIMIT,
    Asked,
)
from affectspace.annotation.submission import MOST

Count = Annotated[int, Field(ge=0, le=MOST)]
Bound = Annotated[int, Field(ge=1, le=1_000_000)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
Opaque = Annotated[str, Field(max_length=64)]


class Body(BaseModel):
    """Of a request: nothing unknown in it, and no text where a number belongs."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LinkBody(Body):
    """The token of a personal link."""

    token: Annotated[str, Field(max_length=200)]


class LanguageBody(Body):
    """The rater's choice."""

    language: Language


class RatingBody(Body):
    """A rating."""

    assignment: Opaque
    key: Opaque
    activation: float | None = None
    valence: float | None = None
    dominance: float | None = None
    category: Annotated[str, Field(max_length=NAME_LIMIT)] | None = None
    cannot_judge: bool = False
    comment: Annotated[str, Field(max_length=COMMENT_LIMIT)] = ""
    replays: Count = 0
    milliseconds: Count = 0


class UndoBody(Body):
    """The rating to take back."""

    assignment: Opaque


class NewRaterBody(Body):
    """A new rater."""

    name: Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]
    language: Language | None = None


class RaterBody(Body):
    """What is to be other than it is of a rater; what isn't given stays."""

    name: Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)] | None = None
    language: Language | None = None
    active: bool | None = None

    def changes(self) -> dict[str, Any]:
        """Return what was given; only the language may be none at all."""
        given = self.model_dump(exclude_unset=True)
        return {
            name: value for name, value in given.items() if value is not None or name == "language"
        }


class AssignmentBody(Body):
    """How items are handed out."""

    raters_per_item: Bound | None
    items_per_rater: Bound | None
    repeat_share: Annotated[float, Field(ge=0, le=1)]
    repeat_distance: Bound


class StudyBody(Body):
    """What raters are shown and asked."""

    title: Annotated[str, Field(max_length=TITLE_LIMIT)]
    instructions: Annotated[str, Field(max_length=INSTRUCTIONS_LIMIT)]
    language: Language | None
    dominance: Asked
    category: Asked
    categories: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]], Field(max_length=50)
    ]
    comment: bool
    cannot_judge: bool
    must_hear: bool


class RoundBody(Body):
    """A table of the items to rate from now on, as the text of a CSV."""

    table: Annotated[str, Field(max_length=2_000_000)]
