#!/usr/bin/env bash
# aiortc 1.16.0 cannot apply an answer that rejects one of the sections that it offered.
#
# A rejected section is `m=video 0` and need not say more (RFC 3264, section 6; RFC 8829, section 5.3.1): it has no transport.
# `setRemoteDescription` raises 'ICE username fragment or password is missing', so the sound that was accepted is lost too.
# With ICE credentials, a fingerprint and rtcp-mux written into the rejected section as well, the same answer is taken.
set -euo pipefail

version=1.16.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "aiortc==$version"

cat > "$folder/offer.py" <<'PY'
import asyncio
import sys

import aiortc
from aiortc import RTCPeerConnection, RTCSessionDescription

TRANSPORT = ["a=rtcp-mux", "a=setup:passive", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)]
ICE = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx"]


def answer(rejected: list[str]) -> str:
    lines = [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", "a=ice-lite",
        "m=audio 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendonly", "a=rtpmap:96 opus/48000/2",
        *TRANSPORT, *ICE,
        "m=video 0 UDP/TLS/RTP/SAVPF 97", "c=IN IP4 0.0.0.0", "a=mid:1", *rejected,
    ]
    return "".join(f"{line}\r\n" for line in lines)


async def outcome(rejected: list[str]) -> str:
    pc = RTCPeerConnection()
    try:
        pc.addTransceiver("audio", direction="recvonly")
        pc.addTransceiver("video", direction="recvonly")
        await pc.setLocalDescription(await pc.createOffer())
        await pc.setRemoteDescription(RTCSessionDescription(answer(rejected), "answer"))
        return pc.signalingState
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await pc.close()


async def main() -> int:
    plain, padded = await outcome([]), await outcome([*ICE, *TRANSPORT, "a=inactive", "a=rtpmap:97 VP8/90000"])
    print(f"aiortc {aiortc.__version__}")
    print(f"m=video 0, and nothing else:     {plain}")
    print(f"m=video 0, and a whole transport: {padded}")
    return 0 if "ICE username" in plain and padded == "stable" else 1


sys.exit(asyncio.run(main()))
PY
"$folder/venv/bin/python" "$folder/offer.py"
