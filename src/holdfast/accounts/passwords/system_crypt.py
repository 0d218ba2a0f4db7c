"""The C library's crypt(3), for forms that nothing else verifies."""

from __future__ import annotations

import ctypes
import functools
import hmac
from typing import Any

OUTPUT_BYTES = 32768  # crypt_data of libxcrypt


@functools.cache
def _library() -> Any:
    try:
        library = ctypes.CDLL("libcrypt.so.1")
    except OSError:
        return None
    library.crypt_r.restype = ctypes.c_char_p
    library.crypt_r.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
    return library


def fits(password: str, encoded: str) -> bool:
    """Whether a password fits a hash; False where the library is not there, or refuses it."""
    library = _library()
    secret = password.encode()
    if library is None or b"\0" in secret:
        return False
    data = ctypes.create_string_buffer(OUTPUT_BYTES)
    made = library.crypt_r(secret, encoded.encode(), data)
    return made is not None and hmac.compare_digest(made, encoded.encode())
