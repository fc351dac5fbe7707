"""Chromium to Chromium over the whole stack: the page publishes, the page watches, through real functions and nodes."""

import re
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.stack]

Stack = dict[str, Any]


def account(stack: Stack, tier: str) -> dict[str, Any]:
    """The demo account of *tier*."""
    found: dict[str, Any] = next(one for one in stack["accounts"] if one["account"].startswith(tier))
    return found


def publish(page: Page, stack: Stack, key: dict[str, str], codec: str = "auto") -> None:
    """Go live with the test pattern; small, because the machine encodes and decodes it in software."""
    page.goto(stack["page"])
    expect(page.locator("body")).to_have_attribute("data-state", "idle")  # the first source is chosen
    page.get_by_role("radio", name="Test pattern").check()
    page.get_by_label("Resolution").select_option("360p")
    page.get_by_label("Codec").select_option(codec)
    page.get_by_label("Stream key", exact=True).fill(key["stream_key"])
    page.get_by_role("button", name="Go live").click()


def is_live(page: Page) -> None:
    """The publisher's connection is up."""
    expect(page.locator("#publish-stage")).to_have_attribute("data-state", "live", timeout=15_000)


def watch(page: Page, stack: Stack, stream: str) -> None:
    """Open the watch link of the stream."""
    page.goto(f"{stack['page'].rstrip('/')}/watch/{stream}")


def is_playing(page: Page) -> None:
    """A frame has been decoded and shown."""
    expect(page.locator("#watch-stage")).to_have_attribute("data-state", "playing", timeout=20_000)


def frames(page: Page) -> int:
    """How many frames this viewer has decoded."""
    return int(page.locator("#watch-stats").get_attribute("data-frames") or 0)


def more_frames(page: Page, count: int = 30) -> None:
    """This viewer decodes *count* further frames."""
    before = frames(page)
    page.wait_for_function(
        "([before, count]) => Number(document.querySelector('#watch-stats').dataset.frames) >= before + count",
        arg=[before, count],
        timeout=30_000,
    )


def moves(page: Page, video: str) -> None:
    """The picture in *video* is not the one that it was."""
    page.wait_for_function(
        """selector => {
            const video = document.querySelector(selector);
            const canvas = new OffscreenCanvas(video.videoWidth || 1, video.videoHeight || 1);
            const context = canvas.getContext("2d", { willReadFrequently: true });
            context.drawImage(video, 0, 0);
            const now = context.getImageData(0, 0, canvas.width, canvas.height).data;
            const before = video.seenByTest;
            video.seenByTest = now;
            // More than the noise of an encoder: a hundredth of all values by more than a tenth.
            const changed = () => now.reduce((count, value, i) => count + (Math.abs(value - before[i]) > 25 ? 1 : 0), 0);
            return before?.length === now.length && changed() > now.length / 100;
        }""",
        arg=video,
        polling=500,
    )


def joins(page: Page, count: int = 5) -> list[int]:
    """Milliseconds from a viewer's POST at the API to its first frame, of the join that was and of further ones."""
    measured = [int(page.locator("#watch-stage").get_attribute("data-first-frame-ms") or 0)]
    while len(measured) < count:
        page.reload()
        is_playing(page)
        measured.append(int(page.locator("#watch-stage").get_attribute("data-first-frame-ms") or 0))
    return measured


def stop(page: Page) -> None:
    """Press the button that ends publishing."""
    page.get_by_role("button", name="Stop publishing").click()
    expect(page.locator("#publish-stage")).to_have_attribute("data-state", "idle")


@pytest.mark.parametrize("codec", ["H264", "VP8", "VP9", "AV1"])
def test_what_one_browser_publishes_another_sees_and_hears(
    new_page: Callable[..., Page], stack: Stack, codec: str
) -> None:
    """Frames are decoded in the codec that was chosen, the tone has energy, and a first frame takes less than 1 s."""
    key = account(stack, "studio")["keys"][0]
    publisher, viewer = new_page(), new_page()
    publish(publisher, stack, key, codec)
    is_live(publisher)

    watch(viewer, stack, key["stream_id"])
    is_playing(viewer)
    viewer.get_by_role("button", name="Tap for sound").click()

    more_frames(viewer, 60)
    expect(viewer.locator("#watch-stats")).to_contain_text(codec)
    viewer.wait_for_function("() => Number(document.querySelector('#watch-stats').dataset.audioEnergy) > 0.001")
    took = joins(viewer)
    assert 0 < median(took) < 1000, took
    expect(publisher.locator("#viewer-count")).to_have_text("1 of 100 viewers", timeout=15_000)
    stop(publisher)


