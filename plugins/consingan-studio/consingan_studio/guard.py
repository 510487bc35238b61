"""Who may ask: the right host, the same origin, the password; and what a page may load."""

from __future__ import annotations

import secrets
from base64 import b64decode
from binascii import Error
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "worker-src 'self' blob:",
        "connect-src 'self' data: blob:",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'self'",
    ]
)
"""The content security policy: the browser loads nothing from elsewhere, and sends nothing there.

Gradio's own page needs inline scripts and styles.
"""
SENT = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Guard:
    """Refuses requests of other pages, and those without the password if there is one.

    Without a password, the page is for this machine alone: then the host has to be local too, so
    that no name which leads here lets another page in (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, password: str | None) -> None:
        self._app = app
        self._password = password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not _own(headers, scope.get("method", "")) or not self._right_host(headers):
            await PlainTextResponse("This is not for other pages.", 403)(scope, receive, send)
        elif not self._admitted(headers):
            ask = {"WWW-Authenticate": 'Basic realm="consingan studio", charset="UTF-8"'}
            refusal = PlainTextResponse("The password is needed.", 401, ask)
            await refusal(scope, receive, send)
        else:

            async def send_guarded(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).update(SENT)
                await send(message)

            await self._app(scope, receive, send_guarded)

    def _right_host(self, headers: Mapping[str, str]) -> bool:
        return self._password is not None or _name(f"//{headers.get('host', '')}") in LOCAL

    def _admitted(self, headers: Mapping[str, str]) -> bool:
        if self._password is None:
            return True
        try:
            given = b64decode(headers.get("authorization", "").removeprefix("Basic "))
        except (Error, ValueError):
            return False
        return secrets.compare_digest(given.partition(b":")[2], self._password.encode())


def _own(headers: Mapping[str, str], method: str) -> bool:
    """Whether a request comes from the page itself, or from somebody who opens it."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host", "")
    foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
    opens = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    return opens or not foreign


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
