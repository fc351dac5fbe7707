"""HTTP by plain sockets: what is sent is exactly what the test says, and what comes back is not prettied up."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass
class Answer:
    """One HTTP response, read from a bare socket."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        """The one field of that name."""
        (value,) = self.every(name)
        return value

    def every(self, name: str) -> list[str]:
        """All fields of that name, which is compared without case."""
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return bool(self.every(name))

    @property
    def json(self) -> Any:
        """The body of the response, decoded from JSON."""
        return json.loads(self.body)


def request(method: str, target: str, body: bytes | str = b"", /, **fields: str | None) -> bytes:
    """A request with its Content-Length; `Content_Type="…"` adds or changes a field, and None leaves one out."""
    content = body.encode() if isinstance(body, str) else body
    head: dict[str, str | None] = {"Host": "node", "Content-Length": str(len(content))}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def read_answer(reader: asyncio.StreamReader, *, head_only: bool = False) -> Answer:
    """The next response on a connection, interim ones included."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:] if line)]
    answer = Answer(int(head[0].split()[1]), fields, b"")
    if answer.status >= 200 and answer.has("Content-Length") and not head_only:
        answer.body = await reader.readexactly(int(answer["Content-Length"]))
    return answer


async def ask(port: int, raw: bytes, seconds: float = 10) -> Answer:
    """Send *raw* on a connection of its own and read one response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(seconds):
            writer.write(raw)
            return await read_answer(reader, head_only=raw.startswith(b"HEAD "))
    finally:
        writer.close()
