"""The page's files, read once a process, each with its strong ETag and the headers that guard it.

All stand under one version, a digest of all: modules import one another by name, so a page of one version never runs with
a module of another, and a browser keeps what it has for good. A second visit asks for nothing but the page itself.

Nothing outside `page/` can be named: a file is looked up in a table, never on disk.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "page"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    content_type: str
    body: str
    etag: str

    def matches(self, if_none_match: str | None) -> bool:
        """Whether *if_none_match* names this version (weak comparison, RFC 9110, section 13.1.2)."""
        tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
        return "*" in tags or self.etag in tags


def asset_of(content_type: str, body: str) -> Asset:
    """An asset of *body*; its ETag is derived from it."""
    return Asset(content_type, body, f'"{hashlib.sha256(body.encode()).hexdigest()[:20]}"')


@dataclass(frozen=True, slots=True)
class Files:
    """What the page consists of."""

    version: str
    page: Asset
    """The HTML that names everything else."""
    watch: Asset
    """The same with the watch view alone: this one other sites may frame, and a fragment of its address shows nothing else."""
    not_found: Asset
    """What a person sees at an address where nothing is."""
    named: Mapping[str, Asset]
    """Everything else, by its path below `page/`: `style.css`, `watch/view.js`."""

    def placed(self, html: str) -> str:
        """*html* with the addresses of this version."""
        return html.replace('"/assets/', f'"/assets/{self.version}/')


def load(folder: Path = FOLDER) -> Files:
    """Every file of *folder* and of the folders in it."""
    named = {
        path.relative_to(folder).as_posix(): asset_of(_TYPES[path.suffix], path.read_text("utf-8"))
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }
    page, not_found = named.pop("index.html"), named.pop("not-found.html")
    version = hashlib.sha256("".join(asset.etag for asset in named.values()).encode()).hexdigest()[:12]
    files = Files(version, page, page, not_found, named)
    whole = files.placed(_preloaded(page.body, named))
    return Files(
        version,
        asset_of(page.content_type, whole),
        asset_of(page.content_type, _only(whole, "watch")),
        asset_of(not_found.content_type, files.placed(not_found.body)),
        named,
    )


def _only(html: str, view: str) -> str:
    """*html* without every view but *view*; views are the sections that are not inside of another, so neither is indented."""
    return re.sub(rf'^<section id="(?!{view}")[^\n]*\n.*?^</section>\n', "", html, flags=re.MULTILINE | re.DOTALL)


def _preloaded(html: str, named: Mapping[str, Asset]) -> str:
    """*html* with its modules' imports asked for at once, not one level after the other."""
    entry = re.search(r'<script type="module" src="/assets/([^"]+)"', html)
    modules = [name for name in named if name.endswith(".js") and (entry is None or name != entry[1])]
    links = "".join(f'<link rel="modulepreload" href="/assets/{name}">\n' for name in modules)
    return html.replace("</head>", links + "</head>")


def wants_page(accept: str | None) -> bool:
    """Whether a client with this Accept (RFC 9110, section 12.5.1) would rather be shown HTML than JSON: a person's browser.

    `*/*` alone is a program: curl, an encoder, a script's fetch.
    """
    wishes: dict[str, float] = {}
    for part in (accept or "").lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        wishes[kind] = float(weight) if re.fullmatch(r"[01](\.\d{0,3})?", weight) else 0.0
    return wishes.get("text/html", 0.0) > wishes.get("application/json", 0.0)


def page_headers(*, secure: bool, embeddable: bool) -> dict[str, str]:
    """The headers of an HTML page.

    Scripts and styles come from here only, and nothing is inline. Connections may go to the nodes, whose names are not
    known here: on https to any https server, and in the clear only where the page itself was fetched in the clear.
    """
    connect = "'self' https:" if secure else "'self' https: http:"
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "media-src": "'self' blob: mediastream:",
        "worker-src": "'self'",
        "connect-src": connect,
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "*" if embeddable else "'none'",
    }
    own = "()" if embeddable else "(self)"
    permissions = {"camera": own, "microphone": own, "display-capture": own, "geolocation": "()"}
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        # The page that others may frame has nothing to publish with.
        "Permissions-Policy": ", ".join(f"{name}={allowed}" for name, allowed in permissions.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def asset_headers(files: Files, version: str) -> dict[str, str]:
    """The headers of a file that was asked for under *version*: one of another deployment is shown, and not kept."""
    kept = "public, max-age=31536000, immutable" if version == files.version else "no-cache"
    return {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
