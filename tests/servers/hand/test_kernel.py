"""Parameters of the kernel, tried in a network namespace of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.servers.hand import kernel
from holdfast.servers.hand.failed import Failed
from holdfast.servers.hand.kernel import Parameters, read_kernel

SOURCE = Path(kernel.__file__).parents[3]
REDIRECTS = "net/ipv4/conf/lo/accept_redirects"


def step(*values: tuple[str, str]) -> Parameters:
    return Parameters({"kind": "parameters", "values": [list(one) for one in values]})


def test_this_kernel_is_read() -> None:
    parameters: Any = read_kernel()["parameters"]
    assert parameters["kernel/randomize_va_space"] in ("0", "1", "2")
    assert REDIRECTS in parameters


def test_a_parameter_that_is_not_there_is_left_out() -> None:
    assert step(("net/ipv4/conf/no-such-link/rp_filter", "1")).look()["values"] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "net/../../etc/passwd"])
def test_what_lies_elsewhere_is_no_parameter(name: str) -> None:
    with pytest.raises(Failed, match="is no parameter of the kernel"):
        step((name, "1")).look()


PROGRAM = f"""
import json, sys
sys.path.insert(0, {str(SOURCE)!r})
from holdfast.servers.hand.kernel import Parameters, read_kernel
one = Parameters({{"kind": "parameters", "values": [[{REDIRECTS!r}, "0"], ["net/x/gone", "1"]]}})
seen = one.look()
read = lambda: read_kernel()["parameters"][{REDIRECTS!r}]
said = [read()]
one.do(lambda text: None)
said.append(read())
one.restore(seen)
said.append(read())
print(json.dumps([said, seen["state"] == one.look()["state"]]))
"""


@pytest.mark.usefixtures("needs_root")
def test_a_value_is_set_and_put_back() -> None:
    ran = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == [["1", "0", "1"], True]
