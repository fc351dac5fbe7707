"""What a person reads when the stack is up, to the letter."""

from pathlib import Path

from local.fleet import NodeProcess, Surroundings
from local.ports import plan
from local.process.log import StackLog
from local.summary import DemoAccount, DemoKey, Summary
from tests.local import builders

ACCOUNTS = """\
  account         tier           stream key (secret: publishes)          stream id (public: watches)
  anonymous-demo  anonymous      anon_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa   bbbbbbbbbbbbbbbb
                                 anon_cccccccccccccccccccccccccccccccc   dddddddddddddddd
  registered-demo registered     live_eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee   ffffffffffffffff
"""

LOOPBACK = f"""\
Sluice is up after 2.4 s. Ctrl-C stops it.

  page      http://127.0.0.1:8080/
  operator  .venv-local/bin/sluice accounts list
  log       .local/stack.log    for programs: .local/stack.json
  node1     http://127.0.0.1:8889    media: udp 8189    metrics: http://127.0.0.1:9889/metrics
  node2     http://127.0.0.1:8890    media: udp 8190    metrics: http://127.0.0.1:9890/metrics

{ACCOUNTS}
  publish   http://127.0.0.1:8080/STREAM_KEY/whip    (WHIP)
  watch     http://127.0.0.1:8080/watch/STREAM_ID    (WHEP: http://127.0.0.1:8080/STREAM_ID/whep)
  OBS       Settings > Stream > Service: WHIP, Server: http://127.0.0.1:8080/whip, Bearer Token: a stream key
  token     the owner's view of registered-demo: acct_h
  demo      make demo publishes a test picture and prints its watch link

  For a phone, OBS elsewhere, or Firefox (which sends no media over 127.0.0.1): make up HOST=lan"""

# Where the stack is reached from elsewhere, and on ports of its own.
ELSEWHERE = f"""\
Sluice is up after 12.0 s. Ctrl-C stops it.

  page      http://192.0.2.7:9000/
  operator  PORT=9000 .venv-local/bin/sluice accounts list
  log       .local/9000/stack.log    for programs: .local/9000/stack.json
  node1     http://192.0.2.7:9002    media: udp 9004    metrics: http://127.0.0.1:9006/metrics
  node2     http://192.0.2.7:9003    media: udp 9005    metrics: http://127.0.0.1:9007/metrics

{ACCOUNTS}
  publish   http://192.0.2.7:9000/STREAM_KEY/whip    (WHIP)
  watch     http://192.0.2.7:9000/watch/STREAM_ID    (WHEP: http://192.0.2.7:9000/STREAM_ID/whep)
  OBS       Settings > Stream > Service: WHIP, Server: http://192.0.2.7:9000/whip, Bearer Token: a stream key
  token     the owner's view of registered-demo: acct_h
  demo      make demo PORT=9000 publishes a test picture and prints its watch link

  Browsers give a camera only to https and localhost: over this address, publish from OBS or FFmpeg,
  or open the page on this machine; watching works from everywhere."""


def summary(host: str, port: int, log: StackLog) -> Summary:
    """Two accounts and the nodes of a stack."""
    around = Surroundings(host, "", "", "", "", builders.CREDENTIALS)
    nodes = [NodeProcess(number, ports, around, log, lambda: None) for number, ports in enumerate(plan(port).nodes, 1)]
    anonymous = [DemoKey("anon_" + "a" * 32, "b" * 16), DemoKey("anon_" + "c" * 32, "d" * 16)]
    accounts = [
        DemoAccount("anonymous-demo", "anonymous", "acct_g", anonymous),
        DemoAccount("registered-demo", "registered", "acct_h", [DemoKey("live_" + "e" * 32, "f" * 16)]),
    ]
    return Summary(f"http://{host}:{port}", accounts, nodes, "http://127.0.0.1:8566", 1)


def test_the_table_of_the_usual_stack(log: StackLog) -> None:
    """On loopback and the documented ports, where no command needs a PORT."""
    files = {"log": ".local/stack.log", "stack": ".local/stack.json"}
    commands = {"sluice": ".venv-local/bin/sluice", "demo": "make demo"}
    assert summary("127.0.0.1", 8080, log).table(seconds=2.44, **files, **commands, local_only=True) == LOOPBACK


def test_the_table_of_a_stack_for_other_machines(log: StackLog) -> None:
    """Its address in every URL, its port in every command."""
    files = {"log": ".local/9000/stack.log", "stack": ".local/9000/stack.json"}
    commands = {"sluice": "PORT=9000 .venv-local/bin/sluice", "demo": "make demo PORT=9000"}
    assert summary("192.0.2.7", 9000, log).table(seconds=12, **files, **commands, local_only=False) == ELSEWHERE


def test_the_file_for_programs_has_these_members(tmp_path: Path, log: StackLog) -> None:
    """No more and no less, for its owner alone."""
    wanted = summary("192.0.2.7", 9000, log)
    document = wanted.document()
    assert document == {
        "api": "http://192.0.2.7:9000",
        "page": "http://192.0.2.7:9000/",
        "accounts": document["accounts"],
        "nodes": [
            {
                "id": f"node{number}",
                "url": f"http://192.0.2.7:{9001 + number}",
                "udp": 9003 + number,
                "metrics": f"http://127.0.0.1:{9005 + number}/metrics",
                "pid": None,
            }
            for number in (1, 2)
        ],
        "emulator": "http://127.0.0.1:8566",
        "pid": 1,
    }
    assert document["accounts"][1] == {
        "account": "registered-demo",
        "tier": "registered",
        "token": "acct_h",
        "keys": [
            {
                "stream_key": "live_" + "e" * 32,
                "stream_id": "f" * 16,
                "whip": f"http://192.0.2.7:9000/live_{'e' * 32}/whip",
                "whep": f"http://192.0.2.7:9000/{'f' * 16}/whep",
            }
        ],
    }
    wanted.write(tmp_path / "stack.json")
    assert (tmp_path / "stack.json").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".part"] == []
