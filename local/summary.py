"""What `make up` prints when everything is ready, and what it writes for programs (`stack.json`)."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.fleet import NodeProcess


@dataclass(frozen=True, slots=True)
class DemoKey:
    """One stream key of a demo account, with its stream."""

    stream_key: str
    stream_id: str


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One demo account; its secrets are made for this stack and are worth nothing elsewhere."""

    account: str
    tier: str
    token: str
    keys: Sequence[DemoKey]


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that a user or a program needs to use the stack."""

    api: str
    accounts: Sequence[DemoAccount]
    nodes: Sequence[NodeProcess]
    emulator: str
    pid: int

    def document(self) -> dict[str, Any]:
        """The content of stack.json, which programs read (docs/local.md)."""
        return {
            "api": self.api,
            "page": f"{self.api}/",
            "accounts": [
                {
                    "account": account.account,
                    "tier": account.tier,
                    "token": account.token,
                    "keys": [
                        {
                            "stream_key": key.stream_key,
                            "stream_id": key.stream_id,
                            "whip": f"{self.api}/{key.stream_key}/whip",
                            "whep": f"{self.api}/{key.stream_id}/whep",
                        }
                        for key in account.keys
                    ],
                }
                for account in self.accounts
            ],
            "nodes": [node.document() for node in self.nodes],
            "emulator": self.emulator,
            "pid": self.pid,
        }

    def write(self, path: Path) -> None:
        """Put stack.json in place in one step, readable by its owner alone."""
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.document(), file, indent=1)
            file.write("\n")
        part.rename(path)

    def table(self, *, seconds: float, log: str, stack: str, sluice: str, demo: str, local_only: bool) -> str:
        """The table that `make up` prints: addresses, keys, and the next commands to type."""
        example = self.accounts[1] if len(self.accounts) > 1 else None
        lines = [
            f"Sluice is up after {seconds:.1f} s. Ctrl-C stops it.",
            "",
            f"  page      {self.api}/",
            f"  operator  {sluice} accounts list",
            f"  log       {log}    for programs: {stack}",
            *(
                f"  {node.id:<9} {node.url}    media: udp {node.ports.udp}    metrics: {node.metrics_url}"
                for node in self.nodes
            ),
            "",
            f"  {'account':<16}{'tier':<15}{'stream key (secret: publishes)':<40}stream id (public: watches)",
        ]
        for account in self.accounts:
            names = (f"  {account.account:<16}{account.tier:<15}", " " * 33)
            lines += [
                f"{names[number > 0]}{key.stream_key:<40}{key.stream_id}" for number, key in enumerate(account.keys)
            ]
        lines += [
            "",
            f"  publish   {self.api}/STREAM_KEY/whip    (WHIP)",
            f"  watch     {self.api}/watch/STREAM_ID    (WHEP: {self.api}/STREAM_ID/whep)",
            f"  OBS       Settings > Stream > Service: WHIP, Server: {self.api}/whip, Bearer Token: a stream key",
            *([f"  token     the owner's view of {example.account}: {example.token}"] if example else []),
            f"  demo      {demo} publishes a test picture and prints its watch link",
        ]
        if local_only:
            lines += [
                "",
                "  For a phone, OBS elsewhere, or Firefox (which sends no media over 127.0.0.1): make up HOST=lan",
            ]
        else:
            lines += [
                "",
                "  Browsers give a camera only to https and localhost: over this address, publish from OBS or FFmpeg,",
                "  or open the page on this machine; watching works from everywhere.",
            ]
        return "\n".join(lines)
