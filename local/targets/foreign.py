"""The targets that need what is not ours: other people's clients, second emulators, LocalStack, an account of AWS."""

import os

from local.setup import clients, localstack
from local.setup.environments import DEV, EVERY, ROOT, SetupError, prepare
from local.targets.program import asked, become, inherited, run, say
from local.targets.suite import STACK, STORM, prepare_with_chromium

_CODES = "tests/integration/test_documented_codes.py"
_SECOND = [
    *(f"tests/functions/{part}" for part in ("storage", "admission", "metering", "nodes", "admin", "account", "hooks")),
    "tests/operator/sluice/test_signer.py",
]


def test_clients() -> int:
    """Run the tests that need other people's clients, which are installed or built first."""
    browser = prepare_with_chromium()
    environ = inherited() | {"CHROMIUM": browser} | clients.ensure(say)
    pytest = [str(DEV.python), "-m", "pytest", "tests/clients", "tests/browser", "-m", "clients"]
    return run([*pytest, *asked()], environ)


def test_dynamodb_local() -> int:
    """Run the storm of publishers on DynamoDB Local."""
    prepare((DEV,), say)
    pytest = [str(DEV.python), "-m", "pytest", "-s", *(asked() or [STORM])]
    become(DEV, "-m", "local.setup.dynamodb", *pytest)


def test_second_emulator() -> int:
    """Run the functions' tests on dynoxide, which refuses what moto and ministack let pass."""
    prepare((DEV,), say)
    become(DEV, "-m", "local.setup.dynoxide", str(DEV.python), "-m", "pytest", *(asked() or _SECOND))


def test_localstack() -> int:
    """Run the integration tests that take any endpoint on LocalStack; the others have an emulator of their own."""
    endpoint = localstack.url(os.environ)
    prepare(EVERY, say)
    tests = asked() or ["tests/integration", "-m", f"not ({STACK} or alone or bench)"]
    return run([str(DEV.python), "-m", "pytest", *tests], inherited() | {"AWS_ENDPOINT_URL": endpoint})


def test_aws() -> int:
    """Run what can run there on AWS: it makes tables and accounts of its own, and needs the operator's rights."""
    name = os.environ.get("STACK")
    if not name:
        raise SetupError("Say which stack: make test-aws STACK=sluice")
    prepare((DEV,), say)
    file = ROOT / ".local" / "aws" / f"{name}.json"
    if run([str(DEV.python), "-m", "local.setup.deployed", name, str(file)], os.environ):
        return 1
    dry = ["--collect-only"] if os.environ.get("DRY") == "1" else []
    pytest = [str(DEV.python), "-m", "pytest", "-s", *dry, *(asked() or [STORM, _CODES])]
    return run(pytest, inherited() | {"SLUICE_STACK_FILE": str(file)})