def test_a_browser_without_the_codec_plays_the_sound_and_says_so(new_page: Callable[..., Page], stack: Stack) -> None:
    """Under max-bundle, as the page always offers; the sentence names the codec (a Chromium that never offers VP8)."""
    key = account(stack, "studio")["keys"][0]
    publisher, viewer = new_page(), new_page()
    publish(publisher, stack, key, "VP8")
    is_live(publisher)
    viewer.add_init_script(
        """const add = RTCPeerConnection.prototype.addTransceiver;
        RTCPeerConnection.prototype.addTransceiver = function (kind, init) {
          const made = add.call(this, kind, init);
          const all = RTCRtpReceiver.getCapabilities("video").codecs;
          if (kind === "video") made.setCodecPreferences(all.filter(({ mimeType }) => mimeType !== "video/VP8"));
          return made;
        };"""
    )
    watch(viewer, stack, key["stream_id"])

    expect(viewer.locator("#watch-status")).to_have_text("Sound only: this browser cannot decode VP8.")
    expect(viewer.locator("#watch-status")).to_be_visible()
    is_playing(viewer)
    stop(publisher)


def test_a_free_key_publishes_with_one_click(new_page: Callable[..., Page], stack: Stack) -> None:
    """No account, no key: two clicks to a watch link that plays, on a phone."""
    publisher, viewer = new_page((360, 740)), new_page((360, 740))
    publisher.goto(stack["page"])
    publisher.get_by_role("button", name="Get a free key").click()
    expect(publisher.locator("#share")).to_be_visible()
    publisher.get_by_role("button", name="Go live").click()
    is_live(publisher)

    viewer.goto(publisher.get_by_label("Watch link", exact=True).input_value())

    is_playing(viewer)
    stop(publisher)


def test_a_taken_over_stream_goes_on_for_its_viewers(new_page: Callable[..., Page], stack: Stack) -> None:
    """Override replaces the publisher; the viewer keeps its session and sees the new picture; the old one is told."""
    key = account(stack, "solo")["keys"][0]
    first, second, viewer = new_page(), new_page(), new_page()
    publish(first, stack, key)
    is_live(first)
    watch(viewer, stack, key["stream_id"])
    is_playing(viewer)
    joined: list[str] = []
    viewer.on("request", lambda request: joined.append(request.url) if request.method == "POST" else None)

    publish(second, stack, key)
    expect(second.get_by_role("alert")).to_contain_text("This key is active elsewhere")
    second.get_by_role("button", name="Override").click()
    is_live(second)

    more_frames(viewer, 60)
    is_playing(viewer)
    assert joined == []
    expect(first.get_by_role("alert")).to_contain_text("Your stream was taken over", timeout=15_000)
    stop(second)


def test_a_full_account_falls_back_to_the_free_servers(new_page: Callable[..., Page], stack: Stack) -> None:
    """The documented 429 becomes a question, and yes leads to a live stream."""
    first_key, second_key = account(stack, "registered")["keys"]
    first, second = new_page(), new_page()
    publish(first, stack, first_key)
    is_live(first)

    publish(second, stack, second_key)
    expect(second.get_by_role("alert")).to_contain_text("Retry with free servers?")
    second.get_by_role("button", name="Retry with free servers").click()

    is_live(second)
    stop(second)
    stop(first)


def test_a_closed_page_frees_its_slot_at_once(new_page: Callable[..., Page], stack: Stack) -> None:
    """The page's last act is a DELETE; the account's only stream can be published by another key right away."""
    first_key, second_key = account(stack, "registered")["keys"]
    first, second = new_page(), new_page()
    publish(first, stack, first_key)
    is_live(first)
    first.close(run_before_unload=False)

    def live_now() -> bool:
        publish(second, stack, second_key)
        expect(second.locator("#publish-stage[data-state=live], #publish-notice .notice")).to_be_visible()
        return second.locator("#publish-stage").get_attribute("data-state") == "live"

    # In less than the ten seconds after which a page that said nothing loses its slot.
    end = time.monotonic() + 8
    while not live_now():
        assert time.monotonic() < end, "the slot was not freed"
    assert time.monotonic() < end
    stop(second)


