"""Writes the generated parts of the docs: the error reference, the README's table of documented codes, the costs.

`python -m docs.generate` writes; `python -m docs.generate --check` only says what is stale and exits 1. The sources are
`shared.refusals.REGISTRY` and `shared.tiers.TIERS`, and for the costs (docs/cost.py) two files of figures beside them.
"""

import argparse
import json
import sys
from pathlib import Path

from docs.cost import page as cost_page
from shared import refusals
from shared.months import GB
from shared.refusals import REGISTRY, Code, Definition, Refused, gigabytes
from shared.tiers import TIERS, Tier

ROOT = Path(__file__).resolve().parent.parent

EXAMPLES: dict[Code, Refused] = {
    Code.INVALID_KEY: refusals.invalid_key(),
    Code.STREAM_LIMIT_REACHED: refusals.stream_limit_reached(1, 1),
    Code.BANDWIDTH_EXCEEDED: refusals.bandwidth_exceeded(50_100_000_000, 50 * GB),
    Code.KEY_ALREADY_IN_USE: refusals.key_already_in_use("node1"),
    Code.PROTOCOL_NOT_ALLOWED: refusals.protocol_not_allowed("rtmp", Tier.ANONYMOUS),
    Code.VIEWER_LIMIT_REACHED: refusals.viewer_limit_reached(20, 20),
    Code.QUOTA_EXCEEDED: refusals.quota_exceeded(),
    Code.STREAM_NOT_FOUND: refusals.stream_not_found(),
    Code.STREAM_OFFLINE: refusals.stream_offline(),
    Code.INVALID_GRANT: refusals.invalid_grant(),
    Code.INVALID_REQUEST: refusals.invalid_request(
        "Send the SDP offer with Content-Type: application/sdp.", status=415
    ),
    Code.UNSUPPORTED_OFFER: refusals.unsupported_offer("Offer at most one audio and one video section."),
    Code.RATE_LIMITED: refusals.rate_limited(10),
    Code.NO_CAPACITY: refusals.no_capacity(),
    Code.DRAINING: refusals.draining(),
    Code.UNAUTHORIZED: refusals.unauthorized(),
    Code.FORBIDDEN: refusals.forbidden("This token is not for that account."),
    Code.NOT_FOUND: refusals.not_found(),
    Code.UNAVAILABLE: refusals.unavailable(),
    Code.BITRATE_EXCEEDED: refusals.bitrate_exceeded(6_000),
}


def retry(row: Definition) -> str:
    """The retry column: what a client does without a person, and after how long."""
    wait = f", after {row.retry_after} s" if row.retry_after else ""
    return f"{row.retry.value}{wait}"


def readme_table() -> str:
    """The documented codes, one line each."""
    lines = ["| code | status | retry | what to do |", "|---|---|---|---|"]
    lines += [
        f"| `{code.value}` | {row.status} | {retry(row)} | {row.action} |"
        for code, row in REGISTRY.items()
        if row.documented
    ]
    return "\n".join(lines)


def section(code: Code, row: Definition) -> str:
    """One code of the reference: status, advice and an example body."""
    example = EXAMPLES[code]
    waiting = f" `Retry-After: {row.retry_after}` by default." if row.retry_after else ""
    return (
        f"### {code.value}\n\nStatus {row.status}. Automatic retry: {row.retry.value}.{waiting} {row.action}\n\n"
        f"```json\n{json.dumps(example.body(), indent=2, ensure_ascii=False)}\n```\n"
    )


def errors_page() -> str:
    """The whole text of docs/errors.md."""
    documented = "\n".join(section(code, row) for code, row in REGISTRY.items() if row.documented)
    ours = "\n".join(section(code, row) for code, row in REGISTRY.items() if not row.documented)
    tiers = "\n".join(
        f"| `{tier.value}` | {row.streams} | {gigabytes(row.bytes)} GB | {row.viewers} | {row.kbps / 1000:g} Mbit/s "
        f"| {', '.join(sorted(row.protocols))} | {row.hls_embed.value} |"
        for tier, row in TIERS.items()
    )
    return f"""# Errors and limits

Generated from `shared/refusals.py` and `shared/tiers.py` by `docs/generate.py`.

Every refusal, from the API and from a node, has this body, `Content-Type: application/json`, CORS headers, and
`Retry-After` where waiting helps. *Automatic retry* says what a client does without asking a person: `no` (the same
request will be refused again), `later` (waiting helps), `ask` (offer the person a fallback).
Where several apply, the first of: key, protocol, bandwidth or quota, key in use, stream limit.

## Documented by Meshcast

{documented}
## Ours beside them

{ours}
## Limits by tier

An operator can override each for one account.

| tier | streams | bandwidth a month | viewers a stream | bitrate | protocols | HLS embeds |
|---|---|---|---|---|---|---|
{tiers}
"""


def replaced(text: str, name: str, body: str) -> str:
    """*text* with what stands between the markers of *name* replaced by *body*."""
    begin, end = f"<!-- {name}:begin", f"<!-- {name}:end -->"
    head, _, rest = text.partition(begin)
    marker, _, rest = rest.partition("-->\n")
    return f"{head}{begin}{marker}-->\n{body}\n{end}{rest.partition(end)[2]}"


def pages() -> dict[Path, str]:
    """Every generated file with the text that it should have."""
    readme = ROOT / "README.md"
    return {
        ROOT / "docs" / "errors.md": errors_page(),
        ROOT / "docs" / "cost.md": cost_page(),
        readme: replaced(readme.read_text(), "errors", readme_table()),
    }


def main() -> int:
    """Write, or with --check compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    check = parser.parse_args().check
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        sys.stdout.write(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}\n")
        if not check:
            path.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
