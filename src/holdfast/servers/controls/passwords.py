"""A password that can be guessed is refused when it is set, whoever sets it.

Source: guide G3.4; NIST SP 800-63B-4 for the default. Corrected: libpam-cracklib is gone since
Debian 12, and its line in the guide contradicts itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers import pam_config, pwquality
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
from holdfast.servers.snapshot import Snapshot, judged
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
SHOWN = 200  # characters of a host's own text in a gap

# The option, and what it has to be at least. A credit is one at most: a positive one takes
# characters off the length, a negative one demands that many of its class.
FLOORS: Mapping[PasswordProfile, Mapping[str, int]] = {
    PasswordProfile.NIST: {"minlen": 15},
    PasswordProfile.COMPLIANCE: {"minlen": 10, "difok": 3},
}
CREDITS: Mapping[PasswordProfile, Mapping[str, int]] = {
    PasswordProfile.NIST: {"ucredit": 0, "lcredit": 0, "dcredit": 0, "ocredit": 0},
    PasswordProfile.COMPLIANCE: {"ucredit": -1, "lcredit": -2, "dcredit": -1, "ocredit": -1},
}
# Checks that are on by default and must not be switched off.
CHECKS = ("dictcheck", "usercheck", "enforcing")
DEFAULTS = {
    "minlen": 8,
    "difok": 1,
    "ucredit": 0,
    "lcredit": 0,
    "dcredit": 0,
    "ocredit": 0,
    "retry": 1,
    **dict.fromkeys(CHECKS, 1),
}


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what lets a weak password be set."""
    snapshot = snapshots[host.name]
    for package in PACKAGES:
        if package not in judged(snapshot.packages):
            want = Want(f"package {package}", "installed", "yes", Phase.WIDEN)
            yield Gap(f"{package} is not installed", f"package {package}: absent", wants=(want,))
    asked = _asked(snapshot)
    if asked is None:
        yield _not_asked(snapshot)
    arguments = () if asked is None else asked.arguments
    texts = _texts(snapshot)
    held = pwquality.combined(texts, arguments)
    unread = _unread(texts)
    if unread is not None:
        yield unread  # what the rules then are, and whether ours would count, is seen afterwards
    else:
        yield from _rules(held, texts, arguments, site.profiles.passwords)
    if held.get("dictpath"):
        yield _other_dictionary(held["dictpath"], texts)
    tries = _number(held, "retry")
    if not 0 < tries <= MOST_TRIES:
        yield Gap(
            f"a new password may be tried {tries} times",
            f"{STACK} and {pwquality.MAIN}: retry={tries}",
            mend="set retry=3 in /usr/share/pam-configs/pwquality, then: sudo pam-auth-update",
        )
    yield from _other_ways(snapshot)


def _asked(snapshot: Snapshot) -> pam_config.PamLine | None:
    """Return the rule of the stack that nobody gets past with a weak password, None without one."""
    for rule in _rules_of(STACK, snapshot, "password", pam_config.INCLUDE):
        if rule.module == pwquality.MODULE:
            return rule if rule.binding else None
        if rule.module == "pam_unix.so" or not rule.goes_on:
            return None  # the password is set already, or may be without the question
    return None


def _rules_of(path: str, snapshot: Snapshot, *kinds: str) -> list[pam_config.PamLine]:
    held = snapshot.files.get(path)
    text = "" if held is None else judged(held).content or ""
    return [rule for rule in pam_config.parse(text) if rule.kind in kinds]


def _setting_passwords(path: str, snapshot: Snapshot) -> list[pam_config.PamLine]:
    return _rules_of(path, snapshot, "password")


def _not_asked(snapshot: Snapshot) -> Gap:
    what, evidence = "a new password is not checked", f"{STACK} has no {pwquality.MODULE}"
    stands = [r for r in _setting_passwords(STACK, snapshot) if r.module == pwquality.MODULE]
    if stands:
        shown = stands[0].text.strip()[:SHOWN]
        evidence = f"{STACK}: {shown}: it does not bind, comes too late or may be skipped"
    held = snapshot.files.get(STACK)
    edited = held is not None and "pam-auth-update" not in (judged(held).content or "")
    if stands or edited:
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


def _unread(texts: Mapping[str, str]) -> Gap | None:
    path, line = pwquality.refused(texts) or (pwquality.FILE, "")
    if path == pwquality.FILE:
        return None  # ours is written anew, without that line
    return Gap(
        "the rules for passwords are not read to their end",
        f"{path}: {line[:SHOWN]}",
        mend=f"libpwquality does not understand this line of {path} and stops there: mend it",
    )


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
        if _number(held, option) == 0:
            wanted[option] = "1"
    if "enforce_for_root" not in held:
        wanted["enforce_for_root"] = FLAG
    own = held.get("badwords", "").split()
    if not set(FORBIDDEN.split()) <= set(own):
        wanted["badwords"] = " ".join(dict.fromkeys([*FORBIDDEN.split(), *own]))
    for option, value in wanted.items():
        yield _rule(option, value, held, texts, arguments)


def _rule(
    option: str,
    value: str,
    held: Mapping[str, str],
    texts: Mapping[str, str],
    arguments: tuple[str, ...],
) -> Gap:
    seen = f"{option} is {held[option][:SHOWN]}" if option in held else f"{option} is not set"
    what = f"the rule for passwords is weaker than it should be in {option}"
    if any(argument.partition("=")[0].lower() == option for argument in arguments):
        mend = f"take {option} out of /usr/share/pam-configs/pwquality, then: sudo pam-auth-update"
        return Gap(what, f"{STACK}: {seen}", mend=mend)
    if pwquality.too_long(f"{option} = {value}"):
        mend = f"shorten {option} on the host: libpwquality reads no line that would hold them all"
        return Gap(what, seen, mend=mend)
    wants = [Want("pwquality", option, value, Phase.WIDEN)]
    for path in pwquality.read_after_ours(texts):  # what overrides ours gives way
        for line in texts[path].split("\n"):
            if option in pwquality.parse(line):
                wants.append(Want(f"lines {path}", line, f"# {line}", Phase.WIDEN))
    return Gap(what, seen, wants=tuple(wants))


def _other_dictionary(path: str, texts: Mapping[str, str]) -> Gap:
    places = [place for place in texts if "dictpath" in pwquality.parse(texts[place])]
    return Gap(
        "new passwords are compared with another dictionary than Debian's, or with none",
        f"dictpath is {path[:SHOWN]}",
        mend=f"take dictpath out of {', '.join(sorted(places)) or STACK}",
    )


def _number(held: Mapping[str, str], option: str) -> int:
    return int(held[option]) if option in held else DEFAULTS[option]


def _other_ways(snapshot: Snapshot) -> Iterator[Gap]:
    """Services that set passwords by rules of their own."""
    for path in sorted(snapshot.files):
        if not path.startswith("/etc/pam.d/") or path.startswith("/etc/pam.d/common-"):
            continue
        own = _setting_passwords(path, snapshot)
        sets = [rule for rule in own if rule.module == "pam_unix.so"]
        if sets and not any(rule.module == pwquality.MODULE for rule in own):
            yield Gap(
                "passwords can be set past the rule",
                f"{path}: {sets[0].text.strip()}",
                mend=f"put `@include common-password` in the place of that line of {path}",
            )


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
