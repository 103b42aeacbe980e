"""The addresses a node says of itself: usable by others, the best first, few."""

import ipaddress

import pytest

from ringrift.node.net.discovery.own import MAX_ADDRESSES, own_addresses, ranked


def test_the_best_come_first_and_what_no_other_machine_can_use_is_left_out() -> None:
    interfaces = [
        ("lo", "127.0.0.1"),
        ("lo", "::1"),
        ("docker0", "172.17.0.1"),
        ("eth1", "8.8.4.4"),
        ("eth0", "fe80::1%eth0"),
        ("eth0", "02:fc:00:00:00:01"),
        ("eth0", "169.254.3.4"),
        ("eth0", "fd00::5"),
        ("tailscale0", "100.101.102.103"),
        ("tailscale0", "fd7a:115c:a1e0::9"),
        ("eth0", "192.168.1.5"),
        ("eth0", "192.168.1.5"),
        ("eth0", "0.0.0.0"),
        ("eth0", "224.0.0.251"),
    ]
    assert ranked(interfaces) == (
        "192.168.1.5",
        "fd00::5",
        "100.101.102.103",
        "fd7a:115c:a1e0::9",
        "8.8.4.4",
        "172.17.0.1",
    )
    assert not any(":" in address for address in ranked(interfaces, only_v4=True))


def test_at_most_eight_are_said() -> None:
    assert len(ranked([("eth0", f"10.0.0.{i}") for i in range(50)])) == MAX_ADDRESSES


@pytest.mark.parametrize("listen", ["127.0.0.1", "10.1.2.3", "::1", "gpu-3.example.org"])
def test_a_concrete_address_is_the_only_one(listen: str) -> None:
    assert own_addresses(listen) == (listen,)


@pytest.mark.parametrize("listen", ["", "0.0.0.0", "::"])
def test_this_machines_addresses_are_addresses(listen: str) -> None:
    for text in own_addresses(listen):
        address = ipaddress.ip_address(text)
        assert not address.is_loopback
        assert listen != "0.0.0.0" or address.version == 4
