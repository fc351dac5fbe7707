"""The command line's parser, made from the table of verbs: what may be typed, and how `--help` explains it."""

import argparse
from collections.abc import Iterator
from typing import Any

from sluice.sizes import parse_size
from sluice.verbs import ARGUMENTS, HLS_EMBED, LIMITS, NOUNS, VERBS, Verb


def parser() -> argparse.ArgumentParser:
    """The parser of the whole line; what it reads has the `Verb` that was named in `verb`."""
    top = argparse.ArgumentParser(
        prog="sluice",
        usage="sluice [--api URL | --in STACK] [--region REGION] [--json] COMMAND …",
        description="Operate a Sluice control plane.",
        epilog="commands (each explains its options: sluice COMMAND VERB --help):\n"
        + "\n".join(f"  {name:32}  {about}" for name, about in commands()),
        parents=[_everywhere()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.set_defaults(api=None, deployed=None, region=None, json=False)
    words = top.add_subparsers(required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog="sluice")
    below: dict[str, Any] = {}
    for verb in VERBS:
        first, _, second = verb.words.partition(" ")
        if second and first not in below:
            noun = words.add_parser(first, description=NOUNS[first], parents=[_everywhere()])
            below[first] = noun.add_subparsers(required=True, metavar="VERB", title="verbs")
        _add(below[first] if second else words, second or first, verb)
    return top


def commands() -> Iterator[tuple[str, str]]:
    """Every command with its arguments, and what it does."""
    for verb in VERBS:
        yield " ".join([verb.words, *(name.upper() for name in verb.arguments)]), verb.about


def _everywhere() -> argparse.ArgumentParser:
    """The options that are taken before and after the command alike; what is not given is not set."""
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("anywhere in the line")
    group.add_argument("--api", metavar="URL", help="the API's; default: SLUICE_API_URL, else the stack of `make up`")
    group.add_argument("--in", dest="deployed", metavar="STACK", help="the CloudFormation stack whose API is meant")
    group.add_argument(
        "--region",
        help="the AWS region; default: what the API's URL names, AWS_REGION, AWS_DEFAULT_REGION, the profile's",
    )
    group.add_argument("--json", action="store_true", help="print the answer as JSON, with every field as it is")
    return options


def _add(to: Any, name: str, verb: Verb) -> None:
    made: argparse.ArgumentParser = to.add_parser(
        name, help=verb.about, description=verb.about, parents=[_everywhere()]
    )
    for argument in verb.arguments:
        made.add_argument(argument, metavar=argument.upper(), help=ARGUMENTS[argument])
    for flag, settings in verb.options.items():
        made.add_argument(flag, **settings)
    if verb.limits:
        group = made.add_argument_group("limits", "In place of the tier's own; all that hold are to be given together.")
        for limit, unit in LIMITS.items():
            group.add_argument(f"--{limit}", type=_size if limit == "bytes" else int, metavar=limit.upper(), help=unit)
        group.add_argument("--hls-embed", choices=HLS_EMBED, help="where HLS players may be embedded")
    made.set_defaults(verb=verb)


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except (ValueError, OverflowError):  # `infGB`, `1e999GB`: more than any number
        raise argparse.ArgumentTypeError(f"{text} is no number of bytes; 5000000000 is, and 5GB") from None
