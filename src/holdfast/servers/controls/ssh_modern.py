"""What is said over SSH can be read by the two ends alone, today and later.

Source: guide G3.7. Corrected: judged is which weak algorithms are offered, never whether the list
is exactly some list, and what is wanted only takes away; so newer and better algorithms pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from holdfast.servers.attack import (
    AlgorithmClass,
    Attack,
    Attacker,
    Exchange,
    Kind,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.control import Control, Gap, Principle, Severity
from holdfast.servers.snapshot import CannotJudge, Snapshot, Sshd
from holdfast.servers.sshd_config import FILE
from holdfast.servers.sshd_decisions import (
    UNSET,
    Decision,
    decisions,
    judged_sshd,
    setting_gap,
    unread_configuration,
)
from holdfast.site import Host, Site

_1024 = "a group of 1024 bits"
_2048 = "a group of 2048 bits"
_CBC = "a mode whose plaintext has been recovered (CVE-2008-5161)"
_DSA = "keys of 1024 bits"
_MD5 = "MD5"
_NIST = "a curve of NIST, whose constants nobody has explained"
_RC4 = "RC4, which is broken"
_SHA1 = "SHA-1, for which collisions have been computed"
_TAG = "a tag of 64 bits"

# Keyword → pattern as sshd takes it (sshd_config(5), ssh_config(5) PATTERNS) → what is weak.
WEAK: Mapping[str, Mapping[str, str]] = {
    "KexAlgorithms": {
        "diffie-hellman-group-exchange-*": f"the client may choose {_2048}",
        "diffie-hellman-group1-*": _1024,
        "diffie-hellman-group14-*": _2048,
        "ecdh-sha2-*": _NIST,
    },
    "Ciphers": {"*-cbc*": _CBC, "arcfour*": _RC4},
    "MACs": {"hmac-md5*": _MD5, "hmac-sha1*": _SHA1, "umac-64*": _TAG},
    "HostKeyAlgorithms": {
        "ecdsa-sha2-*": _NIST,
        "sk-ecdsa-*": _NIST,
        "ssh-dss*": _DSA,
        "ssh-rsa": _SHA1,
        "ssh-rsa-cert-*": _SHA1,
    },
    # A key on a security key cannot be copied off it, which outweighs its curve.
    "PubkeyAcceptedAlgorithms": {
        "ecdsa-sha2-nistp256*": _NIST,
        "ecdsa-sha2-nistp384*": _NIST,
        "ecdsa-sha2-nistp521*": _NIST,
        "ssh-dss*": _DSA,
        "ssh-rsa": _SHA1,
        "ssh-rsa-cert-*": _SHA1,
    },
    "CASignatureAlgorithms": {"ecdsa-sha2-*": _NIST, "ssh-dss*": _DSA, "ssh-rsa": _SHA1},
}
SMALLEST_RSA = "RequiredRSASize"  # of users' keys and of the host's own
SMALLEST_RSA_BITS = 3072
KEYWORDS = frozenset({*WEAK, SMALLEST_RSA})

# What an attacker with a quantum computer will decrypt; any other key exchange may stand first.
CLASSICAL = ("curve25519-*", "curve448-*", "diffie-hellman-*", "ecdh-*")
POST_QUANTUM = ("mlkem*", "sntrup*")

HOST_KEY = "ssh-ed25519"
NEED_HOST_KEY = frozenset({"HostKeyAlgorithms", SMALLEST_RSA})  # what may take the others away
WEAK_KEY_TYPES = "ecdsa-sha2-*"  # of those that a site takes

_NAME = re.compile(r"[A-Za-z0-9@._+-]{1,64}")


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield each weak algorithm list, and each key that keeps one alive."""
    snapshot = snapshots[host.name]
    sshd = judged_sshd(snapshot)
    unread = list(unread_configuration(sshd))
    yield from unread
    modern_host_key = any(key.split()[0] == HOST_KEY for key in sshd.host_keys)
    for keyword in () if unread else WEAK:
        if modern_host_key or keyword not in NEED_HOST_KEY:
            yield from _list_gap(keyword, sshd, site, snapshot)
    if modern_host_key and not unread:
        yield from _rsa_gap(sshd, snapshot)
    if not modern_host_key:
        yield Gap(
            "the host has no ed25519 key to prove itself with",
            f"host keys: {', '.join(key.split()[0] for key in sshd.host_keys) or 'none'}",
            mend="sudo ssh-keygen -A && sudo systemctl restart ssh; if HostKey stands in sshd's "
            "configuration, add /etc/ssh/ssh_host_ed25519_key; weaker host keys stay until then",
        )
    yield from _admins_keys(site)


def _list_gap(keyword: str, sshd: Sshd, site: Site, snapshot: Snapshot) -> Iterator[Gap]:
    patterns = patterns_for(keyword, site)
    wrong: list[Decision] = []
    for found in decisions(sshd, keyword, apart={}):
        names = _names(keyword, found.value)
        weak = [name for name in names if _any(patterns, name)]
        if weak or _late(names):
            wrong.append(replace(found, value=",".join(weak or names)))
    if wrong:
        wanted, what = _wanted(keyword, sshd, patterns), _what(keyword, wrong[0].value, patterns)
        yield from setting_gap(wanted, wrong, snapshot, what=what)


