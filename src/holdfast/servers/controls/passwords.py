"""A password that can be guessed is refused when it is set, whoever sets it.

Source: guide G3.4; NIST SP 800-63B-4 for the default. Corrected: libpam-cracklib is gone since
Debian 12, and its line in the guide contradicts itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers import pwquality
from holdfast.servers.attack import (
    Attack,
    Attacker,
    Kind,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.snapshot import Snapshot, Unreadable, judged
from holdfast.site import Host, PasswordProfile, Site

# cracklib-runtime brings the dictionary: without one, pam_pwquality refuses every password.
PACKAGES = ("libpam-pwquality", "cracklib-runtime")
STACK = "/etc/pam.d/common-password"
MOST_TRIES = 3

# Walks over a keyboard and what is tried first; a password may not contain them.
FORBIDDEN = (
    "1234567890 0987654321 1q2w3e4r 1qaz2wsx qwertyuiop qwertzuiop azertyuiop asdfghjkl "
    "zxcvbnm yxcvbnm passwor changeme letmein welcome"
)
FLAG = ""  # an option that stands without a value

# The option, and what it has to be at least (a credit: at most, more negative is stricter).
FLOORS: Mapping[PasswordProfile, Mapping[str, int]] = {
    PasswordProfile.NIST: {"minlen": 15},
    PasswordProfile.COMPLIANCE: {"minlen": 10, "difok": 3},
}
CREDITS: Mapping[PasswordProfile, Mapping[str, int]] = {
    PasswordProfile.NIST: {},
    PasswordProfile.COMPLIANCE: {"ucredit": -1, "lcredit": -2, "dcredit": -1, "ocredit": -1},
}
# Checks that are on by default and must not be switched off.
CHECKS = ("dictcheck", "usercheck", "enforcing")
DEFAULTS = {"minlen": 8, "difok": 1, "ucredit": 0, "lcredit": 0, "dcredit": 0, "ocredit": 0}


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what lets a weak password be set."""
    snapshot = snapshots[host.name]
    for package in PACKAGES:
        if package not in judged(snapshot.packages):
            want = Want(f"package {package}", "installed", "yes", Phase.WIDEN)
            yield Gap(f"{package} is not installed", f"package {package}: absent", wants=(want,))
    arguments = _arguments(snapshot)
    if arguments is None:
        yield _not_asked(snapshot)
    texts = _texts(snapshot)
    held = pwquality.combined(texts, arguments or ())
    yield from _rules(held, texts, arguments or (), site.profiles.passwords)
    tries = pwquality.combined({}, arguments or ()).get("retry", "1")
    if not tries.isdigit() or not 0 < int(tries) <= MOST_TRIES:
        yield Gap(
            f"a new password may be tried {tries} times",
            f"{STACK}: retry={tries}",
            mend="set retry=3 in /usr/share/pam-configs/pwquality, then: sudo pam-auth-update",
        )
    yield from _other_ways(snapshot)


def _arguments(snapshot: Snapshot) -> tuple[str, ...] | None:
    """Return what stands behind pam_pwquality.so in the stack for passwords, None without it."""
    for line in _lines(STACK, snapshot):
        words = line.split()
        if pwquality.MODULE in words and words[0] == "password":
            return tuple(words[words.index(pwquality.MODULE) + 1 :])
    return None


def _lines(path: str, snapshot: Snapshot) -> list[str]:
    held = snapshot.files.get(path)
    text = "" if held is None else judged(held).content or ""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _not_asked(snapshot: Snapshot) -> Gap:
    what, evidence = "a new password is not checked", f"{STACK} has no {pwquality.MODULE}"
    held = snapshot.files.get(STACK)
    if held is not None and "pam-auth-update" not in (judged(held).content or ""):
        mend = "this file is not Debian's any more: look at it, then: sudo pam-auth-update --force"
        return Gap(what, evidence, mend=mend)
    value = f"password {pwquality.MODULE}"
    return Gap(what, evidence, wants=(Want("pam pwquality", "enabled", value, Phase.WIDEN),))


def _texts(snapshot: Snapshot) -> dict[str, str]:
    """Return the text of each configuration file of libpwquality."""
    return {
        path: judged(held).content or ""
        for path, held in snapshot.files.items()
        if path == pwquality.MAIN or path.startswith(pwquality.FOLDER + "/")
    }


