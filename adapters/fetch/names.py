"""What a served document is called and what came beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

import httpx2

from carbon254.core.domain.documents import Request

KEPT_HEADERS: Final = (
    "content-type", "content-disposition", "last-modified", "etag", "date", "content-length",
)  # fmt: skip
DEFAULT_MEDIA_TYPE: Final = "application/octet-stream"
_PARAMETER: Final = re.compile(r";\s*([!#$%&'*+.^`|~\w-]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;]*)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST: Final = 255


def document_name(request: Request, response: httpx2.Response, url: httpx2.URL) -> str:
    """The request's name for the document, else the server's, else the last part of the URL, else the host."""
    served = disposition_name(response.headers.get("content-disposition", ""))
    last = _clean(unquote(url.path.rstrip("/").rsplit("/", 1)[-1]))
    return request.name or served or last or url.host


def disposition_name(header: str) -> str | None:
    """The file name of a Content-Disposition (RFC 6266); ``filename*`` goes before ``filename``; no folders."""
    found: dict[str, str] = {}
    for name, text in _PARAMETER.findall(";" + header.partition(";")[2]):
        found.setdefault(name.lower(), text.strip())
    return (
        _clean(_extended(found.get("filename*", "")))
        or _clean(_unquoted(found.get("filename", "")))
        or None
    )


def media_type(response: httpx2.Response) -> str:
    """The media type in lower case, without parameters."""
    named = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return named or DEFAULT_MEDIA_TYPE


def kept_headers(response: httpx2.Response) -> Mapping[str, str]:
    """The headers that say something of the document; never cookies."""
    return {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}


def _extended(text: str) -> str:
    """``UTF-8''na%C3%AFve.csv`` of RFC 8187; empty when it is none."""
    charset, _, rest = text.strip('"').partition("'")
    _, mark, value = rest.partition("'")
    if not mark or charset.lower() not in {"utf-8", "iso-8859-1"}:
        return ""
    return unquote_to_bytes(value).decode(charset, errors="replace")


def _unquoted(text: str) -> str:
    if text[:1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _clean(name: str) -> str:
    """The last part of a path of either style, without control characters; empty when nothing is left."""
    last = _CONTROL.sub("", re.split(r"[/\\]", name)[-1]).strip()[-_LONGEST:]
    return "" if last in {".", ".."} else last
