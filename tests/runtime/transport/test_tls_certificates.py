"""Certificates are read once for all routers, and anew where they are others."""

from __future__ import annotations

import os
import shutil

import certifi
import pytest

from routelab.runtime.transport.sender import certificates, named

pytest.importorskip("httpx_aiohttp")


def test_routers_share_them_until_they_change(tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    file = tmp_path / "authorities.pem"
    shutil.copy(certifi.where(), file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    first = certificates()
    assert certificates() is first
    assert named("aiohttp").ssl_context is named("aiohttp").ssl_context is first
    assert first.get_ca_certs()
    os.utime(file, (1.0, 1.0))
    second = certificates()
    assert second is not first
    monkeypatch.delenv("SSL_CERT_FILE")
    assert certificates() is not second
