"""Which network addresses a call to a URL of a user may reach: public ones, and what the operator allows.

It resolves nothing and connects to nothing: that is `outbound`'s.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_COMPATIBLE = ip_network("::/96")  # RFC 4291, deprecated: the same
_TUNNELS = (  # they carry an IPv4 address that a relay of somebody's would reach
    ip_network("2002::/16"),  # 6to4
    ip_network("2001::/32"),  # Teredo
    ip_network("64:ff9b:1::/48"),  # RFC 8215, local NAT64
)


def plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one only wraps, else the address itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open internet: of no host, link, site or cloud's metadata."""
    bare = plain(address)
    if isinstance(bare, IPv6Address) and (
        bare.is_site_local or any(bare in tunnel for tunnel in _TUNNELS)
    ):
        return False
    return bare.is_global and not bare.is_multicast and not bare.is_reserved


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator allows besides public addresses: networks, and hosts by their names."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def read(cls, entries: Iterable[str]) -> "Allowed":
        """Read entries such as `10.0.0.0/8`, `fd00::1` or `hooks.internal`."""
        networks: list[Network] = []
        hosts: set[str] = set()
        for entry in entries:
            try:
                networks.append(ip_network(entry.strip(), strict=False))
            except ValueError:
                hosts.add(entry.strip().lower().rstrip("."))
        return cls(tuple(networks), frozenset(hosts))

    def admits(self, host: str, address: str) -> bool:
        """Tell whether a host may be called at one of the addresses it resolves to."""
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if is_public(found) or host in self.hosts:
            return True
        bare = plain(found)
        return any(bare in network for network in self.networks if network.version == bare.version)
