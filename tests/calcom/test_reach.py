"""Which addresses are asked, and that it is those that were judged which are connected to."""

import asyncio
import socket

import httpx2
import pytest

from calcom import tls
from calcom.account import ungated
from greenroom.calcom import reach
from greenroom.calcom.client import Failing
from greenroom.calcom.internet import is_harmless, is_public
from greenroom.calcom.reach import OutOfReach, check_address, guarded_client, http_client
from greenroom.errors import Invalid

pytestmark = pytest.mark.anyio

HOST = "calcom.example"


class Resolver:
    """Answers one list of addresses after the other, the last for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, host, port):
        self.asked.append((host, port))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """An authority whose certificates are good here."""
    authority = tls.authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.written(tmp_path, authority[0])))
    return authority


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "192.0.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"],
)
def test_the_internet_is_public_in_whatever_form(address):
    assert is_public(address)


@pytest.mark.parametrize("own", ["127.0.0.1", "10.0.0.1", "::1", "fd12::1", "100.64.0.1"])
def test_our_own_network_is_not_public_and_may_be_asked_by_those_who_may(own):
    assert not is_public(own)
    assert is_harmless(own)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "fe80::1", "fe80::1%eth0"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe"),
        *("2002:a9fe:a9fe::", "::ffff:0:a9fe:a9fe", "::169.254.169.254"),
        *("224.0.0.1", "ff02::1", "255.255.255.255"),
    ],
)
def test_what_tells_machines_their_passwords_is_asked_by_nobody(address):
    assert not is_harmless(address)
    assert not is_public(address)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://api.cal.com/v2", "https://api.cal.com/v2"),
        ("  https://api.cal.com/v2/\n", "https://api.cal.com/v2"),
        ("api.cal.eu/v2", "https://api.cal.eu/v2"),
        ("HTTPS://API.Cal.COM/v2", "https://api.cal.com/v2"),
        ("calcom.example.org:5555/api/v2", "https://calcom.example.org:5555/api/v2"),
        ("https://bücher.example/v2", "https://xn--bcher-kva.example/v2"),
        ("https://api.cal.com", "https://api.cal.com"),
    ],
)
def test_an_address_is_written_one_way(given, address):
    assert check_address(given) == address


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("", "is missing"),
        ("https://", "is not an address"),
        ("Cal dot com", "is not an address"),
        ("javascript:alert(1)", "not reached by javascript:"),
        ("file:///etc/passwd", "not reached by file:"),
        ("https://mara:secret@cal.com/v2", "user name or a password"),
        ("https://cal.com/v2?x=1", "goes on after its path"),
        ("https://cal.com:0", "is not an address"),
        ("https://cal.com:99999", "is not an address"),
        ("https://a.example/" + "x" * 600, "is not an address"),
    ],
)
@pytest.mark.parametrize("by_hand", [True, False])
def test_what_is_no_address_is_said_at_once(given, what, by_hand):
    with pytest.raises(Invalid, match=what) as refused:
        check_address(given, trusted=by_hand)

    assert refused.value.do
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("given", ["http://calcom.internal/v2", "https://calcom.example:6379/v2"])
def test_http_and_the_ports_of_others_are_for_the_command_line(given):
    with pytest.raises(Invalid, match=r"could be read|not one where") as refused:
        check_address(given)

    assert "GREENROOM_ALLOW_PRIVATE_CALCOM=1" in refused.value.do
    assert check_address(given, trusted=True) == given


async def test_the_address_that_was_judged_is_connected_to_under_its_name(trusted, tmp_path):
    resolver = Resolver(["127.0.0.2"], ["127.0.0.1"])
    pair = tls.certificate(HOST, by=trusted)
    async with (
        tls.serving(tls.me(), pair, tmp_path, hosts=("127.0.0.2",)) as server,
        guarded_client(resolve=resolver, judge=lambda each: each == "127.0.0.2") as client,
    ):
        said = await ungated(client, f"https://{HOST}:{server.port}/v2").me()

    assert said["username"] == "mara"
    assert resolver.asked == [(HOST, server.port)]
    assert server.names == [HOST]
    assert f"host: {HOST}:{server.port}\r\n" in server.heads[0].lower()


async def test_a_host_with_ipv6_alone_is_asked(trusted, tmp_path):
    pair = tls.certificate(HOST, by=trusted)
    async with (
        tls.serving(tls.me(), pair, tmp_path, hosts=("::1",)) as server,
        guarded_client(resolve=Resolver(["::1"]), judge=lambda each: each == "::1") as client,
    ):
        said = await ungated(client, f"https://{HOST}:{server.port}/v2").me()

    assert said["username"] == "mara"


async def test_a_list_of_hosts_without_a_proxy_is_no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with http_client() as client:
        with pytest.raises(OutOfReach):
            await client.get("http://169.254.169.254/latest")


async def test_of_several_addresses_one_that_answers_is_enough(trusted, tmp_path):
    pair = tls.certificate(HOST, by=trusted)
    async with (
        tls.serving(tls.me(), pair, tmp_path) as server,
        http_client(resolve=Resolver(["::1", "127.0.0.9", "127.0.0.1"])) as client,
    ):
        said = await ungated(client, f"https://{HOST}:{server.port}/v2").me()

    assert said["username"] == "mara"


async def test_the_certificate_must_still_be_for_the_name(trusted, tmp_path):
    pair = tls.certificate("another.example", "127.0.0.1", by=trusted)
    async with (
        tls.serving(tls.me(), pair, tmp_path) as server,
        http_client(resolve=Resolver(["127.0.0.1"])) as client,
    ):
        with pytest.raises(Failing, match=f"certificate there is not for {HOST}"):
            await ungated(client, f"https://{HOST}:{server.port}/v2").me()

    assert server.heads == []


async def test_a_name_that_is_asked_about_beforehand_is_judged_again_when_connected_to():
    resolver = Resolver(["8.8.8.8"], ["127.0.0.1"])
    await reach.check_public(f"https://{HOST}/v2", resolve=resolver)

    async with guarded_client(resolve=resolver) as client:
        with pytest.raises(OutOfReach, match="is not on the public internet"):
            await client.get(f"https://{HOST}/v2/me")


async def test_whether_a_name_of_our_network_exists_is_not_told():
    said = []
    for found in (["10.0.0.1"], [], ["169.254.169.254"]):
        with pytest.raises(OutOfReach) as refused:
            await reach.check_public(f"https://{HOST}", resolve=Resolver(found))
        said.append(str(refused.value))

    assert said[0] == said[1] == said[2]


async def test_a_name_server_that_is_away_is_no_misspelt_name():
    async def away(host, port):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(OutOfReach, match="could not be looked up just now"):
        await reach.check_public(f"https://{HOST}", resolve=away)


@pytest.mark.parametrize("why", [socket.EAI_NONAME, socket.EAI_AGAIN])
@pytest.mark.parametrize("client", [guarded_client, http_client])
async def test_cal_coms_own_name_that_cannot_be_looked_up_is_no_misspelt_name(client, why):
    async def nowhere(host, port):
        raise socket.gaierror(why, "Name or service not known")

    async with client(resolve=nowhere) as http:
        with pytest.raises(OutOfReach) as refused:
            await ungated(http, "https://api.cal.com/v2").me()

    assert refused.value.what == "This machine could not look up api.cal.com."
    assert "proxy" in refused.value.do
    assert "spelling" not in refused.value.do


async def test_cal_coms_own_name_that_leads_into_our_network_is_the_name_servers_fault():
    with pytest.raises(OutOfReach, match=r"name server leads api\.cal\.eu") as refused:
        await reach.check_public("https://api.cal.eu/v2", resolve=Resolver(["10.0.0.1"]))

    assert "spelling" not in refused.value.do


async def test_addresses_of_the_page_are_asked_by_no_proxy(monkeypatch, tmp_path):
    async with tls.serving(tls.me(), None, tmp_path) as proxy:
        for name in ("HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with guarded_client(resolve=Resolver(["10.0.0.1"])) as client:
            with pytest.raises(OutOfReach):
                await client.get(f"https://{HOST}/v2/me")

    assert proxy.connections == 0


async def test_a_proxy_of_the_environment_is_used_for_addresses_of_the_command_line(
    monkeypatch, tmp_path
):
    async with tls.serving(tls.me(), None, tmp_path) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with http_client() as client:
            await ungated(client, f"http://{HOST}/v2").me()

    assert proxy.heads[0].startswith(f"GET http://{HOST}/v2/me ")


async def test_a_host_that_cannot_be_looked_up_in_time_is_a_connection_that_did_not_come():
    async def slow(host, port):
        await asyncio.sleep(30)

    async with http_client(resolve=slow) as client:
        with pytest.raises(httpx2.ConnectTimeout):
            await client.get(f"https://{HOST}", timeout=0.1)