def _rules(
    held: Mapping[str, str],
    texts: Mapping[str, str],
    arguments: tuple[str, ...],
    profile: PasswordProfile,
) -> Iterator[Gap]:
    wanted: dict[str, str] = {}
    for option, least in FLOORS[profile].items():
        if _number(held, option) < least:
            wanted[option] = str(least)
    for option, most in CREDITS[profile].items():
        if _number(held, option) > most:
            wanted[option] = str(most)
    for option in CHECKS:
        if _off(held.get(option, "1")):
            wanted[option] = "1"
    if "enforce_for_root" not in held:
        wanted["enforce_for_root"] = FLAG
    if not set(FORBIDDEN.split()) <= set(held.get("badwords", "").split()):
        wanted["badwords"] = FORBIDDEN
    for option, value in wanted.items():
        yield _rule(option, value, held, texts, arguments)


def _rule(
    option: str,
    value: str,
    held: Mapping[str, str],
    texts: Mapping[str, str],
    arguments: tuple[str, ...],
) -> Gap:
    seen = f"{option} is {held[option]}" if option in held else f"{option} is not set"
    what = f"the rule for passwords is weaker than it should be in {option}"
    if any(argument.partition("=")[0] == option for argument in arguments):
        mend = f"take {option} out of /usr/share/pam-configs/pwquality, then: sudo pam-auth-update"
        return Gap(what, f"{STACK}: {seen}", mend=mend)
    wants = [Want("pwquality", option, value, Phase.WIDEN)]
    for line in texts.get(pwquality.MAIN, "").splitlines():
        if option in pwquality.parse(line):  # the main file overrides ours: its line gives way
            wants.append(Want(f"lines {pwquality.MAIN}", line, f"# {line}", Phase.WIDEN))
    return Gap(what, seen, wants=tuple(wants))


def _number(held: Mapping[str, str], option: str) -> int:
    try:
        return int(held[option])
    except (KeyError, ValueError):
        return DEFAULTS[option]


def _off(value: str) -> bool:
    return value.lstrip("-").isdigit() and int(value) == 0


def _other_ways(snapshot: Snapshot) -> Iterator[Gap]:
    """Services that set passwords by rules of their own."""
    for path in sorted(snapshot.files):
        if not path.startswith("/etc/pam.d/") or path.startswith("/etc/pam.d/common-"):
            continue
        if isinstance(snapshot.files[path], Unreadable):
            continue
        own = [line for line in _lines(path, snapshot) if _sets_passwords(line)]
        if own and not any(pwquality.MODULE in line for line in own):
            yield Gap(
                "passwords can be set past the rule",
                f"{path}: {own[0]}",
                mend=f"put `@include common-password` in the place of that line of {path}",
            )


def _sets_passwords(line: str) -> bool:
    words = line.lstrip("-").split()
    return words[:1] == ["password"] and "pam_unix.so" in words


# Each is refused for a reason of its own: guessed first, the name itself, a walk, one word twice.
WEAK = ("password", "holdfast-trial", "qwertyuiop", "qwertyuiopasdfghjkl", "passwordpassword")


async def _set_a_weak_password(attacker: Attacker) -> Verdict:
    """As a stand-in account in a private copy of /etc: no account of the host is touched.

    That a strong password is taken is the canary: a host that refuses every one proves nothing.
    """
    trial = await attacker.try_passwords(WEAK)
    taken = [word for word, accepted in zip(WEAK, trial.accepted, strict=True) if accepted]
    if taken:
        return succeeded(f"could be set: {', '.join(taken)}")
    if not trial.strong:
        return inconclusive(f"not even a strong password can be set: {trial.reason}")
    return repelled(f"refused: {', '.join(WEAK)}; a strong one is taken")


PASSWORDS_QUALITY = Control(
    id="passwords.quality",
    title="A guessable password cannot be set",
    principle=Principle.AUTOMATE_CHECKS,
    source="G3.4",
    severity=Severity.MEDIUM,
    stops="an admin's password is guessed, and with it sudo",
    changes=(
        "Installs libpam-pwquality with a dictionary, switches it on through pam-auth-update and "
        "writes pwquality.conf.d/50-holdfast.conf; root is held to it too. Before anything is "
        "touched, PAM is tried in a private copy of /etc: who gets in now must get in then."
    ),
    deviates=(
        "The guide uses libpam-cracklib, which is gone since Debian 12, sets minlen twice and "
        "demands classes of characters. The default here is a length of 15 and no classes (NIST "
        "SP 800-63B-4); the guide's rule is the profile `compliance`. common-password is never "
        "written by hand, which the next pam-auth-update would undo or refuse."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "weak-password",
            "set `password`, the user's name, a walk over the keyboard",
            "the host itself",
            Kind.SAFE,
            _set_a_weak_password,
        ),
    ),
)
