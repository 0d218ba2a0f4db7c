"""Browsers are told what pages may do.

Source: the article on mixed content, and the OWASP Secure Headers Project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from holdfast.servers.applications.attack import AppAttack, AppAttacker
from holdfast.servers.applications.http import Answer
from holdfast.servers.attack import Verdict, inconclusive, repelled, succeeded
from holdfast.servers.control import Control, Principle, Severity

SAFE_REFERRERS = frozenset({
    "no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin", "origin",
    "origin-when-cross-origin",
})  # fmt: skip
ANYTHING = frozenset({"*", "http:", "https:", "data:", "blob:"})


def policy(answer: Answer) -> Mapping[str, tuple[str, ...]]:
    """Return the directives of the policies that are enforced; the first of a name counts."""
    found: dict[str, tuple[str, ...]] = {}
    for one in answer.header("content-security-policy").replace(",", ";").split(";"):
        name, *values = one.lower().split()[:200] or [""]
        found.setdefault(name, tuple(values))
    return found


def _pages(attacker: AppAttacker) -> dict[str, Answer]:
    """The pages that a browser shows; what an API answers is not shown."""
    pages = attacker.ground.pages.items()
    return {at: answer for at, answer in pages if answer.is_html and not 300 <= answer.status < 400}


def _values(answer: Answer, name: str) -> set[str]:
    """The values of a header, which a proxy may have added once more."""
    return {one.strip().lower() for one in answer.header(name).split(",")}


async def _frame(attacker: AppAttacker) -> Verdict:
    return _judged(
        attacker,
        lambda answer: (
            bool(set(policy(answer).get("frame-ancestors", ANYTHING)) & ANYTHING)
            and _values(answer, "x-frame-options") not in ({"deny"}, {"sameorigin"})
        ),
        "may be shown in a frame of any site",
        "no page may be shown in a frame of another site",
    )


def _runs_foreign_scripts(answer: Answer) -> bool:
    said = policy(answer)
    scripts = said.get("script-src", said.get("default-src"))
    if scripts is None:
        return True
    named = any(one.startswith(("'nonce-", "'sha")) for one in scripts)
    strict = "'strict-dynamic'" in scripts and named
    inline = "'unsafe-inline'" in scripts and not named
    return inline or (bool(set(scripts) & ANYTHING) and not strict)


async def _script(attacker: AppAttacker) -> Verdict:
    return _judged(
        attacker,
        _runs_foreign_scripts,
        "would run a script that somebody has written into it",
        "no page runs scripts that its server has not named",
    )


async def _sniff(attacker: AppAttacker) -> Verdict:
    return _judged(
        attacker,
        lambda answer: _values(answer, "x-content-type-options") != {"nosniff"},
        "lets browsers guess what it is",
        "every page is what its server says",
    )


async def _referrer(attacker: AppAttacker) -> Verdict:
    """Today's browsers send the origin alone unless told otherwise; older ones need to be told."""

    def tells(answer: Answer) -> bool:
        said = [one.strip().lower() for one in answer.header("referrer-policy").split(",")]
        return said[-1] not in SAFE_REFERRERS

    return _judged(
        attacker, tells, "tells other sites its whole address", "no page tells its address"
    )


async def _cookies(attacker: AppAttacker) -> Verdict:
    """What a page sets is judged; the session itself where the trial signs in by a password."""
    seen = {}
    for at, answer in attacker.ground.pages.items():
        for line in answer.all("set-cookie"):
            name, _, rest = line.partition("=")
            if not rest.partition(";")[0].strip(' "'):
                continue  # it is taken back
            flags = {part.strip().lower().partition("=")[0] for part in rest.split(";")[1:]}
            wanted = {"secure", "samesite"}
            if name in attacker.first.session:
                wanted.add("httponly")
            if missing := sorted(wanted - flags):
                seen[name] = f"{at} sets {name[:60]} without {' and '.join(missing)}"
    if seen:
        return succeeded("; ".join(list(seen.values())[:3]))
    return repelled("every cookie that a page sets is Secure and has SameSite")


def _judged(attacker: AppAttacker, weak: Callable[[Answer], bool], bad: str, good: str) -> Verdict:
    pages = _pages(attacker)
    if not pages:
        return inconclusive("no page was found that a browser would show")
    if found := [at for at, answer in pages.items() if weak(answer)]:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return succeeded(f"{found[0]} {bad}{more}")
    return repelled(f"{good} ({len(pages)} were looked at)")


WEB_HEADERS = Control(
    id="web.headers",
    title="Browsers are told what pages may do",
    principle=Principle.ENCRYPT,
    source="article on mixed content",
    severity=Severity.MEDIUM,
    stops="A page of another site shows this one in a frame and has its visitors press its "
    "buttons; a script that slipped into a page runs; an upload is taken for a script.",
    changes="Send Content-Security-Policy with nonces and frame-ancestors, X-Content-Type-Options "
    "and Referrer-Policy with every page, as `holdfast.guard` does.",
    app_attacks=(
        AppAttack("frame", "show a page in a frame of another site", _frame, needs=frozenset()),
        AppAttack(
            "script", "run a script that was written into a page", _script, needs=frozenset()
        ),
        AppAttack(
            "sniff", "have a browser take a page for something else", _sniff, needs=frozenset()
        ),
        AppAttack(
            "referrer",
            "learn the address of a page from its visitors",
            _referrer,
            needs=frozenset(),
        ),
        AppAttack(
            "cookies", "read cookies by a script, or on the way", _cookies, needs=frozenset()
        ),
    ),
)
