"""Mail servers to send letters to."""

from collections.abc import AsyncIterator, Iterator

import pytest

from mail.post_office import Certificate, PostOffice, certified, knows, opened


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with opened() as office:
        yield office


@pytest.fixture
async def guarded_office() -> AsyncIterator[PostOffice]:
    async with opened(authenticator=knows, auth_require_tls=False, auth_required=True) as office:
        yield office


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certified(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def tls_office(certificate: Certificate) -> AsyncIterator[PostOffice]:
    async with opened(implicit=certificate.context) as office:
        yield office


@pytest.fixture
async def starttls_office(certificate: Certificate) -> AsyncIterator[PostOffice]:
    async with opened(tls_context=certificate.context, require_starttls=True) as office:
        yield office


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    return
