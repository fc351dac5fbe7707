"""STUN and TURN servers from configuration, as `Link` fields (RFC 9725, section 4.6).

A node that clients reach needs none; TURN helps viewers behind networks that let no UDP out.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class IceServer:
    """One STUN server, or one TURN server with its credentials."""

    url: str
    """`stun:host:port` or `turn:host:port?transport=udp`."""
    username: str = ""
    credential: str = field(default="", repr=False)

    @property
    def secret(self) -> bool:
        """Whether the link is for admitted clients only."""
        return bool(self.credential)

    def link(self) -> str:
        """The field's value. MediaMTX's clients want exactly these attributes in exactly this order, the last included."""
        text = f'<{self.url}>; rel="ice-server"'
        if self.username or self.credential:
            text += f'; username="{_quoted(self.username)}"; credential="{_quoted(self.credential)}"'
            text += '; credential-type="password"'
        return text


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
