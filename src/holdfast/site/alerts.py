"""`[alerts]`: where notifications go."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, InstanceOf, field_validator

from holdfast.site.addresses import Network
from holdfast.site.errors import Refused
from holdfast.site.secrets import SecretRef
from holdfast.site.table import Table, distinct, text_to


def target(text: str) -> SecretRef:
    """Where an apprise URL is kept: it holds a token, so it is a secret."""
    ref = SecretRef.parse(text, key="alerts.to")
    if "admin" in ref.placeholders:
        raise Refused("an alert has no {admin}", "remove it, or use {host}")
    return ref


class Alerts(Table):
    """Where notifications go, and the networks whose logins raise none."""

    to: Annotated[
        tuple[Annotated[InstanceOf[SecretRef], BeforeValidator(text_to(target))], ...],
        AfterValidator(distinct),
    ] = ()
    quiet: Annotated[tuple[Network, ...], AfterValidator(distinct)] = ()

    @field_validator("to")
    @classmethod
    def _know_their_keys(cls, refs: tuple[SecretRef, ...]) -> tuple[SecretRef, ...]:
        return tuple(replace(ref, key=f"alerts.to[{index}]") for index, ref in enumerate(refs))
