"""What the service takes and answers, as its OpenAPI description says it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Number = float | None


class Detail(BaseModel):
    """What is wrong in a request, and where."""

    field: str
    message: str


class Wrong(BaseModel):
    """Why the service doesn't do as asked."""

    code: Annotated[str, Field(description="A word for programs.")]
    message: Annotated[str, Field(description="A sentence for people.")]
    details: list[Detail] | None = None


class Refused(BaseModel):
    """The answer to a request that is refused."""

    error: Wrong


class ModelFacts(BaseModel):
    """Which model made the rows, of what."""

    name: str
    version: str
    source: str
    licence: str
    features: str
    contract: str
    scale: Annotated[str, Field(description="Whose: the model's, or of which collection.")]
    affectspace: str
    segment: str
    channel: str


class Row(BaseModel):
    """A recording or segment; null is what isn't known, or has no answer."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number]

    file: Annotated[str, Field(description="The recording's name, as it came.")]
    start: Annotated[float, Field(description="In seconds.")]
    end: Annotated[Number, Field(description="In seconds; null is the recording's end.")]
    activation: Annotated[Number, Field(description="1 to 5, 3 is neutral.")]
    activation_low: Number
    activation_high: Number
    valence: Annotated[Number, Field(description="1 to 5, 3 is neutral.")]
    valence_low: Number
    valence_high: Number
    unusualness: Annotated[Number, Field(description="0 to 1; above 0.99 is rare.")]
    status: Annotated[str, Field(description="`ok`, or why the row has no estimate.")]
    message: str
    caution: Annotated[str, Field(description="Words, joined by `;`.")]
    duration: Annotated[Number, Field(description="In seconds.")]
    level: Annotated[Number, Field(description="In dB of full scale.")]
    clipped_share: Number
    voiced_share: Number
    bandwidth: Annotated[Number, Field(description="In Hz.")]
    snr: Annotated[Number, Field(description="In dB.")]
    truncated: Annotated[Number, Field(description="In seconds.")]


class Answer(BaseModel):
    """What came of the recordings; the embedding's dimensions are z1, z2, ... in each row."""

    model: ModelFacts
    rows: list[Row]


class Links(BaseModel):
    """Recordings that the service shall fetch."""

    model_config = ConfigDict(extra="forbid")

    urls: Annotated[
        list[Annotated[str, Field(min_length=8, max_length=2_000)]], Field(min_length=1)
    ]


class Workers(BaseModel):
    """The processes that embed."""

    wanted: int
    ready: int


class Health(BaseModel):
    """Whether the service can do its work."""

    ok: bool
    workers: Workers


REFUSALS = {
    400: "The request can't be read.",
    401: "The token is missing, or another.",
    403: "Another site's page asks, or an address isn't one that may be fetched from.",
    408: "The body came too slowly.",
    413: "The request is too large, has too many files, or too long ones.",
    415: "The body is of a type that isn't taken.",
    421: "The service doesn't go by the name that it was asked under.",
    422: "Something in the request isn't as it should be, or a recording ended the process.",
    429: "The address asks too often; Retry-After says when to come again.",
    431: "Address and headers are too large.",
    503: "Too many requests are in hand; Retry-After says when to come again.",
    504: "A recording took too long.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals with these statuses."""
    return {status: {"model": Refused, "description": REFUSALS[status]} for status in statuses}