def test_a_viewer_waits_for_a_stream_and_finds_it_again(new_page: Callable[..., Page], stack: Stack) -> None:
    """Offline, then live, then ended, then live again, maybe on the other node: the page follows without a hand."""
    key = account(stack, "creator")["keys"][0]
    publisher, viewer = new_page(), new_page()
    watch(viewer, stack, key["stream_id"])
    expect(viewer.locator("#watch-status")).to_have_text("The stream is offline. Waiting for the streamer…")

    publish(publisher, stack, key)
    is_live(publisher)
    is_playing(viewer)
    stop(publisher)
    expect(viewer.locator("#watch-stage")).to_have_attribute("data-state", "ended", timeout=10_000)
    publisher.get_by_role("button", name="Go live").click()
    is_live(publisher)

    is_playing(viewer)
    more_frames(viewer)
    stop(publisher)


def test_the_owner_sees_the_stream_that_is_live(new_page: Callable[..., Page], stack: Stack) -> None:
    """Usage, viewers and node, from the real functions."""
    owner = account(stack, "creator")
    key = owner["keys"][1]
    publisher, other = new_page(), new_page()
    publish(publisher, stack, key)
    is_live(publisher)

    other.goto(f"{stack['page']}#overview")
    other.locator("#account-token").fill(owner["token"])
    other.keyboard.press("Enter")

    expect(other.locator("#account-name")).to_have_text(owner["account"])
    expect(other.locator("#account-tier")).to_have_text("Creator Plus")
    expect(other.locator("#live-streams")).to_contain_text(key["stream_id"], timeout=10_000)
    expect(other.locator("#live-streams")).to_contain_text(re.compile("node[12]"))
    expect(other.locator("#usage-text")).to_contain_text("of 1000 GB")
    stop(publisher)


def test_the_source_changes_while_live(new_page: Callable[..., Page], stack: Stack) -> None:
    """From the test pattern to the camera and back, without a second session."""
    key = account(stack, "solo")["keys"][1]
    publisher, viewer = new_page(), new_page()
    publish(publisher, stack, key)
    is_live(publisher)
    watch(viewer, stack, key["stream_id"])
    is_playing(viewer)

    publisher.get_by_role("radio", name="Camera").check()
    expect(publisher.locator("#publish-stage")).to_have_class(re.compile("mirrored"))

    more_frames(viewer, 45)
    is_live(publisher)
    publisher.get_by_role("button", name="Mute sound").click()
    expect(publisher.get_by_role("button", name="Unmute sound")).to_be_visible()
    stop(publisher)


def test_a_screen_is_shown_and_published(new_page: Callable[..., Page], stack: Stack) -> None:
    """Chromium without a display captures one that it draws itself (a clock, with the flags for the fake camera): its moving picture arrives at the viewer."""
    key = account(stack, "solo")["keys"][1]
    publisher, viewer = new_page(), new_page()
    publisher.goto(stack["page"])
    publisher.get_by_label("Resolution").select_option("360p")
    publisher.get_by_role("radio", name="Screen").check()
    publisher.get_by_role("button", name="Preview", exact=True).click()
    expect(publisher.locator("#publish-stage")).to_have_class(re.compile("has-picture"))
    moves(publisher, "#preview")
    track = publisher.evaluate("""() => {
        const [track] = document.querySelector("#preview").srcObject.getVideoTracks();
        const { displaySurface, height } = track.getSettings();
        return { displaySurface, height, hint: track.contentHint };
    }""")
    assert track == {"displaySurface": "monitor", "height": 360, "hint": "detail"}
    expect(publisher.locator("#publish-stage")).not_to_have_class(re.compile("mirrored"))
    expect(publisher.locator("#camera-settings")).to_be_hidden()

    publisher.get_by_label("Stream key", exact=True).fill(key["stream_key"])
    publisher.get_by_role("button", name="Go live").click()
    is_live(publisher)
    watch(viewer, stack, key["stream_id"])
    is_playing(viewer)

    more_frames(viewer)
    moves(viewer, "#watch-stage video")

    # What the browser's own "Stop sharing" does to the track.
    publisher.evaluate(
        "document.querySelector('#preview').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))"
    )
    expect(publisher.locator("#publish-status")).to_have_text("The source ended, so publishing stopped.")
    expect(publisher.locator("#publish-stage")).to_have_attribute("data-state", "idle")


@pytest.mark.parametrize("path", ["", "docs"])
def test_the_stack_serves_page_and_reference_without_a_complaint(
    new_page: Callable[..., Page], stack: Stack, path: str
) -> None:
    """Through the real gateway and its event mapping: types, policy and files are right."""
    page = new_page()
    page.goto(stack["page"] + path)

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.card, article')).borderRadius") == "14px"
