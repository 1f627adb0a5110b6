"""How a study is run: what raters are asked, and who gets what to rate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from affectspace.errors import StudyError

LOW, HIGH, STEP = 1.0, 5.0, 0.5
COMMENT_LIMIT = 2000  # characters
NAME_LIMIT = 80
TITLE_LIMIT = 200
INSTRUCTIONS_LIMIT = 20_000
CATEGORIES = (
    *("anger", "disgust", "fear", "happiness", "sadness", "surprise", "boredom", "neutral"),
    "other",
)

Asked = Literal["off", "optional", "required"]


@dataclass(frozen=True)
class StudySettings:
    """What a study asks of its raters, and how it hands out its items.

    Attributes:
        title: shown to raters.
        instructions: the study's own words to raters, plain text, shown with the general ones.
        language: of the pages, for raters without a choice of their own; None is the browser's.
        dominance: whether dominance is asked for beside activation and valence.
        category: whether a category is asked for.
        categories: the words to choose from.
        comment: whether raters may write a comment.
        cannot_judge: whether raters may say that they can't judge.
        must_hear: whether an item can be rated only after it was heard to its end once.
        raters_per_item: how many raters each item gets; None has every rater rate every item.
        items_per_rater: the most items that one rater gets, without repeats; None is no bound,
            or, with `raters_per_item`, an equal share.
        repeat_share: hidden repeats per item, 0 to 1: they measure a rater's own consistency.
        repeat_distance: ratings between an item and its repeat, at least, where there are so many.
        seed: of the orders.

    Raises:
        StudyError: if a setting is out of its range.
    """

    title: str = "Rating study"
    instructions: str = ""
    language: str | None = None
    dominance: Asked = "off"
    category: Asked = "off"
    categories: tuple[str, ...] = CATEGORIES
    comment: bool = True
    cannot_judge: bool = True
    must_hear: bool = True
    raters_per_item: int | None = None
    items_per_rater: int | None = None
    repeat_share: float = 0.1
    repeat_distance: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("dominance", "category"):
            if getattr(self, name) not in get_args(Asked):
                raise StudyError(f"{name} is one of off, optional, required; not {self.dominance}")
        for name, limit in (("title", TITLE_LIMIT), ("instructions", INSTRUCTIONS_LIMIT)):
            if len(getattr(self, name)) > limit:
                raise StudyError(f"{name} may have {limit} characters")
        object.__setattr__(self, "categories", tuple(self.categories))
        if len(set(self.categories)) < len(self.categories) or len(self.categories) > 50:
            raise StudyError("categories are up to 50 different words")
        if any(not word.strip() or len(word) > NAME_LIMIT for word in self.categories):
            raise StudyError(f"a category has 1 to {NAME_LIMIT} characters")
        if self.category != "off" and not self.categories:
            raise StudyError("a category is asked for, but there is none to choose")
        for name in ("raters_per_item", "items_per_rater"):
            bound = getattr(self, name)
            if bound is not None and not 1 <= bound <= 1_000_000:
                raise StudyError(f"{name} is at least 1, not {bound}")
        if not (math.isfinite(self.repeat_share) and 0 <= self.repeat_share <= 1):
            raise StudyError(f"repeat_share is from 0 to 1, not {self.repeat_share}")
        if not 1 <= self.repeat_distance <= 1_000_000:
            raise StudyError(f"repeat_distance is at least 1, not {self.repeat_distance}")

    @property
    def labels(self) -> tuple[str, ...]:
        """What is rated on a scale."""
        dominance = () if self.dominance == "off" else ("dominance",)
        return ("activation", "valence", *dominance)

    def changed(self, **changes: Any) -> StudySettings:
        """Return a copy with other settings.

        Raises:
            StudyError: if one is out of its range.
        """
        return replace(self, **changes)

    def to_json(self) -> str:
        """Return the settings as they are stored."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> StudySettings:
        """Read what `to_json` wrote.

        Raises:
            StudyError: if it holds what this version doesn't know.
        """
        values: Mapping[str, Any] = json.loads(text)
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise StudyError(
                f"the study has settings that this version doesn't know: {', '.join(unknown)}"
            )
        return cls(**values)


def is_on_scale(value: float) -> bool:
    """Tell whether a rating is from 1 to 5 in half steps.

    Examples:
        >>> is_on_scale(3.5), is_on_scale(3.2), is_on_scale(5.5), is_on_scale(float("nan"))
        (True, False, False, False)
    """
    return LOW <= value <= HIGH and (value - LOW) % STEP == 0


def plain_text(text: str) -> str:
    r"""Return text that every database takes: without NUL and what isn't a character.

    Examples:
        >>> plain_text("a\x00b\ud800")
        'ab?'
    """
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
