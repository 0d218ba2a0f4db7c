"""A private key that is stolen from an admin's machine opens nothing by itself.

Source: guide G3.7. A server cannot see this: the verb `doctor` looks at the machine it runs on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holdfast.servers.control import Control, Gap, NotApplicable, Principle, Severity
from holdfast.servers.snapshot import Snapshot
from holdfast.site import Host, Site


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Raise NotApplicable: no server knows how a key is kept on the other end."""
    raise NotApplicable(
        "no server can see how a private key is kept: run `holdfast doctor` on each admin's machine"
    )


ADMINS_KEY_PASSPHRASE = Control(
    id="admins.key-passphrase",
    title="The private keys that log in are protected where they lie",
    principle=Principle.IDENTIFY_USERS,
    source="G3.7",
    severity=Severity.HIGH,
    stops="whoever copies a file off an admin's machine, or its backup, logs in as that admin",
    changes=(
        "Nothing on a server. `holdfast doctor` looks at the machine it runs on, `init` and "
        "`apply` say when the key that they use has no passphrase."
    ),
    gaps=gaps,
)
