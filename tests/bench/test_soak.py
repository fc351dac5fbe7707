import dataclasses
import json

from tests.bench import soak
from tests.bench.soak import Soak

FLAT = Soak(
    seconds=600,
    joined=900,
    published=50,
    packets=1000,
    memory=[(float(n), 90.0 + n % 3) for n in range(600)],
    descriptors=(18, 18),
    tasks=(5, 5),
)


def test_what_stays_flat_has_no_faults() -> None:
    """Noise around one level is no growth."""
    assert FLAT.faults() == []


def test_each_kind_of_growth_is_a_fault() -> None:
    """A heap that rises by 6 MB in ten minutes, an open socket, a forgotten task, one warning."""
    rising = [(at, mb + at / 100) for at, mb in FLAT.memory]
    grown = dataclasses.replace(FLAT, memory=rising, descriptors=(18, 19), tasks=(5, 7), warnings=["{}"])

    assert [fault.split(" ", 1)[1][:12] for fault in grown.faults()] == [
        "grows by 36 ",
        "descriptors ",
        "tasks were l",
        "warnings wer",
    ]


def test_warnings_and_tracebacks_are_found_in_a_log() -> None:
    """Whatever is no line of JSON was not written by the logger, and is a complaint as well."""
    info, warning = json.dumps({"level": "INFO"}), json.dumps({"level": "WARNING"})

    assert soak.complaints([info, warning, "Traceback", json.dumps({"tasks": 4})]) == [warning, "Traceback"]