def patterns_for(keyword: str, site: Site) -> Mapping[str, str]:
    """Return the weak algorithms of a keyword, less those that a key of an admin needs."""
    if keyword != "PubkeyAcceptedAlgorithms":
        return WEAK[keyword]
    needed = {key.type for admin in site.admins.values() for key in admin.keys}
    return {
        pattern: why
        for pattern, why in WEAK[keyword].items()
        if not any(fnmatchcase(type_, pattern) for type_ in needed - {"ssh-rsa"})
    }


def _wanted(keyword: str, sshd: Sshd, patterns: Iterable[str]) -> str:
    """Return what takes the weak ones away; a whole list only where the order is wrong too."""
    first = next(decisions(sshd, keyword, apart={}))
    kept = [name for name in _names(keyword, first.value) if not _any(patterns, name)]
    if not _late(kept):
        return f"-{','.join(patterns)}"
    return ",".join(sorted(kept, key=lambda name: _any(CLASSICAL, name)))


def _what(keyword: str, names: str, patterns: Mapping[str, str]) -> str:
    reasons = (why for n in names.split(",") for p, why in patterns.items() if fnmatchcase(n, p))
    if weak := "; ".join(dict.fromkeys(reasons)):
        return f"sshd offers weak {keyword}: {weak}"
    return "sshd agrees first on a key exchange that a quantum computer would break"


def _names(keyword: str, value: str) -> list[str]:
    names = [name for name in value.split(",") if name]
    if value == UNSET or not all(_NAME.fullmatch(name) for name in names):
        raise CannotJudge(f"sshd -T does not say which {keyword} it offers")
    return names


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _late(names: Sequence[str]) -> bool:
    """Whether a post-quantum key exchange is offered, after one that is not."""
    offered = any(_any(POST_QUANTUM, name) for name in names)
    return offered and _any(CLASSICAL, names[0])


def _rsa_gap(sshd: Sshd, snapshot: Snapshot) -> Iterator[Gap]:
    wrong = [
        found
        for found in decisions(sshd, SMALLEST_RSA, apart={})
        if found.value != UNSET
        and not (found.value.isdecimal() and int(found.value) >= SMALLEST_RSA_BITS)
    ]
    yield from setting_gap(str(SMALLEST_RSA_BITS), wrong, snapshot)


def _admins_keys(site: Site) -> Iterator[Gap]:
    for name, admin in site.admins.items():
        for key in admin.keys:
            if fnmatchcase(key.type, WEAK_KEY_TYPES):
                yield Gap(
                    f"{name} logs in with a key on {_NIST}",
                    f"{key.type} {key.fingerprint}",
                    mend=f"ssh-keygen -t ed25519, put the new key into admins.{name}.keys, apply, "
                    "log in with it, then take the old one out and apply again",
                )


_NISTP = ("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521")
_GROUPS = ("group-exchange-sha256", "group14-sha256", "group14-sha1", "group1-sha1")
OFFERS: Mapping[AlgorithmClass, tuple[str, ...]] = {
    AlgorithmClass.KEX: (*_NISTP, *(f"diffie-hellman-{group}" for group in _GROUPS)),
    AlgorithmClass.CIPHER: ("aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc", "arcfour256"),
    AlgorithmClass.MAC: (
        "hmac-sha1-etm@openssh.com",
        "hmac-sha1",
        "umac-64-etm@openssh.com",
        "umac-64@openssh.com",
        "hmac-md5",
    ),
    AlgorithmClass.HOST_KEY: (
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
        "ssh-dss",
    ),
}


async def _offer_weak_algorithms(attacker: Attacker) -> Verdict:
    """Class by class, the rest modern: whoever is in between picks the weakest on offer."""
    ended = {of: await attacker.exchange_keys({of: names}) for of, names in OFFERS.items()}
    agreed = [of for of, exchange in ended.items() if exchange is Exchange.COMPLETED]
    if agreed:
        return succeeded(f"keys were exchanged with nothing but a weak {', '.join(agreed)}")
    if await attacker.exchange_keys({}) is not Exchange.COMPLETED:
        return inconclusive("sshd did not agree on modern algorithms either")
    untried = [of for of, exchange in ended.items() if exchange is Exchange.UNREACHED]
    if untried:
        return inconclusive(f"sshd was not reached for a weak {', '.join(untried)}")
    return repelled(f"refused with nothing but a weak {', '.join(ended)}")


SSH_MODERN = Control(
    id="ssh.modern",
    title="SSH agrees on strong algorithms only, safe from quantum computers where it can",
    principle=Principle.ENCRYPT,
    source="G3.7",
    severity=Severity.MEDIUM,
    stops="somebody in between talks both ends down to an algorithm that can be broken",
    changes=(
        f"Takes weak algorithms off sshd's lists in {FILE}: NIST's curves, small groups, SHA-1, "
        "MD5, CBC, RC4, DSA, RSA below 3072 bits. Algorithms that a key of an admin needs stay. "
        "A client that knows the host by its ECDSA key learns the ed25519 one first."
    ),
    deviates=(
        "The guide makes RSA keys of 2048 bits; keys of the site are ed25519, on a security key, "
        "or RSA of 3072 bits and more. Lists that hardening guides have one copy pin a release's "
        "algorithms for ever: here the weak ones are subtracted, so that better ones of later "
        "releases are used at once."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "weak-algorithms",
            "agree on a weak algorithm",
            "outside",
            Kind.SAFE,
            _offer_weak_algorithms,
        ),
    ),
)
