"""Publish or watch from a shell: `python -m tests.peers publish URL`, `python -m tests.peers watch URL --viewers 3`.

Each prints one line of JSON when it is connected and one at the end: after --seconds, at a SIGTERM, or when the session
ended. Media is a generated clip; nothing is decoded.
"""

import argparse
import asyncio
import dataclasses
import json
import signal
import sys
import time
from array import array
from pathlib import Path
from typing import Any

from tests.peers import peer
from tests.peers.clips import clip, stamps
from tests.peers.lossy import Lossy, Network
from tests.peers.protocol import dtls, whip
from tests.peers.publisher import Publisher
from tests.peers.viewer import Viewer


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.peers", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("what", choices=["publish", "watch"])
    parser.add_argument("url", help="the WHIP or WHEP endpoint")
    parser.add_argument("--bearer", help="token for the Authorization header")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--gop", type=float, default=1.0, help="seconds between the clip's keyframes")
    parser.add_argument("--clip-seconds", type=int, default=10)
    parser.add_argument("--reacts", action="store_true", help="publisher: answer keyframe requests")
    parser.add_argument(
        "--spread-ms", type=float, default=0.0, help="publisher: time over which a frame's packets leave"
    )
    parser.add_argument("--viewers", type=int, default=1)
    parser.add_argument("--setup", choices=["actpass", "active", "passive"], default="actpass")
    parser.add_argument("--cm", action="store_true", help="offer AES_CM_128_HMAC_SHA1_80 alone")
    parser.add_argument("--loss", type=float, default=0.0, help="share of datagrams that get lost, each way")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="one way; with a fifth of it as jitter")
    parser.add_argument("--stamps", type=Path, help="file that publisher and viewers share, for latency")
    return parser.parse_args()


async def _publish(host: peer.Host, a: argparse.Namespace, stop: asyncio.Event) -> dict[str, Any]:
    video = clip.load(clip.Recipe(seconds=a.clip_seconds, gop_seconds=a.gop))
    options = {"bearer": a.bearer, "setup": a.setup, "via": _network(a, 0)}
    publisher = Publisher(
        host, a.url, video, stamps.table(video, a.stamps), reacts=a.reacts, spread=a.spread_ms / 1000, **options
    )
    await publisher.connect()
    assert publisher.created is not None
    _say({"connected": True, "session": publisher.created.session, "whep": publisher.created.headers.get("WHEP")})
    await _until(stop, a.seconds, [publisher])
    reason = publisher.ended.result() if publisher.ended.done() else "told to stop"
    await publisher.close()
    names = ("packets", "octets", "retransmitted", "nacked", "keyframe_requests", "rembs", "reports", "unsent")
    return {"ended": reason, "late_ms": round(publisher.late * 1e3, 1)} | {n: getattr(publisher, n) for n in names}


async def _watch(host: peer.Host, a: argparse.Namespace, stop: asyncio.Event) -> dict[str, Any]:
    video = clip.load(clip.Recipe(seconds=a.clip_seconds, gop_seconds=a.gop))
    table = stamps.table(video, a.stamps)
    options = {"bearer": a.bearer, "setup": a.setup}
    viewers = [Viewer(host, a.url, video, table, via=_network(a, n), **options) for n in range(a.viewers)]
    await asyncio.gather(*(viewer.connect() for viewer in viewers))
    _say({"connected": len(viewers)})
    latencies = array("d")
    for viewer in viewers if a.stamps else ():
        viewer.latencies = latencies
    await _until(stop, a.seconds, viewers)
    reasons = sorted({viewer.ended.result() for viewer in viewers if viewer.ended.done()})
    await asyncio.gather(*(viewer.close() for viewer in viewers), return_exceptions=True)
    total = viewers[0].counts()
    for viewer in viewers[1:]:
        total += viewer.counts()
    joins = [v.at.first_keyframe - v.at.posted for v in viewers if v.at.first_keyframe]
    median = sorted(latencies)[len(latencies) // 2] * 1e3 if latencies else None
    return dataclasses.asdict(total) | {
        "ended": reasons,
        "with_picture": len(joins),
        "slowest_join_s": round(max(joins, default=0.0), 3),
        "latency_p50_ms": median,
    }


async def _until(stop: asyncio.Event, seconds: float, peers: list[Any]) -> None:
    waits = [asyncio.ensure_future(stop.wait()), *(each.ended for each in peers)]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waits[0].cancel()


def _network(a: argparse.Namespace, seed: int) -> Lossy | None:
    delay = a.delay_ms / 1000
    return Lossy(Network(a.loss, delay, delay / 5), seed) if a.loss or delay else None


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what | {"at": round(time.time(), 3)}), flush=True)  # noqa: T201 - a command's output


async def _main() -> int:
    arguments = _arguments()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    profiles = (dtls.Profile.CM,) if arguments.cm else (dtls.Profile.GCM, dtls.Profile.CM)
    async with peer.host(profiles) as host:
        try:
            _say(await {"publish": _publish, "watch": _watch}[arguments.what](host, arguments, stop))
        except (whip.Refused, TimeoutError, ConnectionError) as error:
            print(f"{arguments.what}: {error!r}", file=sys.stderr)  # noqa: T201
            return 1
    return 0


sys.exit(asyncio.run(_main()))
