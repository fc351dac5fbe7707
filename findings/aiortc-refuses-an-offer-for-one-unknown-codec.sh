#!/usr/bin/env bash
# aiortc 1.16.0 refuses a whole offer where one section has no codec that it knows, instead of rejecting that section.
#
# By RFC 3264 (section 6) an answerer rejects a stream that it cannot take by port 0 and takes the others. For an offer of
# Opus and AV1, as OBS makes it with an AV1 encoder, `setRemoteDescription` raises OperationError, so the sound that both
# sides could have is lost as well, and an application has no answer to send. With VP8 in the place of AV1 it works.
set -euo pipefail

version=1.16.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "aiortc==$version"

cat > "$folder/answer.py" <<'PY'
import asyncio
import sys

import aiortc
from aiortc import RTCPeerConnection, RTCSessionDescription


def offer(codec: str) -> str:
    transport = [
        "c=IN IP4 0.0.0.0", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=sendonly", "a=rtcp-mux",
    ]
    lines = [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111", *transport, "a=mid:0", "a=rtpmap:111 opus/48000/2",
        "m=video 9 UDP/TLS/RTP/SAVPF 96", *transport, "a=mid:1", f"a=rtpmap:96 {codec}/90000",
    ]
    return "".join(f"{line}\r\n" for line in lines)


async def outcome(codec: str) -> str:
    pc = RTCPeerConnection()
    try:
        await pc.setRemoteDescription(RTCSessionDescription(offer(codec), "offer"))
        return (await pc.createAnswer()).type
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await pc.close()


async def main() -> int:
    known, unknown = await outcome("VP8"), await outcome("AV1")
    print(f"aiortc {aiortc.__version__}")
    print(f"Opus and VP8: {known}")
    print(f"Opus and AV1: {unknown}")
    return 0 if known == "answer" and unknown.startswith("OperationError") else 1


sys.exit(asyncio.run(main()))
PY
"$folder/venv/bin/python" "$folder/answer.py"
