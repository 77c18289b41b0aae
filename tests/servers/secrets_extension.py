"""A stand-in for the AWS parameters and secrets extension, which hands out secrets on localhost inside a Lambda function. It
answers in the form of the services' own answers, and keeps what it was asked.

    with SecretsExtension({"prod/db": '{"username": "loader"}'}, {"/prod/key": "..."}) as extension:
        environment |= extension.environment
"""

import http.server
import json
import threading
import urllib.parse

TOKEN = "the-functions-session-token"


class SecretsExtension:
    """secrets and parameters: {name: text}. `refusals`: {name: (status, body)} comes before them."""

    def __init__(self, secrets: dict | None = None, parameters: dict | None = None):
        self.secrets, self.parameters = dict(secrets or {}), dict(parameters or {})
        self.refusals: dict = {}
        self.not_ready = 0  # so many requests are told to wait, as the real one does while it starts
        self.asked: list = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body = outer.answer(self.path, self.headers)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "SecretsExtension":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def environment(self) -> dict:
        return {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(self.server.server_port), "AWS_SESSION_TOKEN": TOKEN}

    def answer(self, path: str, headers) -> tuple:
        parsed = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(parsed.query))
        name = query.get("secretId") or query.get("name")
        self.asked.append(name)
        if self.not_ready > 0:
            self.not_ready -= 1
            return 400, b"not ready to serve traffic, please wait"
        if headers.get("X-Aws-Parameters-Secrets-Token") != TOKEN:
            return 401, b"Unauthorized"
        if name in self.refusals:
            status, text = self.refusals[name]
            return status, text.encode()
        if parsed.path == "/secretsmanager/get" and name in self.secrets:
            return 200, json.dumps({"ARN": f"arn:aws:secretsmanager:eu-central-1:1:secret:{name}", "Name": name,
                                    "SecretString": self.secrets[name], "VersionStages": ["AWSCURRENT"]}).encode()
        if parsed.path == "/systemsmanager/parameters/get" and name in self.parameters and query.get("withDecryption") == "true":
            return 200, json.dumps({"Parameter": {"Name": name, "Type": "SecureString", "Value": self.parameters[name]},
                                    "ResultMetadata": {}}).encode()
        return 400, b"ResourceNotFoundException: Secrets Manager can't find the specified secret."
