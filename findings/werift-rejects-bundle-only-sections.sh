#!/usr/bin/env bash
# werift 0.25.2 rejects the second section of an offer in the max-bundle form, though it can receive what is offered there.
#
# By RFC 8843 (section 6) an offerer with the policy max-bundle may give bundled sections port 0 beside `a=bundle-only`, as
# Firefox does: port 0 does not disable them. werift answers such a section with port 0 and `inactive`, so the connection
# carries the first section alone and nobody is told. With port 9 and without that line, the same section is accepted.
set -euo pipefail

version=0.25.2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-fund --no-audit "werift@$version"

cat > answer.mjs <<'JS'
import { RTCPeerConnection } from "werift";

const transport = [
  "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx",
  `a=fingerprint:sha-256 ${Array(32).fill("AB").join(":")}`, "a=setup:actpass",
];
const offer = (bundleOnly) => [
  "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendonly", "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2", ...transport,
  `m=video ${bundleOnly ? 0 : 9} UDP/TLS/RTP/SAVPF 96`, "c=IN IP4 0.0.0.0", "a=mid:1", "a=sendonly",
  ...(bundleOnly ? ["a=bundle-only"] : ["a=rtcp-mux", ...transport]),
  "a=rtpmap:96 VP8/90000", "",
].join("\r\n");

async function answered(bundleOnly) {
  const pc = new RTCPeerConnection({});
  await pc.setRemoteDescription({ type: "offer", sdp: offer(bundleOnly) });
  const { sdp } = await pc.createAnswer();
  const [line, ...rest] = sdp.slice(sdp.indexOf("m=video")).split("\r\n");
  await pc.close();
  return [line.split(" ")[1], rest.find((each) => /^a=(sendonly|recvonly|inactive)$/.test(each))].join(" ");
}

const [separate, bundled] = [await answered(false), await answered(true)];
console.log(`port 9:                   answered ${separate}`);
console.log(`port 0 and a=bundle-only: answered ${bundled}`);
process.exit(separate === "9 a=recvonly" && bundled === "0 a=inactive" ? 0 : 1);
JS
echo "werift $version, node $(node --version)"
node answer.mjs
