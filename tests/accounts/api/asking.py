"""A program that uses the API of a running service."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.service import Service


@dataclass(frozen=True)
class Said:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Program:
    """Sends requests with a key."""

    service: Service
    key: str

    def __call__(self, method: str, path: str, data: object = None, **headers: str) -> Said:
        sent = {"Host": f"localhost:{self.service.port}", **headers}
        if self.key:
            sent["Authorization"] = f"Bearer {self.key}"
        body = None
        if data is not None:
            body = data.encode() if isinstance(data, str) else json.dumps(data).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        try:
            connection.request(method, f"/api/v1{path}", body, sent)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            return Said(answer.status, dict(answer.headers.items()), text)
        finally:
            connection.close()


def run(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `holdfast` on the service."""
    config = str(service.data.parent / "accounts.toml")
    argv = [sys.executable, "-m", "holdfast.cli.main", *words, "--config", config]
    argv += ["--data", str(service.data)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def program(service: Service, name: str, *scopes: str) -> Program:
    """A program with a new key, made in the service's own shell."""
    done = run(service, "keys", "make", name, *(f"--scope={scope}" for scope in scopes))
    assert done.returncode == 0, done.stderr
    return Program(service, done.stdout.strip())
