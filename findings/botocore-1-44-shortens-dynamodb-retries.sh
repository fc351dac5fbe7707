#!/usr/bin/env bash
# botocore 1.44 makes `standard` retries of DynamoDB some forty times shorter than 1.43 did, with the same settings.
#
# Three attempts that all end in a 500 took about 1.5 s in 1.43 (pauses drawn below 1 s and 2 s) and take some 40 ms in 1.44
# (below 25 and 50 ms, for DynamoDB alone). Who counted attempts to outlast a server's hiccup of a second does not any more.
# The script asks both versions for the same thing of a server on loopback that always answers 500, and times them.
set -euo pipefail

old=1.43.127
new=1.44.8
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/measure.py" <<'PY'
import http.server
import statistics
import sys
import threading
import time

import botocore
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError


class Failing(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self):
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"__type": "InternalServerError", "message": "as asked"}'
        self.send_response(500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = botocore.session.Session().create_client(
    "dynamodb",
    region_name="us-east-1",
    endpoint_url=f"http://127.0.0.1:{server.server_port}",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="example",
    config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
)
took = []
for _ in range(9):
    began = time.monotonic()
    try:
        client.get_item(TableName="t", Key={"k": {"S": "v"}})
    except ClientError:
        took.append(time.monotonic() - began)
median = statistics.median(took)
print(f"botocore {botocore.__version__}: {Failing.asked / len(took):.1f} attempts, median {median:.3f} s")
sys.exit(0 if (median > 0.5) == (sys.argv[1] == "long") and Failing.asked == 3 * len(took) else 1)
PY

for pair in "$old long" "$new short"; do
    read -r version expected <<< "$pair"
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "botocore==$version"
    "$folder/$version/bin/python" "$folder/measure.py" "$expected" || { echo "Changed: $version is not $expected any more."; exit 1; }
done
