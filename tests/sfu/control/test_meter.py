"""The meter's totals survive whatever happens to the reports."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.control.meter import Meter
from shared.messages import MAX_ENTRIES, MAX_STREAMS, UsageEntry, UsageReport

NOV_30 = 1796083199.0
"""2026-11-30 23:59:59 UTC."""


class _Clock:
    def __init__(self, now: float = NOV_30) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _entries(meter: Meter) -> list[UsageEntry]:
    return [entry for portion in meter.pending() for entry in portion]


def test_what_was_received_and_sent_is_reported_per_account() -> None:
    """Both directions are summed up for each account by itself."""
    meter = Meter(_Clock())
    meter.received("a", 100, "s")
    meter.sent("a", 30, "s")
    meter.sent("a", 40, "s")
    meter.sent("b", 5, "t")
    assert _entries(meter) == [
        UsageEntry(
            account="a", month="2026-11", received=100, sent=70, days={"30": (100, 70)}, streams={"s": (100, 70)}
        ),
        UsageEntry(account="b", month="2026-11", received=0, sent=5, days={"30": (0, 5)}, streams={"t": (0, 5)}),
    ]


def test_a_total_is_divided_by_day_and_by_stream() -> None:
    """Each division adds up to the total by itself; midnights are UTC's."""
    clock = _Clock(NOV_30 - 86400)
    meter = Meter(clock)
    meter.sent("a", 10, "s")
    clock.now += 1
    meter.received("a", 5, "t")
    meter.sent("a", 7, "s")
    meter.acknowledge(_entries(meter))
    clock.now += 3600
    meter.sent("a", 1, "s")

    (entry,) = _entries(meter)

    assert entry.days == {"29": (0, 10), "30": (5, 8)}
    assert entry.streams == {"s": (0, 18), "t": (5, 0)}


def test_the_streams_that_are_told_apart_are_bounded() -> None:
    """Neither message nor item grows with keys that come and go; the bytes count all the same."""
    meter = Meter(_Clock())
    for number in range(2 * MAX_STREAMS):
        meter.received("a", 3, f"stream-{number}")

    (entry,) = _entries(meter)

    assert entry.received == 6 * MAX_STREAMS
    assert entry.streams == {f"stream-{number}": (3, 0) for number in range(MAX_STREAMS)}


def test_no_message_is_larger_than_the_queue_takes() -> None:
    """The most accounts, each with every day of a month and as many streams as are told apart, with names at their longest."""
    clock = _Clock(NOV_30 - 29 * 86400)
    meter = Meter(clock)
    for _ in range(30):
        for number in range(60):
            for stream in range(MAX_STREAMS):
                meter.received(f"{number:064}", 2**42, f"{stream:064}")
        clock.now += 86400 if clock.now < NOV_30 else 0

    portions = list(meter.pending())

    assert len(portions) > 1
    for entries in portions:
        text = UsageReport(node="n" * 64, boot="b" * 64, seq=2**53, at=NOV_30, entries=entries).model_dump_json()
        assert len(text) < 256 * 1024


def test_an_unacknowledged_total_is_reported_again_and_includes_what_came_since() -> None:
    """A lost report is made good by the next one."""
    meter = Meter(_Clock())
    meter.received("a", 100, "s")
    assert _entries(meter) == _entries(meter)
    meter.received("a", 1, "s")
    assert _entries(meter)[0].received == 101


def test_an_acknowledged_total_is_quiet_until_it_grows_and_then_goes_on_from_where_it_was() -> None:
    """Totals are cumulative over the boot, never deltas."""
    meter = Meter(_Clock())
    meter.received("a", 100, "s")
    meter.acknowledge(_entries(meter))
    assert _entries(meter) == []
    assert meter.unreported() == 0
    meter.received("a", 1, "s")
    assert _entries(meter)[0].received == 101
    assert meter.unreported() == 1


def test_a_late_acknowledgement_of_an_older_total_does_not_take_back_a_newer_one() -> None:
    """Answers may come in any order."""
    meter = Meter(_Clock())
    meter.received("a", 100, "s")
    old = _entries(meter)
    meter.received("a", 50, "s")
    meter.acknowledge(_entries(meter))
    meter.acknowledge(old)
    assert _entries(meter) == []


