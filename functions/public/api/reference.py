"""The reference page: every endpoint and every refusal, generated so that it cannot fall behind."""

import json
from html import escape
from http import HTTPStatus
from itertools import groupby

from functions.public.api.endpoint import ApiEndpoint
from functions.public.api.endpoints import LISTED
from functions.public.api.examples import EXAMPLES
from shared.refusals import REGISTRY, Code, Definition, Retry

_RETRY = {
    Retry.NO: "Do not retry: the same request is refused again.",
    Retry.LATER: "Retrying later helps.",
    Retry.ASK: "Ask the person: there is a fallback to choose.",
}

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>API · Sluice</title>
<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/" aria-label="Sluice, home"><img src="/assets/favicon.svg" alt="" width="28" height="28"><span>Sluice</span></a>
<nav aria-label="Views"><a href="/">Publish</a><a href="/#watch">Watch</a><a href="/#overview">Status</a><a href="/docs" aria-current="page">API</a></nav>
</header>
<main id="main">
<div class="intro">
<h1>API</h1>
<p class="lead">Publish by WHIP, watch by WHEP; every refusal says why and what to do. For programs: <a href="/openapi.json">OpenAPI 3.1</a>.</p>
</div>
<div class="reference">
"""

_TAIL = """</div>
</main>
</body>
</html>
"""


def page() -> str:
    """The reference as an HTML page: endpoints by group, then every code."""
    groups = [
        _section(name, "".join(_endpoint(one) for one in ones))
        for name, ones in groupby(LISTED, key=lambda endpoint: endpoint.group)
    ]
    documented = "".join(_refusal(code, one) for code, one in REGISTRY.items() if one.documented)
    ours = "".join(_refusal(code, one) for code, one in REGISTRY.items() if not one.documented)
    links = "".join(f'<li><a href="#{code}">{code}</a></li>' for code in REGISTRY)
    contents = f'<nav aria-label="Codes"><ul class="toc mono">{links}</ul></nav>'
    lead = (
        "<p>The body is always <code>error</code> (a sentence), <code>code</code> and the code's own fields. "
        "Where waiting helps, <code>Retry-After</code> says how many seconds.</p>"
    )
    return (
        _HEAD
        + "".join(groups)
        + _section("Refusals", lead + contents + documented)
        + _section("Further refusals", ours)
        + _TAIL
    )


def _section(title: str, content: str) -> str:
    name = title.lower().replace(" ", "-")
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>{content}</section>\n'


def _endpoint(endpoint: ApiEndpoint) -> str:
    rows = "".join(
        f"<tr><td class=mono>{escape(one.name)}</td><td>{one.where}</td><td>{_marked(one.about)}</td></tr>"
        for one in endpoint.parameters
    )
    parameters = (
        f"<div class=scroll><table><thead><tr><th scope=col>Parameter</th><th scope=col>In</th><th scope=col>Meaning</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
        if rows
        else ""
    )
    refusals = ", ".join(f'<a class=mono href="#{code}">{code}</a>' for code in dict.fromkeys(endpoint.refusals))
    needs = (
        "" if endpoint.security == "none" else f"<p class=hint>Authorization: Bearer {escape(endpoint.security)}</p>"
    )
    return (
        f"<article><h3><span class=method>{endpoint.method.upper()}</span> <span class=mono>{escape(endpoint.path)}</span></h3>"
        f"<p>{_marked(endpoint.about)}</p>{needs}{parameters}"
        f"<p><strong>{endpoint.status}</strong> {_marked(endpoint.outcome)}</p>"
        + (f"<p class=hint>Refusals: {refusals}</p>" if refusals else "")
        + "</article>\n"
    )


def _refusal(code: Code, definition: Definition) -> str:
    example = EXAMPLES[code]
    body = escape(json.dumps(example.body(), indent=2, ensure_ascii=False), quote=False)
    after = f" Retry-After: {example.retry_after}." if example.retry_after else ""
    phrase = HTTPStatus(definition.status).phrase
    return (
        f'<article id="{code}"><h3><span class=mono>{code}</span> <span class=method>{definition.status} {phrase}</span></h3>'
        f"<p>{_marked(definition.action)}</p><p class=hint>{_RETRY[definition.retry]}{after}</p>"
        f"<pre tabindex=0><code>{body}</code></pre></article>\n"
    )


def _marked(text: str) -> str:
    """*text* with `code` between backticks."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
