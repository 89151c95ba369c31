"""Ways to have a server talk to what it should not: addresses, clothes for addresses, URLs and names, each with why.

Written by hand and by rules of its own, apart from the server's table.
"""

import ipaddress
from typing import NamedTuple

PUBLIC_IPV4 = "8.8.8.8"
PUBLIC_IPV6 = "2606:4700::1111"

NOT_PUBLIC = "must name a public host"
NOT_FOUND = "needs a host that can be looked up"
ODD_CHARACTERS = "may hold no spaces, control characters or backslashes"
NO_HOST = "needs a host, and may have a port in digits"
NO_HTTPS = "must begin with https://"
ODD_PORT = "may have port 443, or one from 1024 on that is not another service's"

# The first, the last and the best-known ones of each block.
DENIED_IPV4 = (
    *("0.0.0.0", "0.0.0.1", "0.255.255.255"),  # this host
    *("10.0.0.0", "10.0.0.1", "10.255.255.255"),
    *("100.64.0.0", "100.64.0.1", "100.127.255.255"),  # behind a carrier's NAT, and Tailscale
    *("127.0.0.0", "127.0.0.1", "127.8.9.10", "127.255.255.255"),
    *("169.254.0.0", "169.254.1.1", "169.254.255.255"),
    *("172.16.0.0", "172.17.0.1", "172.31.255.255"),  # Docker's bridge among them
    *("192.0.0.0", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.255"),
    *("192.0.2.0", "192.0.2.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255"),  # documentation
    *("192.31.196.0", "192.31.196.255", "192.175.48.0", "192.175.48.255"),  # AS112
    *("192.52.193.0", "192.52.193.255", "192.88.99.0", "192.88.99.1", "192.88.99.255"),  # relays
    *("192.168.0.0", "192.168.1.20", "192.168.255.255"),
    *("198.18.0.0", "198.19.255.255"),  # benchmarks
    *("224.0.0.0", "224.0.0.251", "239.255.255.250", "239.255.255.255"),  # multicast
    *("240.0.0.0", "250.1.2.3", "255.255.255.254", "255.255.255.255"),
)
METADATA_IPV4 = (
    *("169.254.169.254", "169.254.169.253", "169.254.169.123", "169.254.170.2", "169.254.170.23"),  # Amazon and many
    *("100.100.100.200", "168.63.129.16", "169.254.0.23", "169.254.42.42", "192.0.0.192", "192.80.8.124"),
)
METADATA_IPV6 = (
    *("fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::23"),  # Amazon
    *("fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),  # Google, Oracle, Scaleway
    *("fd00:a9fe:a9fe::1", "fd00:100::100:200", "fe80::a9fe:a9fe"),  # Linode, Alibaba, OpenStack
)
DENIED_IPV6 = (
    *("::", "::1", "::2", "0:1::1", "1::1", "1fff:ffff::1", "4000::1", "8000::1"),  # what nobody was given
    *("100::1", "100:0:0:1::1", "5f00::1"),  # discarded, and segments
    *("2001:1::1", "2001:1::2", "2001:1::3", "2001:2::1", "2001:3::1", "2001:4:112::1", "2001:10::1"),
    *("2001:20::1", "2001:30::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    *("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff::1"),  # documentation
    *("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "3ffe::1"),
    *("fc00::1", "fd00::1", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "feff::1"),
    *("ff00::", "ff02::1", "ff05::1:3", "ff0e::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    # Public ones in clothes that lead nowhere, or to a gateway of this network.
    *("::8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b:1::8.8.8.8", "64:ff9b:2::8.8.8.8", "fe80::5efe:8.8.8.8"),
)
# On the other side of each border.
NEIGHBOURS = (
    *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
    *("168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
    *("191.255.255.255", "192.0.1.0", "192.0.1.255", "192.0.3.0", "192.31.195.255", "192.31.197.0"),
    *("192.52.192.255", "192.52.194.0", "192.80.8.123", "192.80.8.125", "192.88.98.255", "192.88.100.0"),
    *("192.167.255.255", "192.169.0.0", "192.175.47.255", "192.175.49.0", "198.17.255.255", "198.20.0.0"),
    *("198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", PUBLIC_IPV4),
    *("2000::1", "2001:200::", "2001:db7:ffff::1", "2001:db9::", "2001:4860:4860::8888", PUBLIC_IPV6),
    *("2620:4f:7fff::1", "2620:4f:8001::", "2a00::1", "3ffd::1", "3fff:1000::", "2606:4700::5eff:7f00:1"),
)


class Kind(NamedTuple):
    """URLs that are hostile for one reason, and the words that refuse them."""

    why: str
    fault: str
    urls: tuple[str, ...]


def disguises(address: str) -> tuple[str, ...]:
    """Return the IPv6 addresses that can stand for an IPv4 one."""
    return gateways_to(address) + dead_ends_at(address)


def gateways_to(address: str) -> tuple[str, ...]:
    """Return those that the kernel, or somebody's gateway on the internet, would take there."""
    high, low = _groups(address)
    client = f"{int(high, 16) ^ 0xFFFF:x}:{int(low, 16) ^ 0xFFFF:x}"
    return (
        f"::ffff:{high}:{low}",  # mapped
        f"::ffff:{address}",
        f"0:0:0:0:0:FFFF:{address}",
        f"64:ff9b::{high}:{low}",  # NAT64
        f"64:ff9b::{address}",
        f"2002:{high}:{low}::",  # 6to4
        f"2002:{high}:{low}::1",
        f"2001:0:808:808:0:0:{client}",  # Teredo: the client
        f"2001:0:{high}:{low}::f7f7:f7f7",  # Teredo: the server
        f"2606:4700::5efe:{address}",  # ISATAP
        f"2606:4700::200:5efe:{high}:{low}",
        f"2606:4700::100:5efe:{high}:{low}",
        f"2606:4700::300:5efe:{high}:{low}",
    )


def dead_ends_at(address: str) -> tuple[str, ...]:
    """Return those that nobody uses any more, or that are a network's own."""
    one, two, three, four = map(int, address.split("."))
    high, low = _groups(address)
    return (
        f"::{high}:{low}",  # compatible
        f"::{address}",
        f"::ffff:0:{high}:{low}",  # SIIT
        f"::FFFF:0:{address}",
        f"64:ff9b:1::{address}",  # a local NAT64, its prefix of 96, 64, 56 and 48 bits
        f"64:ff9b:1:0:{one:x}:{two << 8 | three:x}:{four << 8:x}:0",
        f"64:ff9b:1:{one:x}:{two:x}:{three << 8 | four:x}::",
        f"64:ff9b:1:{high}:{three:x}:{four << 8:x}::",
        f"fe80::5efe:{address}",
    )


def _groups(address: str) -> tuple[str, str]:
    one, two, three, four = map(int, address.split("."))
    return f"{one << 8 | two:x}", f"{three << 8 | four:x}"


def numbers(address: str) -> tuple[str, ...]:
    """Return what the C library takes for an IPv4 address, and Python does not."""
    one, two, three, four = map(int, address.split("."))
    value = int(ipaddress.IPv4Address(address))
    return (
        f"{value}",
        f"{value}.",
        f"{value + 2**32}",
        f"0x{value:x}",
        f"0X{value:08X}",
        f"0{value:o}",
        f"{one}.{value & 0xFFFFFF}",
        f"{one}.{two}.{value & 0xFFFF}",
        f"0x{one:x}.{value & 0xFFFFFF}",
        f"0x{one:x}.0x{two:x}.0x{three:x}.0x{four:x}",
        f"0{one:o}.0{two:o}.0{three:o}.0{four:o}",
        f"0{one:o}.{two}.0x{three:x}.{four}",
        f"0000{one:o}.{two}.{three}.{four}",
        f"{one}.{two}.{three}.0{four}",
        f"{one}.{two}.{three}.{four + 256}",
        f"{address}.",
    )


def letters(word: str, one: str, small_a: str) -> str:
    """Write *word* with the digits from *one* on and the letters from *small_a* on."""
    digit = {str(n): chr(ord(one) + n - 1) for n in range(1, 10)}
    letter = {chr(ord("a") + n): chr(ord(small_a) + n) for n in range(26)}
    return "".join((digit | letter).get(character, character) for character in word)


def _urls(*hosts: str) -> tuple[str, ...]:
    return tuple(f"https://[{host}]/hook" if ":" in host else f"https://{host}/hook" for host in hosts)


SECRET = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.20", "100.100.100.200")

KINDS = (
    Kind("IPv4 that is not public", NOT_PUBLIC, _urls(*DENIED_IPV4)),
    Kind("IPv6 that is not public", NOT_PUBLIC, _urls(*DENIED_IPV6)),
    Kind("where clouds tell secrets", NOT_PUBLIC, _urls(*METADATA_IPV4, *METADATA_IPV6)),
    # srv-068, srv-070, srv-071, hook-14
    Kind(
        "IPv4 within IPv6, which a gateway or the kernel unwraps",
        NOT_PUBLIC,
        _urls(*(disguise for address in SECRET for disguise in disguises(address))),
    ),
    # hook-14
    Kind(
        "numbers that resolvers take for addresses",
        NOT_PUBLIC,
        _urls(
            *(number for address in SECRET[:3] for number in numbers(address)), "0", "0x0", "127.0.1.", "10.2", "0x7f.2"
        ),
    ),
    Kind(
        "digits, letters and dots that are made plain on the way to the resolver",
        NOT_FOUND,
        _urls(
            letters("127.0.0.1", "\uff11", "\uff41"),  # full-width
            letters("169.254.169.254", "\uff11", "\uff41"),
            letters("localhost", "\uff11", "\uff41"),
            letters("agent.example.com", "\uff11", "\uff41"),
            letters("127.0.0.1", "\u2460", "\u24d0"),  # circled
            letters("169.254.169.254", "\u2460", "\u24d0"),
            letters("localhost", "\u2460", "\u24d0"),
            letters("169.254.169.254", "\U0001d7cf", "\U0001d41a"),  # bold
            letters("localhost", "\U0001d7cf", "\U0001d41a"),
            letters("127.0.0.1", "\u2081", "\U0001d4b6"),  # subscript
            "127\u30020\u30020\u30021",  # stops of other scripts
            "127\uff0e0\uff0e0\uff0e1",
            "127\uff610\uff610\uff611",
            "127\u20240\u20240\u20241",
            "10.0.0.\uff11",
            "agent\u3002example\u3002com",
            "\u2100.example.com",  # becomes a/c
            "agent.example.com\uff0f.example.org",
            "agent.example.com\uff1a80",
            "agent\u2025example.com",
        ),
    ),
    Kind(
        "characters that parsers drop, or read each in its way",
        ODD_CHARACTERS,
        (
            "https://agent.example.com\\@127.0.0.1/",
            "https://127.0.0.1\\.agent.example.com/",
            "https:\\\\127.0.0.1/",
            "https:/\\127.0.0.1/",
            "https://agent example.com/hook",
            "https:// 127.0.0.1/hook",
            " https://127.0.0.1/hook",
            "https://127.0.0.1/hook ",
            "https://agent.example.com/\r\nHost: 127.0.0.1",
            "https://agent.example.com/\nX: y",
            "https://127.0.\t0.1/hook",
            "ht\ntps://127.0.0.1/hook",
            "\0https://127.0.0.1/hook",
            "https://127.0.0.1\0.example.com/hook",
            "https://agent.example.com/\x7f",
            "https://agent.example.com/\u202e",
            "https://127.0.0.1\u200b/hook",
            "https://local\u00adhost/hook",
            "https://agent.example.com/\u2028",
            "https://agent.example.com/\u3000",
            "https://agent.example.com/\ufeff",
            " ",
        ),
    ),
    # srv-069
    Kind(
        "a host that ends elsewhere for another parser",
        NO_HOST,
        (
            "https://",
            "https:///hook",
            "https:////127.0.0.1/",
            "https://:443/hook",
            "https://?agent.example.com",
            "https://agent.example.com:/hook",
            "https://agent.example.com:port/hook",
            "https://agent.example.com:+443/",
            "https://agent.example.com:-1/",
            "https://agent.example.com:4_43/",
            "https://agent.example.com:\uff14\uff14\uff13/",
            "https://agent.example.com:000443/",
            "https://agent.example.com:443:80/",
            "https://127.0.0.1:443:agent.example.com/",
            "https://::1/hook",
            "https://::ffff:127.0.0.1/hook",
            "https://[::1/hook",
            "https://::1]/hook",
            "https://[]/hook",
            "https://[[::1]]/hook",
            "https://[::1]]/hook",
            "https://[::1].example.com/",
            "https://agent.example.com[::1]/",
            "https://[agent.example.com]/hook",
            "https://[localhost]/hook",
            "https://[v1.x]/hook",
            "https://[v1.127.0.0.1]/hook",
            "https://[::1%eth0]/hook",
            "https://[fe80::1%25eth0]/hook",
            "https://[2606:4700::1111%25eth0]/hook",
            "https://[fe80::1%251]/hook",
            "https://example.com%00.x/hook",
            "https://127.0.0.1%2f.example.com/",
            "https://%31%32%37.0.0.1/hook",
            "https://127%2e0%2e0%2e1/hook",
            "https://%6c%6fcalhost/hook",
            "https://%65xample.com/hook",
            "https://agent.example.com%3a80/",
        ),
    ),
    Kind(
        "brackets around what needs none",
        "may have brackets around an IPv6 address only",
        (
            "https://[127.0.0.1]/hook",
            "https://[10.0.0.1]/hook",
            "https://[8.8.8.8]/hook",
            "https://[::1::1]/hook",
            "https://[:]/hook",
            "https://[1:2]/hook",
            "https://[::127.0.0.256]/hook",
            "https://[::ffff:127.1]/hook",
        ),
    ),
    Kind(
        "a user, behind whom the host begins",
        "may hold no user name or password",
        (
            "https://user:secret@agent.example.com/hook",
            "https://agent.example.com@127.0.0.1/",
            "https://agent.example.com:443@127.0.0.1/",
            "https://agent.example.com%40@127.0.0.1/",
            "https://127.0.0.1@agent.example.com/",
            "https://@agent.example.com/",
            "https://:@agent.example.com/",
            "https://a@b@127.0.0.1/",
            "https://[::1]@agent.example.com/",
        ),
    ),
    Kind(
        "what no server is sent, but some take for the host",
        "may hold no fragment",
        (
            "https://agent.example.com/hook#top",
            "https://agent.example.com/#",
            "https://agent.example.com#@127.0.0.1/",
            "https://127.0.0.1#agent.example.com/",
            "https://127.0.0.1#.agent.example.com/",
        ),
    ),
    Kind(
        "other schemes, and none",
        NO_HTTPS,
        (
            "",
            "hook",
            "agent.example.com/hook",
            "//agent.example.com",
            "//127.0.0.1/hook",
            "/hook",
            "https:agent.example.com",
            "https:/agent.example.com",
            "https:127.0.0.1",
            "https;//agent.example.com",
            "httpss://agent.example.com",
            "https+unix://agent.example.com",
            "http://agent.example.com/hook",
            "http://8.8.8.8/hook",
            "http://127.0.0.1/hook",
            "http://localhost/hook",
            "http://[::ffff:127.0.0.1]/hook",
            "http://2130706433/",
            "HTTP://127.0.0.1/hook",
            "ftp://agent.example.com",
            "file:///etc/passwd",
            "file://127.0.0.1/etc/passwd",
            "gopher://127.0.0.1:6379/_FLUSHALL",
            "dict://127.0.0.1:11211/stats",
            "ldap://127.0.0.1/",
            "ws://127.0.0.1/",
            "unix:///var/run/docker.sock",
            "data:text/plain,hello",
            "javascript:alert(1)",
            "jar:https://127.0.0.1!/",
            "view-source:https://127.0.0.1/",
            "url:https://127.0.0.1/",
        ),
    ),
    Kind(
        "names that only this machine or its network knows",
        NOT_PUBLIC,
        _urls(
            *("localhost", "LOCALHOST", "localhost.", "ip6-localhost", "broadcasthost", "intranet", "metadata", "n8n"),
            *("localhost.localdomain", "agent.localhost", "a.b.localhost", "mac.local", "printer.LOCAL", "mac.local."),
            *("metadata.google.internal", "metadata.google.internal.", "instance-data.ec2.internal"),
            *("host.docker.internal", "gateway.docker.internal", "kubernetes.default.svc"),
            *("kubernetes.default.svc.cluster.local", "consul.service.consul", "vault.corp", "nas.lan", "nas.home"),
            *("nas.home.arpa", "1.0.0.127.in-addr.arpa", "ipv4only.arpa", "router.gateway", "wiki.intranet"),
            *("db.private", "agent.test", "agent.invalid", "agent.example", "hidden.onion", "name.alt", "mx.mail"),
        ),
    ),
    Kind(
        "names that can never be looked up",
        NOT_PUBLIC,
        _urls(
            *("a..example.com", ".example.com", ".", "..", "example.com..", "-a.example.com", "a-.example.com"),
            *("agent.example.com,127.0.0.1", "agent.example.com;127.0.0.1", "agent!.example.com", "agent*.example.com"),
            *("*.example.com", "$(hostname).example.com", "agent'.example.com", "agent&.example.com"),
            f"{'a' * 64}.example.com",
            f"{'a.' * 130}example.com",
            *("agent.example.1", "agent.example.0x7f", "1.2.3.4.5", "8.8.8.8.8", "8.8.8", "999.8.8.8", "8.8.8.08"),
        ),
    ),
    Kind("too much", "may have at most 2048 characters", ("https://agent.example.com/" + "a" * 2_050,)),
    Kind(
        "ports that there are not",
        "needs a port from 1 to 65535",
        tuple(f"https://agent.example.com:{port}/hook" for port in (0, "00000", 65536, 99999)),
    ),
    Kind(
        "services that are not the web, to be had for an order in its disguise",
        ODD_PORT,
        tuple(
            f"https://agent.example.com:{port}/hook"
            for port in (
                *(1, 7, 19, 21, 22, 23, 25, 53, 80, 88, 110, 111, 119, 123, 135, 139, 143, 161, 389, 427, 445, 465),
                *(512, 513, 514, 548, 554, 587, 631, 636, 873, 990, 993, 995, 1023),
                *(1080, 1099, 1433, 1521, 1719, 1720, 1723, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 2525, 3128, 3306),
                *(3389, 3659, 4045, 4190, 4369, 5060, 5061, 5432, 5671, 5672, 5900, 5984, 5985, 6000, 6063, 6379, 6443),
                *(6566, 6665, 6669, 6679, 6697, 8500, 9042, 9092, 9100, 9200, 9300, 10080, 10250, 10255, 11211, 26379),
                *(27017, 27018, 50000, 61616),
            )
        ),
    ),
)
HOSTILE = tuple(url for kind in KINDS for url in kind.urls)

# Names that could be anybody's: that they lead to the address behind them only their answers tell.
LEADING_INSIDE = {
    "localtest.me": "127.0.0.1",
    "lvh.me": "127.0.0.1",
    "127.0.0.1.nip.io": "127.0.0.1",
    "10-0-0-1.sslip.io": "10.0.0.1",
    "169.254.169.254.nip.io": "169.254.169.254",
    "metadata.tencentyun.com": "169.254.0.23",
    "metadata.packet.net": "192.80.8.124",
    "7f000001.08080808.rbndr.us": "127.0.0.1",
    "make-8.8.8.8-rebind-127.0.0.1-rr.1u.ms": "127.0.0.1",
    "router.asus.com": "192.168.1.1",
    "kubernetes.default": "10.96.0.1",
    "six.example.com": "::1",
    "v6.example.com": "::ffff:10.0.0.1",
    "nat64.example.com": "64:ff9b::a9fe:a9fe",
    "scoped.example.com": "fe80::1%eth0",
    "unreadable.example.com": "127.1",
}
DENIED = tuple(
    dict.fromkeys(
        (
            *DENIED_IPV4,
            *METADATA_IPV4,
            *DENIED_IPV6,
            *METADATA_IPV6,
            *(disguise for address in SECRET for disguise in disguises(address)),
            *LEADING_INSIDE.values(),
        )
    )
)
