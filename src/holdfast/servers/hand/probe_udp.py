"""Datagrams: a service rarely answers what it does not understand, so known ones are asked.

`open` says that a datagram came back from that address, `refused` that the system behind it said
that nobody listens (ICMP port unreachable; systems send few of those a second), `silent` that
neither came: filtered, or a service that does not answer this.
"""

from __future__ import annotations

import errno
import selectors
import socket
from typing import Any, Dict, Optional

from .probe_attempts import Attempts, Target, outcome_of

LARGEST_ANSWER = 4096

# Errors that ICMP brings are told to a socket that is not connected only when it asks for them.
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}

_IKE = b"holdfast" + bytes(8) + b"\x00\x30\x22\x08" + bytes(4) + b"\x00\x00\x00\x1c"
_NETBIOS_NAME = b"\x20CK" + b"A" * 30 + b"\x00"


def _rpc(program: int, version: int) -> bytes:
    words = (0x48464354, 0, 2, program, version, 0, 0, 0, 0, 0)
    return b"".join(word.to_bytes(4, "big") for word in words)


# The shortest harmless question that each service answers, by port.
QUESTIONS: Dict[int, bytes] = {
    # the name servers of the root, RFC 1035
    53: b"HF\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01",
    # read a file: the refusal comes from a port of its own, RFC 1350
    69: b"\x00\x01holdfast\x00octet\x00",
    # procedure 0 of rpcbind and of NFS, RFC 5531
    111: _rpc(100_000, 2),
    2049: _rpc(100_003, 3),
    # a client of version 3, RFC 5905
    123: b"\x1b" + bytes(47),
    # the names of this node, RFC 1002
    137: b"HF" + b"\x00\x00\x00\x01" + bytes(6) + _NETBIOS_NAME + b"\x00\x21\x00\x01",
    # sysDescr.0 for the community "public", RFC 1157
    161: bytes.fromhex("302902010004067075626c6963a01c020448464354020100020100")
    + bytes.fromhex("300e300c06082b060102010101000500"),
    # the root entry, RFC 4511 (CLDAP)
    389: bytes.fromhex("3025020101632004000a01000a0100020100020100010100870b")
    + b"objectclass0\x00",
    # QUIC of an unknown version is answered with the known ones, RFC 9000 section 6
    443: (b"\xc0\x1a\x1a\x1a\x1a\x08holdfast\x00").ljust(1200, b"\x00"),
    # IKE of an unknown major version is answered with the known one, RFC 7296 section 2.5
    500: _IKE,
    4500: bytes(4) + _IKE,
    # RMCP presence ping, IPMI 2.0 section 13.2
    623: bytes.fromhex("0600ff06000011be80000000"),
    # a client's hard reset, OpenVPN
    1194: b"\x38holdfast" + bytes(5),
    # the instances of this node, MS-SQLR
    1434: b"\x02",
    # UPnP's search, sent to one host
    1900: b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
    b'MAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n',
    # binding request, RFC 8489
    3478: b"\x00\x01\x00\x00\x21\x12\xa4\x42holdfast-hfd",
    # what is asked of everybody, RFC 3261
    5060: b"OPTIONS sip:holdfast SIP/2.0\r\nVia: SIP/2.0/UDP holdfast;branch=z9hG4bKhf;rport\r\n"
    b"From: <sip:holdfast>;tag=hf\r\nTo: <sip:holdfast>\r\nCall-ID: hf\r\n"
    b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
    # the services of this link, answered to one host alone, RFC 6762 and RFC 6763
    5353: b"\x00\x00\x00\x00\x00\x01" + bytes(6) + b"\x09_services\x07_dns-sd\x04_udp\x05local"
    b"\x00\x00\x0c\x80\x01",
    # an empty confirmable message is reset, RFC 7252 section 4.3
    5683: b"\x40\x00HF",
    # memcached's frame, and the command
    11211: b"HF\x00\x00\x00\x01\x00\x00version\r\n",
}
OTHERWISE = b"\r\n"


class UdpAttempts(Attempts):
    """One datagram to each target; the answer may come from another port of its address."""

    kind = socket.SOCK_DGRAM
    awaits = selectors.EVENT_READ

    def start(self, attempt: socket.socket, address: Any, port: int) -> Optional[str]:
        attempt.setsockopt(*_RECVERR[attempt.family], 1)
        attempt.sendto(QUESTIONS.get(port, OTHERWISE), address)
        return None

    def answer(self, attempt: socket.socket, target: Target) -> Optional[str]:
        try:
            _, sender = attempt.recvfrom(LARGEST_ANSWER)
        except BlockingIOError:
            return None
        except OSError as error:
            return outcome_of(error.errno or errno.EIO)
        return "open" if _same(attempt.family, sender[0], target[0]) else None


def _same(family: int, one: str, other: str) -> bool:
    packed = [socket.inet_pton(family, each.partition("%")[0]) for each in (one, other)]
    return packed[0] == packed[1]
