"""Asking PAM as sshd, sudo or passwd ask it: does this stack let this person through?

A conversation with libpam itself, so that no further program has to be installed. Whoever calls
this does so aside, with a private copy of /etc: changing a password changes it there alone.
"""

from __future__ import annotations

import ctypes
from typing import Any, Callable, List, Optional

from .failed import Failed

SUCCESS = 0
CONVERSATION_ERROR = 19  # PAM_CONV_ERR
BUFFER_ERROR = 5  # PAM_BUF_ERR
PROMPT_HIDDEN, PROMPT_SHOWN, ERROR_TEXT, INFO_TEXT = 1, 2, 3, 4
FAIL_DELAY = 10  # PAM_FAIL_DELAY: the item that holds the function that waits
MOST_MESSAGES = 32
MOST_ROUNDS = 64


class _Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class _Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


_Converse = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.POINTER(_Response)),
    ctypes.c_void_p,
)
_Wait = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class _Conversation(ctypes.Structure):
    _fields_ = [("converse", _Converse), ("data", ctypes.c_void_p)]


class Result:
    """How PAM answered: `good`, the meaning of its status, and what its modules complained of."""

    def __init__(self, status: int, meaning: str, said: List[str]) -> None:
        self.good = status == SUCCESS
        self.meaning = meaning
        self.said = said

    @property
    def reason(self) -> str:
        """What it said first, or what its status means."""
        return (self.said or [self.meaning])[0]


def authenticate(service: str, user: str, password: str) -> Result:
    """Whether this password opens this service. Raises Failed."""
    return _ask(service, user, password, lambda pam, handle: pam.pam_authenticate(handle, 0))


def may_enter(service: str, user: str) -> Result:
    """Whether the account is good for this service, however it proves itself. Raises Failed."""
    return _ask(service, user, "", lambda pam, handle: pam.pam_acct_mgmt(handle, 0))


def change_password(user: str, password: str) -> Result:
    """Set a password as `passwd` run by root does, with every rule that holds. Raises Failed."""
    return _ask("passwd", user, password, lambda pam, handle: pam.pam_chauthtok(handle, 0))


def _ask(service: str, user: str, password: str, ask: Callable[[Any, Any], int]) -> Result:
    try:
        pam, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL(None)
    except OSError as error:
        raise Failed(f"PAM cannot be asked: {error}", "missing") from error
    libc.calloc.restype = ctypes.c_void_p
    libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    libc.strdup.restype = ctypes.c_void_p
    pam.pam_strerror.restype = ctypes.c_char_p
    said: List[str] = []
    rounds = [0]

    def converse(count: int, messages: Any, responses: Any, _data: Optional[int]) -> int:
        rounds[0] += 1
        if not 0 < count <= MOST_MESSAGES or rounds[0] > MOST_ROUNDS:
            return CONVERSATION_ERROR
        memory = libc.calloc(count, ctypes.sizeof(_Response))
        if not memory:
            return BUFFER_ERROR
        answers = ctypes.cast(memory, ctypes.POINTER(_Response))
        for number in range(count):
            message = messages[number].contents
            if message.style in (PROMPT_HIDDEN, PROMPT_SHOWN):
                answers[number].text = libc.strdup(password.encode())
            elif message.style == ERROR_TEXT:
                said.append((message.text or b"").decode("utf-8", "replace")[:300])
        responses[0] = answers
        return SUCCESS

    kept = (_Converse(converse), _Wait(lambda status, microseconds, data: None))
    conversation = _Conversation(kept[0], None)
    handle = ctypes.c_void_p()
    status = pam.pam_start(
        service.encode(), user.encode(), ctypes.byref(conversation), ctypes.byref(handle)
    )
    if status != SUCCESS:
        raise Failed(f"PAM does not start for {service}", "failed")
    try:
        pam.pam_set_item(handle, FAIL_DELAY, ctypes.cast(kept[1], ctypes.c_void_p))
        status = ask(pam, handle)
        meaning = (pam.pam_strerror(handle, status) or b"").decode("utf-8", "replace")
    finally:
        pam.pam_end(handle, status)
    return Result(status, meaning, said)