def test_bytes_after_midnight_of_the_first_go_to_the_new_month() -> None:
    """A session that lives across the month's end is billed in both months."""
    clock = _Clock()
    meter = Meter(clock)
    meter.sent("a", 10, "s")
    clock.now += 1
    meter.sent("a", 5, "s")
    assert [(entry.month, entry.sent) for entry in _entries(meter)] == [("2026-11", 10), ("2026-12", 5)]


def test_an_old_month_is_reported_until_it_was_acknowledged_and_then_forgotten() -> None:
    """The last total of a month is money too."""
    clock = _Clock()
    meter = Meter(clock)
    meter.sent("a", 10, "s")
    clock.now += 86400
    assert [entry.month for entry in _entries(meter)] == ["2026-11"]
    meter.acknowledge(_entries(meter))
    assert _entries(meter) == []
    assert meter.accounts() == 0


def test_a_current_total_is_kept_after_its_acknowledgement() -> None:
    """Were it forgotten, it would start from nought and the grow-only record would ignore it."""
    meter = Meter(_Clock())
    meter.sent("a", 10, "s")
    meter.acknowledge(_entries(meter))
    meter.sent("a", 1, "s")
    assert _entries(meter)[0].sent == 11


def test_a_clock_that_is_set_back_reopens_no_old_month() -> None:
    """A month that was begun goes on."""
    clock = _Clock(NOV_30 + 2)
    meter = Meter(clock)
    meter.sent("a", 10, "s")
    clock.now -= 60
    meter.sent("a", 1, "s")
    assert [(entry.month, entry.sent) for entry in _entries(meter)] == [("2026-12", 11)]


def test_more_accounts_than_fit_one_message_are_spread_over_several() -> None:
    """No message exceeds what the queue takes."""
    meter = Meter(_Clock())
    for number in range(MAX_ENTRIES + 1):
        meter.sent(f"account-{number}", 1, "s")
    assert [len(portion) for portion in meter.pending()] == [MAX_ENTRIES, 1]


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("count"), st.sampled_from("abc"), st.integers(0, 10**6), st.integers(0, 10**6)),
        st.tuples(st.just("sleep"), st.integers(0, 40 * 86400)),
        st.tuples(st.just("report"), st.sampled_from(["heard", "lost", "answer lost", "twice", "late"])),
    )
)


class _Store:
    """The grow-only record of the control plane, and a network that treats reports as it likes."""

    def __init__(self) -> None:
        self.total: dict[tuple[str, str], int] = {}
        self.divided: dict[tuple[str, str], list[int]] = {}
        """What the days, and what the streams, of each total add up to."""
        self.late: list[tuple[UsageEntry, ...]] = []

    def merge(self, portion: tuple[UsageEntry, ...]) -> None:
        for entry in portion:
            key = (entry.account, entry.month)
            if entry.received + entry.sent > self.total.get(key, 0):
                self.total[key] = entry.received + entry.sent
                self.divided[key] = [sum(map(sum, parts.values())) for parts in (entry.days, entry.streams)]

    def report(self, meter: Meter, fate: str) -> None:
        for portion in list(meter.pending()):
            if fate == "late":
                self.late.append(portion)
            if fate in {"heard", "answer lost", "twice"}:
                self.merge(portion)
            if fate in {"heard", "twice"}:
                meter.acknowledge(portion)
            if fate == "twice":
                self.merge(portion)


@given(_STEPS)
def test_no_byte_is_lost_or_counted_twice_however_reports_fare(steps: list[tuple[object, ...]]) -> None:
    """Lost, repeated, reordered and unacknowledged reports change nothing once one last report gets through."""
    clock = _Clock()
    meter = Meter(clock)
    store = _Store()
    truth: dict[str, int] = {}
    for step in steps:
        match step:
            case ("count", str(account), int(received), int(sent)):
                meter.received(account, received, "s")
                meter.sent(account, sent, "s")
                truth[account] = truth.get(account, 0) + received + sent
            case ("sleep", int(seconds)):
                clock.now += seconds
            case ("report", str(fate)):
                store.report(meter, fate)
    store.report(meter, "heard")
    for portion in reversed(store.late):
        store.merge(portion)
    for account, total in truth.items():
        assert total == sum(billed for (name, _), billed in store.total.items() if name == account)
    assert meter.unreported() == 0
    assert store.divided == {key: [total, total] for key, total in store.total.items()}
