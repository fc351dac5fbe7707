"""What the media plane counts, for `sfu.node.metrics` to read: plain integers, and histograms of durations. They only grow."""

from dataclasses import dataclass, field

from prometheus_client import Histogram

from sfu.durations import media_durations


@dataclass(slots=True)
class PlaneStats:
    """What the media plane counted since the process began."""

    received_packets: int = 0
    """Authentic RTP packets from publishers."""
    received_bytes: int = 0
    late_packets: int = 0
    """Of these, those that lay in the socket's queue for more than 100 ms."""
    sent_packets: int = 0
    """RTP packets handed to the kernel for viewers."""
    sent_bytes: int = 0
    retransmitted_packets: int = 0
    retransmission_refused: int = 0
    """Asked for and not sent: no longer in the history, or asked too often."""
    cached_packets: int = 0
    """Sent to new viewers from the cached group of pictures."""
    send_failed: int = 0
    """Datagrams that the kernel would not take, and that no queue could keep."""
    send_queued: int = 0
    """Messages that waited for room in the socket's buffer."""
    segmentation_refused: int = 0
    """Bursts that had to be sent packet by packet, because the kernel or the route refused UDP_SEGMENT."""
    dropped_unknown_address: int = 0
    dropped_stun: int = 0
    """Checks for an unknown ufrag, with a wrong password, malformed, copied, or from where another session's client is."""
    dropped_dtls: int = 0
    """DTLS before a valid check, or above the bound on half-open handshakes."""
    dropped_rtp: int = 0
    """Not authentic, a replay, malformed, or of no negotiated section."""
    dropped_above_limit: int = 0
    """RTP of a publisher that sends more than twice what its grant allows, not looked at."""
    dropped_stale: int = 0
    """RTP that had lain in the socket's queue for longer than any player waits: this node has too much to do."""
    dropped_kernel: int = 0
    """By the kernel, because the socket's queue was full (Linux tells with the next datagram that it delivers)."""
    dropped_shed: int = 0
    """By the kernel, because they were strangers' in a flood of such."""
    floods: int = 0
    """Times that strangers sent so much that the kernel was told to keep most of it away."""
    dropped_rtcp: int = 0
    dropped_garbage: int = 0
    """Neither STUN, DTLS, RTP nor RTCP."""
    checks: int = 0
    handshakes: int = 0
    handshakes_failed: int = 0
    publisher_lost_packets: int = 0
    """RTP packets that publishers numbered and we never got, as far as a report interval can tell; late ones are not
    taken back."""
    viewer_lost_packets: int = 0
    """RTP packets that viewers' receiver reports say are lost, repaired ones not included where they say so."""
    nacks_received: int = 0
    """Packets that viewers asked for."""
    nacks_sent: int = 0
    """Packets that we asked publishers for."""
    keyframes_requested: int = 0
    """By viewers and by us on their behalf."""
    keyframe_requests_sent: int = 0
    keyframes: int = 0
    publishers_begun: int = 0
    viewers_begun: int = 0
    sessions_ended: int = 0
    publish_first_packet: Histogram = field(default_factory=lambda: media_durations("publish_first_packet"))
    """From a publisher's POST to its first media."""
    play_first_packet: Histogram = field(default_factory=lambda: media_durations("play_first_packet"))
    """From a viewer's POST to the first media sent to it; who left before is not in it."""
    play_first_keyframe: Histogram = field(default_factory=lambda: media_durations("play_first_keyframe"))
    """From a viewer's POST to the begin of the first keyframe sent to it."""
