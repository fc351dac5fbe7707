"""The edge: stateless SFU nodes that accept WHIP and WHEP only with a signed grant."""

import os
from pathlib import Path

# Here, because OpenSSL reads it once, when the first module of the process imports `cryptography`.
os.environ.setdefault("OPENSSL_CONF", str(Path(__file__).with_name("openssl.cnf")))
