"""Whether this installation computes the features that a model was trained on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from affectspace.errors import ContractError
from affectspace.features import FeatureSpec
from affectspace.features.composite import JOINED
from affectspace.features.encoder import digest_of, without_digests
from affectspace.features.registry import installed
from affectspace.model.affect import AffectModel
from affectspace.model.network import Array
from affectspace.model.probe import PROBE_SIGNAL, run_probe

_LOG = logging.getLogger(__name__)

OWN = "affectspace "
"""How the backends of the package's own sets start."""

_ENCODER = ", an encoder with the digest"

TOLERANCE = 1e-3
"""How far two installations' features may lie apart, in deviations of the training rows."""


def meet(model: AffectModel) -> FeatureSpec:
    """The contract by which this installation computes a model's features.

    Where the installed contract is the model's, nothing is computed. Where only the version of the
    package behind it differs, or the files that a speech encoder of that name lies in, the feature
    set runs over the probe signal, and what comes out is compared with what the model brought.

    Args:
        model: the model.

    Returns:
        The installed contract: the model's own, or one that differs in `backend_version` or in an
        encoder's digest and gives the same features.

    Raises:
        ContractError: if the model has no contract, or one that this installation can't meet; the
            message says what to install.
        MissingExtraError: if its features need an extra that isn't installed.
    """
    wanted = model.spec
    if wanted is None:
        raise ContractError(
            "the model was trained on features that came from elsewhere, without a contract: it "
            "encodes such features, but can't embed recordings"
        )
    try:
        found = installed(wanted).spec
    except ContractError as error:
        raise ContractError(
            f"{error}. The model needs features of {wanted}, a set that this installation doesn't "
            "have: it encodes such features, but can't embed recordings"
        ) from None
    if found == wanted:
        return found
    # what the probe decides is left out here
    alike = without_digests(found.backend) == without_digests(wanted.backend)
    backend = wanted.backend if alike else found.backend
    wanted.check(replace(found, backend=backend, backend_version=wanted.backend_version))
    _check_probe(model, wanted, found)
    _LOG.info("%s gives the features of %s; the model takes it over", found, wanted)
    return found


def adopt(model: AffectModel) -> AffectModel:
    """The model under the contract of this installation.

    Returns:
        The model itself where the contracts are equal; else one with the installed contract, whose
        record names both versions, or both encoders, under `adopted`.

    Raises:
        ContractError: as [`meet`][affectspace.model.contract.meet].
    """
    found = meet(model)
    if found == model.spec or model.spec is None:
        return model
    adopted = {"from": model.spec.backend_version, "to": found.backend_version}
    if found.backend != model.spec.backend:  # another encoder
        adopted = {
            way: f"{spec.backend} {spec.backend_version}"
            for way, spec in (("from", model.spec), ("to", found))
        }
    return replace(model, spec=found, record={**model.record, "adopted": adopted})


def probe_distances(model: AffectModel) -> Array | None:
    """How far the installed features lie from the model's on the probe signal.

    Returns:
        Shape `(f,)`, in deviations of the training rows; None where the model brought no probe, or
        one of a signal that is not known here.

    Raises:
        ContractError: if this installation has no such feature set.
    """
    return None if model.spec is None else _distances(model, model.spec)


def _distances(model: AffectModel, found: FeatureSpec) -> Array | None:
    if model.probe is None or model.probe.signal != PROBE_SIGNAL:
        return None
    difference = run_probe(found).astype(np.float64) - model.probe.values
    return np.asarray(np.abs(difference) / model.scale)


def _check_probe(model: AffectModel, wanted: FeatureSpec, found: FeatureSpec) -> None:
    here = _versions(found)
    needed = {name: version for name, version in _versions(wanted).items() if here[name] != version}
    remedy = _remedy(needed, model)
    versions = "; ".join(
        f"the model needs {name} {version}, and {here[name]} is here"
        for name, version in needed.items()
    )
    distances = _distances(model, found)
    if distances is None:
        raise ContractError(
            f"{versions}; the model brings no probe to tell whether they agree: {remedy}"
        )
    apart = int((~(distances <= TOLERANCE)).sum())
    if apart:
        worst = int(np.argmax(np.nan_to_num(distances, nan=np.inf)))
        raise ContractError(
            f"{versions}; they differ in {apart} of {len(distances)} features, most in "
            f"{wanted.features[worst]} (by {distances[worst]:.3g} deviations): {remedy}"
        )


def _versions(spec: FeatureSpec) -> dict[str, str]:
    """What is behind a contract, with versions; several where sets stand side by side.

    A package by its name; a set of our own, which counts its versions by itself, by the backend's;
    the files of an encoder by what it is, with their digest.
    """
    backends = spec.backend.split(JOINED)
    names = [backend if backend.startswith(OWN) else backend.split()[0] for backend in backends]
    versions = spec.backend_version.split(JOINED)
    encoders = {
        # transformers whisper, layer 3, ...
        f"{backend.partition(' ')[2].partition(', mean')[0]}{_ENCODER}": digest
        for backend in backends
        if (digest := digest_of(backend))
    }
    return dict(zip(names, versions * len(names), strict=False)) | encoders


def _remedy(needed: Mapping[str, str], model: AffectModel) -> str:
    """What to do for the versions that a model needs."""
    made_with = model.record.get("versions")
    known = made_with.get("affectspace") if isinstance(made_with, Mapping) else None
    made = f" (the model was made with {known})" if isinstance(known, str) else ""
    exact, wanted, encoders = [], [], []
    for name, version in needed.items():
        if name.endswith(_ENCODER):
            encoders.append("name the encoder that the model was made with (--encoder PATH_OR_ID)")
        elif name.startswith(OWN):
            wanted.append(f"a version of affectspace that has {name} {version}{made}")
        else:
            exact.append(f"{name}=={version}")
    pip = f" (pip install {' '.join(map(repr, exact))})" if exact else ""
    install = [f"install {' and '.join([*exact, *wanted])}{pip}"] if exact or wanted else []
    return ", and ".join([*install, *encoders])
