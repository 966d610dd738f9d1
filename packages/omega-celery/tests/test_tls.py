"""TLS: a broker must prove who it is, without a word in the settings."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from omega_celery.app import make_app


class Listener:
    """Ends every connection once TLS is agreed upon, and remembers whether it was."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self.port = self._socket.getsockname()[1]
        self.agreed: list[bool] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                try:
                    with self._context.wrap_socket(connection, server_side=True) as secured:
                        self.agreed.append(secured.recv(1) != b"")  # the client speaks only when it is content
                except OSError:
                    self.agreed.append(False)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


@pytest.fixture
def listener(request: pytest.FixtureRequest, authority: trustme.CA) -> Iterator[Listener]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(request.param).configure_cert(context)
    listener = Listener(context)
    yield listener
    listener.close()


def connect(url: str) -> None:
    with make_app(url, {}).connection_for_write() as connection:
        connection.connect()


@pytest.mark.parametrize("scheme", ["amqps", "rediss"])
@pytest.mark.parametrize("listener", ["localhost"], indirect=True)
def test_a_broker_with_the_right_name_is_trusted(listener: Listener, scheme: str) -> None:
    with suppress(Exception):  # it does not speak the protocol of a broker
        connect(f"{scheme}://localhost:{listener.port}")
    assert True in listener.agreed


@pytest.mark.parametrize("scheme", ["amqps", "rediss"])
@pytest.mark.parametrize("listener", ["other.example.com"], indirect=True)
def test_a_broker_with_another_name_is_refused(listener: Listener, scheme: str) -> None:
    with pytest.raises(Exception, match=r"(?i)certificate verify failed|hostname mismatch"):
        connect(f"{scheme}://localhost:{listener.port}")
    assert True not in listener.agreed
