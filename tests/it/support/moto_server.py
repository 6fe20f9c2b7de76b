"""moto on a free loopback port, until standard input closes.

Prints the port. Beside the AWS services it answers GET /coffer-calls with the number of calls of
each method since the last POST there. COFFER_LATENCY is what every call of AWS takes longer, in
seconds.
"""

import collections
import json
import logging
import os
import sys
import threading
import time

import moto.secretsmanager.models
import moto.secretsmanager.responses  # noqa: F401  (loaded before the first call)
import moto.sts.models  # noqa: F401
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

CALLS = collections.Counter()
LATENCY = float(os.environ.get("COFFER_LATENCY", "0"))
AWS = DomainDispatcherApplication(create_backend_app)


def application(environment, start_response):
    if environment["PATH_INFO"] == "/coffer-calls":
        body = json.dumps(CALLS).encode()
        if environment["REQUEST_METHOD"] == "POST":
            CALLS.clear()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]
    target = environment.get("HTTP_X_AMZ_TARGET", environment["REQUEST_METHOD"])
    CALLS[target.rsplit(".", 1)[-1]] += 1
    time.sleep(LATENCY)
    return AWS(environment, start_response)


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
threading.Thread(target=end_with_parent, daemon=True).start()
server = make_server("127.0.0.1", 0, application, True, request_handler=MotoRequestHandler)
print(server.server_port, flush=True)
server.serve_forever()
