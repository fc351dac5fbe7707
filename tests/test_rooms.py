"""The layout: no folder is crowded, and whoever knows where a module is knows where its tests are."""

import tomllib
from collections import Counter
from pathlib import Path

from tests.repository import PRODUCT, ROOT, modules, still

MOST = 20
"""Modules in a folder, `__init__.py` not counted."""
OWN_ROOMS = {"bench", "browser", "clients", "fuzz", "integration", "page", "peers", "simulation"}
"""Folders of `tests/` that mirror no tree: each is about several parts at once, or about none."""

<<<<<<< HEAD
TESTED_ELSEWHERE: dict[str, str] = tomllib.loads((ROOT / "tests" / "tested_elsewhere.toml").read_text())
"""Modules without a test file of their name, and where their tests are or why there are none."""
=======
TESTED_ELSEWHERE: dict[str, str] = {
    "functions/account/findings.py": "tests/functions/account/test_dry_run.py",
    "functions/account/handler.py": "tests/functions/account/test_account.py goes by its routes, tests/functions/public/test_openapi.py by all of them",
    "functions/account/models/dry_run.py": "tests/functions/account/test_dry_run.py",
    "functions/account/models/keys.py": "tests/functions/account/test_keys.py, tests/functions/account/test_token.py",
    "functions/account/models/overview.py": "tests/functions/account/test_account.py, tests/functions/account/test_refusals.py",
    "functions/account/models/usage.py": "tests/functions/account/test_usage.py",
    "functions/account/models/webhook.py": "tests/functions/account/test_webhook.py",
    "functions/account/service.py": "tests/functions/account/test_account.py, tests/functions/account/test_refusals.py",
    "functions/admin/accounts.py": "tests/functions/admin/test_operator.py, tests/functions/admin/test_sessions.py",
    "functions/admin/fleet.py": "tests/functions/admin/test_operator.py",
    "functions/admin/handler.py": "tests/functions/admin/test_operator.py goes by its routes",
    "functions/admin/models.py": "tests/functions/admin/test_operator.py, tests/functions/public/test_openapi.py",
    "functions/admission/grant_request.py": "tests/functions/admission/test_publish.py, tests/functions/public/test_schema.py",
    "functions/admission/grants.py": "tests/functions/admission/test_publish.py, tests/functions/admission/test_protocols.py",
    "functions/admission/handler.py": "tests/functions/test_imports.py, and all tests of admission by its `build`",
    "functions/admission/models.py": "tests/functions/public/test_schema.py holds the handler to what they describe",
    "functions/admission/routes.py": "tests/functions/admission/test_publish.py, tests/functions/admission/test_watch.py",
    "functions/hooks/handler.py": "tests/functions/hooks/test_mediamtx.py",
    "functions/hooks/models.py": "tests/functions/public/test_schema.py holds the handler to what they describe",
    "functions/hooks/service.py": "tests/functions/hooks/test_mediamtx.py",
    "functions/metering/handler.py": "tests/functions/metering/test_metering.py",
    "functions/metering/service.py": "tests/functions/metering/test_metering.py, tests/functions/metering/test_neighbours.py, tests/functions/metering/test_overrun.py",
    "functions/nodes/handler.py": "tests/functions/nodes/test_heartbeat.py goes by its route, tests/functions/nodes/test_sweep.py by the sweep",
    "functions/nodes/reports.py": "tests/functions/nodes/test_heartbeat.py",
    "functions/nodes/service.py": "tests/functions/nodes/test_heartbeat.py, tests/functions/nodes/test_revoked.py",
    "functions/public/api/account_endpoints.py": "tests/functions/public/test_openapi.py calls every endpoint",
    "functions/public/api/client_endpoints.py": "tests/functions/public/test_openapi.py calls every endpoint",
    "functions/public/api/endpoint.py": "values only: nothing runs",
    "functions/public/api/endpoints.py": "tests/functions/public/test_openapi.py compares it with the template's routes",
    "functions/public/api/examples.py": "tests/functions/public/test_openapi.py calls every example",
    "functions/public/api/openapi.py": "tests/functions/public/test_openapi.py",
    "functions/public/api/reference.py": "tests/functions/public/test_pages.py",
    "functions/public/api/unlisted_endpoints.py": "tests/functions/public/test_openapi.py calls every endpoint",
    "functions/public/assets.py": "tests/functions/public/test_pages.py",
    "functions/public/handler.py": "tests/functions/public/test_public.py goes by its routes",
    "functions/public/models.py": "tests/functions/public/test_public.py, tests/functions/public/test_openapi.py",
    "functions/public/service.py": "tests/functions/public/test_public.py",
    "functions/webhooks/handler.py": "tests/functions/webhooks/test_deliveries.py",
    "functions/webhooks/service.py": "tests/functions/webhooks/test_deliveries.py, tests/functions/webhooks/test_lanes.py",
    "functions/domain/provision.py": "tests/functions/account/test_keys.py, tests/functions/admission/test_anonymous_keys.py",
    "functions/domain/publishing.py": "tests/functions/admission/test_publish.py, and tests/functions/domain/test_roster.py step by step",
    "functions/domain/stores.py": "protocols and an exception: nothing runs",
    "functions/domain/usage.py": "values only: nothing runs",
    "functions/domain/watching.py": "tests/functions/admission/test_watch.py",
    "functions/edge/answers.py": "tests/functions/edge/test_web.py, tests/functions/public/test_pages.py",
    "functions/edge/bodies.py": "tests/functions/account/test_account.py, tests/functions/public/test_openapi.py",
    "functions/edge/aws.py": "tests/integration/test_parameters.py",
    "functions/edge/eventbus.py": "tests/functions/domain/test_events.py",
    "functions/edge/labels.py": "tests/functions/account/test_keys.py",
    "functions/edge/publishing.py": "tests/functions/admission/test_publish.py, tests/functions/account/test_refusals.py",
    "functions/storage/audiences.py": "tests/functions/nodes/test_audiences.py",
    "functions/storage/directory.py": "tests/functions/admission/test_publish.py",
    "functions/storage/dynamo.py": "tests/functions/storage/test_lost_answers.py, tests/functions/storage/test_patience.py",
    "functions/storage/nodes.py": "tests/functions/storage/test_expressions.py, tests/functions/nodes/test_heartbeat.py",
    "functions/storage/refusals.py": "tests/functions/account/test_refusals.py",
    "functions/storage/registry.py": "tests/functions/storage/test_lost_answers.py, tests/functions/account/test_keys.py",
    "functions/storage/streams.py": "tests/functions/nodes/test_heartbeat.py",
    "functions/storage/throttle.py": "tests/functions/domain/test_invalid_keys.py",
    "functions/storage/usage.py": "tests/functions/metering/test_metering.py",
    "functions/storage/webhooks.py": "tests/functions/webhooks/test_lanes.py, tests/functions/account/test_webhook.py",
    "sfu/gateway/reporter/__main__.py": "tests/integration/test_mediamtx.py starts it beside a real MediaMTX",
    "sfu/media/destination.py": "tests/sfu/media/test_outgoing_rtp_stream.py, by the packets that viewers decrypt",
    "sfu/media/outgoing_track.py": "tests/sfu/media/test_keyframe_assembly.py, by viewers that join, leave and replay",
    "sfu/media/sealing.py": "tests/sfu/media/test_outgoing_rtp_stream.py, in Python and in C",
    "sfu/media/simulcast_layers.py": "tests/sfu/media/test_incoming_section.py chooses among layers by it",
    "sfu/media/start_points.py": "tests/sfu/media/test_group_table.py, by what decoders show",
    "sfu/media/track.py": "tests/sfu/media/test_keyframe_assembly.py and tests/sfu/media/test_group_table.py, by what decoders show",
    "sfu/media/track_viewers.py": "tests/sfu/media/test_keyframe_assembly.py, by viewers that join, leave and replay",
    "sfu/plane/egress.py": "tests/sfu/plane/test_media_flow.py sees what it sends, and what it meters",
    "sfu/plane/ingress.py": "tests/sfu/plane/test_hostile_datagrams.py and tests/sfu/plane/test_ingress_cost.py",
    "sfu/plane/publisher.py": "tests/sfu/plane/test_media_flow.py, by real packets",
    "sfu/plane/sessions.py": "tests/sfu/plane/test_plane.py begins and ends sessions by the plane",
    "sfu/plane/ticks.py": "tests/sfu/plane/test_plane.py sets the clock that it goes by",
    "sfu/plane/viewer.py": "tests/sfu/plane/test_media_flow.py and tests/sfu/plane/test_first_picture.py, by real packets",
    "sfu/stats.py": "tests/sfu/node/test_metrics.py reads every count of it",
    "sfu/transport/peer.py": "tests/sfu/plane/test_hostile_datagrams.py, by datagrams of clients and attackers",
    "sfu/wire/bitstream/av1.py": "tests/sfu/wire/bitstream/test_header_readers.py, all codecs beside each other",
    "sfu/wire/bitstream/h264.py": "tests/sfu/wire/bitstream/test_header_readers.py, all codecs beside each other",
    "sfu/wire/bitstream/h265.py": "tests/sfu/wire/bitstream/test_header_readers.py, all codecs beside each other",
    "sfu/wire/bitstream/vp8.py": "tests/sfu/wire/bitstream/test_header_readers.py, all codecs beside each other",
    "sfu/wire/bitstream/vp9.py": "tests/sfu/wire/bitstream/test_header_readers.py, all codecs beside each other",
    "sfu/wire/bitstream/h264_slices.py": "tests/sfu/media/test_b_frame_filter.py, by streams with B-frames",
    "sfu/wire/bitstream/h264_sps.py": "tests/sfu/wire/bitstream/test_sps.py",
    "sfu/wire/bitstream/h265_slices.py": "tests/sfu/media/test_b_frame_filter.py, by streams with B-frames",
    "sfu/wire/bitstream/h265_sps.py": "tests/sfu/wire/bitstream/test_sps.py",
    "sfu/wire/bitstream/picture.py": "names and types only",
    "sfu/wire/ntp.py": "tests/sfu/plane/test_plane.py measures a round trip by it",
    "sfu/negotiation.py": "values only; tests/sfu/sdp/test_answer.py makes them from offers",
    "sfu/sdp/offer.py": "tests/sfu/sdp/test_fixtures.py reads the offers of real clients, tests/sfu/sdp/test_answer.py answers them",
    "sfu/sdp/transport.py": "tests/sfu/sdp/test_answer.py, what an answer takes of the offered transport, item by item",
    "sfu/sdp/writer.py": "tests/sfu/sdp/test_answer.py reads what is written, tests/sfu/sdp/test_chromium_takes_answers.py has it judged",
    "sfu/signalling/app.py": "tests/sfu/signalling/test_endpoint.py speaks to the whole application over HTTP",
    "sfu/signalling/body.py": "tests/sfu/signalling/test_hostile_http.py sends the bodies that it has to refuse",
    "sfu/signalling/cors.py": "tests/sfu/signalling/test_endpoint.py, docs/conformance.md, 1A.27 to 1A.31",
    "sfu/signalling/dependencies.py": "protocols only; tests/sfu/signalling/fakes.py satisfies them, and mypy says so",
    "sfu/signalling/listener.py": "tests/sfu/signalling/test_hostile_http.py and tests/sfu/signalling/test_connections.py",
    "sfu/signalling/replies.py": "tests/sfu/signalling/test_endpoint.py and tests/sfu/signalling/test_session_handler.py read every kind of answer",
    "sfu/signalling/session_start.py": "tests/sfu/signalling/test_endpoint.py, what a POST that is let in begins",
    "sfu/signalling/wanted_grant.py": "values only; tests/sfu/signalling/test_grant_api.py sends and receives them",
    "shared/cors.py": "constants only; tests/sfu/signalling/test_endpoint.py and tests/functions/admission find them in answers",
    "shared/verifier.py": "tests/shared/test_grants.py, what one half signs the other half checks",
}
"""Modules without a test file of their name: the test that exercises each, or a sentence that says why there is none."""
>>>>>>> ac26ed4 (Say of each module of the functions where its tests are)


