"""The receiver that docs/events.md shows: it runs, takes what we send, and nothing else."""

import asyncio
import re
import threading
import time
from http.server import HTTPServer
from typing import Any

import pytest

from functions.domain.destinations import Reach
from functions.domain.webhook import Message, shown, signed
from functions.webhooks.pinned_post import UndeliveredError
from functions.webhooks.posting import Poster
from tests.functions.world import ROOT

SECRET = b"0123456789abcdef0123456789abcdef"
MESSAGE = Message("msg_1", "acme", "stream.started", b'{"type":"stream.started","data":{"account":"acme"}}')


def test_the_documented_receiver_takes_our_messages_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Signed ones, also during a rotation; not a forged, changed or old one; and the same id is acted upon once."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/events.md").read_text(), re.DOTALL)
    space: dict[str, Any] = {"__name__": "documented"}
    exec(compile(code.replace("whsec_…", shown(SECRET)), "docs/events.md", "exec"), space)  # noqa: S102 - our own document
    space["Receiver"].log_message = lambda *_: None
    server = HTTPServer(("127.0.0.1", 0), space["Receiver"])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url, now = f"http://127.0.0.1:{server.server_port}/", time.time()

    def post(headers: dict[str, str], body: bytes = MESSAGE.body) -> None:
        asyncio.run(Poster(Reach.LOCAL).post(url, headers, body))

    try:
        for secrets in ([SECRET], [b"new" * 11, SECRET]):
            post(signed(MESSAGE, secrets, now))
        for headers, body in (
            (signed(MESSAGE, [b"other" * 7], now), MESSAGE.body),
            (signed(MESSAGE, [SECRET], now), MESSAGE.body + b" "),
            (signed(MESSAGE, [SECRET], now - 301), MESSAGE.body),
        ):
            with pytest.raises(UndeliveredError, match="401"):
                post(headers, body)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert capsys.readouterr().out == "stream.started {'account': 'acme'}\n"
