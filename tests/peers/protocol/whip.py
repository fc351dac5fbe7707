"""The HTTP side of WHIP and WHEP, as a client: POST an offer (through redirects), DELETE the session."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

import aiohttp


@dataclass(frozen=True, slots=True)
class Created:
    """What a server answered with its 201."""

    answer: str
    session: str = field(repr=False)
    """Absolute session URL, resolved against the URL that answered."""
    headers: Mapping[str, str]
    redirects: tuple[str, ...]
    """The redirecting URLs' statuses and targets, for tests of the way taken."""


class Refused(Exception):  # noqa: N818 - what the server said, not a bug
    """The server answered anything but a 201."""

    def __init__(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"{status} {body[:300]}")
        self.status, self.body, self.headers = status, body, headers


async def post(http: aiohttp.ClientSession, url: str, offer: str, *, bearer: str | None = None) -> Created:
    """Offer *offer*; a 307 is followed with the body, as RFC 9725, section 4.5 wants it."""
    headers = {"Content-Type": "application/sdp"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    async with http.post(url, data=offer.encode(), headers=headers) as response:
        body = await response.text()
        if response.status != 201:
            raise Refused(response.status, body, response.headers.copy())
        return Created(
            answer=body,
            session=urljoin(str(response.url), response.headers["Location"]),
            headers=response.headers.copy(),
            redirects=tuple(f"{hop.status} {hop.headers.get('Location', '')}" for hop in response.history),
        )


async def delete(http: aiohttp.ClientSession, created: Created, *, bearer: str | None = None) -> int:
    """End the session; the status."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    async with http.delete(created.session, headers=headers) as response:
        return response.status
