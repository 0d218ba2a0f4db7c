"""Reading XML of others: bounded, without declarations, entities or anything from elsewhere."""

from __future__ import annotations

import re

from lxml import etree

MOST_BYTES = 256 * 1024
MOST_NODES = 10_000
ENCODING = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]*)""")
UTF_8 = (b"utf-8", b"utf8", b"us-ascii")
"""In another one, whoever reads the declaration reads another document."""


class BadXml(Exception):
    """What is no XML, or XML that is not taken; the message says what."""


def parsed(data: bytes, *, remarks: bool = False) -> etree._Element:
    """Return the root of a document. Raises BadXml.

    Comments and processing instructions are refused unless `remarks`: they may stand in the
    middle of a text, which is then read as two.
    """
    if len(data) > MOST_BYTES:
        raise BadXml("it is too long")
    if b"<!" in data.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        raise BadXml("it has declarations")
    declared = ENCODING.match(data)
    if declared is not None and declared[1].lower() not in UTF_8:
        raise BadXml("it is not in UTF-8")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=remarks,
        remove_pis=remarks,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise BadXml("it is no XML in UTF-8") from None
    if root.getroottree().docinfo.doctype:
        raise BadXml("it has declarations")
    around = (*root.itersiblings(preceding=True), *root.itersiblings())
    if around or any(not isinstance(one.tag, str) for one in root.iter()):
        raise BadXml("it has comments or instructions")
    if sum(1 for _ in root.iter()) > MOST_NODES:
        raise BadXml("it has too many elements")
    return root