def test_no_folder_is_crowded() -> None:
    """A folder's listing is its table of contents, and a table of contents is read at a glance."""
    counted = Counter(module.parent.as_posix() for module in modules(*PRODUCT, "tests") if module.name != "__init__.py")

    assert {folder: count for folder, count in counted.items() if count > MOST and folder not in still("rooms")} == {}


def test_tests_stand_where_their_module_stands() -> None:
    """Every folder of tests, but those with a purpose of their own, is a folder of the product."""
    folders = {path.parent.relative_to("tests") for path in modules("tests")} - {Path()}
    lost = {each.as_posix() for each in folders if each.parts[0] not in OWN_ROOMS and not (ROOT / each).is_dir()}

    assert lost - still("rooms") == set()


def _own_test(module: Path) -> Path:
    """Where the tests of *module* are looked for first."""
    return ROOT / "tests" / module.parent / f"test_{module.stem.strip('_')}.py"


def test_each_module_has_its_test_file_or_a_reason() -> None:
    """A module whose tests are elsewhere says where; nothing is listed that has tests of its own or is gone."""
    bare = {
        each.as_posix() for each in modules(*PRODUCT) if each.name != "__init__.py" and not _own_test(each).exists()
    }

    assert bare - set(TESTED_ELSEWHERE) - still("mirror") == set()
    assert set(TESTED_ELSEWHERE) - bare == set()


def test_a_test_that_is_named_for_a_module_is_there() -> None:
    """A reason that names a file of tests names one that exists."""
    named = {word.strip(",.;:") for reason in TESTED_ELSEWHERE.values() for word in reason.split() if "tests/" in word}

    assert {name for name in named if not (ROOT / name).exists()} == set()
