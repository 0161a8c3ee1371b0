//! The addresses that are not on the open internet, by the registries of special-purpose addresses (RFC 6890 and its updates).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::network::Block;

/// Why an address is not on the open internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressRange {
    /// `0.0.0.0/8`, `::`: no address of a host.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16` (RFC 1918).
    Private,
    /// `fc00::/7` (RFC 4193).
    UniqueLocal,
    /// `100.64.0.0/10` (RFC 6598): between a provider and its customers.
    CarrierGrade,
    /// `169.254.0.0/16`, `fe80::/10`, and `fec0::/10` that was before it: where clouds keep their metadata.
    LinkLocal,
    /// `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// `192.0.2.0/24`, `198.51.100.0/24`, `203.0.113.0/24`, `2001:db8::/32`, `3fff::/20`.
    Documentation,
    /// `198.18.0.0/15`, `2001:2::/48`.
    Benchmarking,
    /// `192.0.0.0/24`, `2001::/23`: assigned to protocols.
    Protocol,
    /// `192.88.99.0/24`, `2002::/16`: an IPv4 address inside an IPv6 one, reached through a relay.
    SixToFour,
    /// `2001::/32`: the same through another kind of relay.
    Teredo,
    /// `64:ff9b::/96`, `64:ff9b:1::/48`: the same through a translator.
    Nat64,
    /// `::ffff:0:0/96`, `::ffff:0:0:0/96`, `::/96`: an IPv4 address written as an IPv6 one.
    Mapped,
    /// `100::/64`, `100:0:0:1::/64`: what is sent there is thrown away.
    Discard,
    /// `5f00::/16`: segments of a route.
    SegmentRouting,
    /// `240.0.0.0/4`, and whatever of IPv6 is not given out as global unicast (`2000::/3`).
    Reserved,
}

impl AddressRange {
    /// The range that holds this address; `None` for an address of the open internet.
    ///
    /// ```
    /// use http_retry::guard::AddressRange;
    ///
    /// assert_eq!(AddressRange::of("8.8.8.8".parse()?), None);
    /// assert_eq!(AddressRange::of("100.64.0.1".parse()?), Some(AddressRange::CarrierGrade));
    /// assert_eq!(AddressRange::of("64:ff9b::a00:1".parse()?), Some(AddressRange::Nat64));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn of(address: IpAddr) -> Option<Self> {
        let found = RANGES
            .iter()
            .find(|(block, _)| block.contains(address))
            .map(|(_, range)| *range);
        match address {
            IpAddr::V6(_) if found.is_none() && !GLOBAL_UNICAST.contains(address) => {
                Some(Self::Reserved)
            }
            _ => found,
        }
    }

    /// Whether an operator may list networks of this range as reachable: those in which an operator's own hosts can live.
    ///
    /// Link-local addresses are not among them: they name a host only together with a link, and clouds answer there with credentials.
    pub fn may_be_listed(self) -> bool {
        matches!(
            self,
            Self::Private
                | Self::UniqueLocal
                | Self::CarrierGrade
                | Self::Loopback
                | Self::Benchmarking
        )
    }

    /// The range that holds this whole block.
    pub(super) fn around(block: Block) -> Option<Self> {
        RANGES
            .iter()
            .find(|(range, _)| range.covers(block))
            .map(|(_, range)| *range)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "an unspecified address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::UniqueLocal => "a unique local address",
            Self::CarrierGrade => "a carrier-grade NAT address",
            Self::LinkLocal => "a link-local address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "a broadcast address",
            Self::Documentation => "a documentation address",
            Self::Benchmarking => "a benchmarking address",
            Self::Protocol => "a protocol assignment",
            Self::SixToFour => "a 6to4 address",
            Self::Teredo => "a Teredo address",
            Self::Nat64 => "a NAT64 address",
            Self::Mapped => "an IPv4 address written as an IPv6 one",
            Self::Discard => "a discard-only address",
            Self::SegmentRouting => "a segment routing address",
            Self::Reserved => "a reserved address",
        })
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Block {
    Block::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix)
}

/// The upper and the lower half of the address.
const fn v6(upper: u64, lower: u64, prefix: u8) -> Block {
    let bits = ((upper as u128) << 64) | lower as u128;
    Block::new(IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix)
}

const GLOBAL_UNICAST: Block = v6(0x2000_0000_0000_0000, 0, 3);

/// The first that holds an address names it, so the narrower ones stand first.
const RANGES: &[(Block, AddressRange)] = &[
    (v4(0, 0, 0, 0, 8), AddressRange::Unspecified),
    (v4(10, 0, 0, 0, 8), AddressRange::Private),
    (v4(100, 64, 0, 0, 10), AddressRange::CarrierGrade),
    (v4(127, 0, 0, 0, 8), AddressRange::Loopback),
    (v4(169, 254, 0, 0, 16), AddressRange::LinkLocal),
    (v4(172, 16, 0, 0, 12), AddressRange::Private),
    (v4(192, 0, 0, 0, 24), AddressRange::Protocol),
    (v4(192, 0, 2, 0, 24), AddressRange::Documentation),
    (v4(192, 88, 99, 0, 24), AddressRange::SixToFour),
    (v4(192, 168, 0, 0, 16), AddressRange::Private),
    (v4(198, 18, 0, 0, 15), AddressRange::Benchmarking),
    (v4(198, 51, 100, 0, 24), AddressRange::Documentation),
    (v4(203, 0, 113, 0, 24), AddressRange::Documentation),
    (v4(224, 0, 0, 0, 4), AddressRange::Multicast),
    (v4(255, 255, 255, 255, 32), AddressRange::Broadcast),
    (v4(240, 0, 0, 0, 4), AddressRange::Reserved),
    (v6(0, 0, 128), AddressRange::Unspecified),
    (v6(0, 1, 128), AddressRange::Loopback),
    (v6(0, 0x0000_ffff_0000_0000, 96), AddressRange::Mapped),
    (v6(0, 0xffff_0000_0000_0000, 96), AddressRange::Mapped),
    (v6(0, 0, 96), AddressRange::Mapped),
    (v6(0x0064_ff9b_0000_0000, 0, 96), AddressRange::Nat64),
    (v6(0x0064_ff9b_0001_0000, 0, 48), AddressRange::Nat64),
    (v6(0x0100_0000_0000_0000, 0, 64), AddressRange::Discard),
    (v6(0x0100_0000_0000_0001, 0, 64), AddressRange::Discard),
    (v6(0x2001_0000_0000_0000, 0, 32), AddressRange::Teredo),
    (v6(0x2001_0002_0000_0000, 0, 48), AddressRange::Benchmarking),
    (v6(0x2001_0000_0000_0000, 0, 23), AddressRange::Protocol),
    (
        v6(0x2001_0db8_0000_0000, 0, 32),
        AddressRange::Documentation,
    ),
    (v6(0x2002_0000_0000_0000, 0, 16), AddressRange::SixToFour),
    (
        v6(0x3fff_0000_0000_0000, 0, 20),
        AddressRange::Documentation,
    ),
    (
        v6(0x5f00_0000_0000_0000, 0, 16),
        AddressRange::SegmentRouting,
    ),
    (v6(0xfc00_0000_0000_0000, 0, 7), AddressRange::UniqueLocal),
    (v6(0xfe80_0000_0000_0000, 0, 10), AddressRange::LinkLocal),
    (v6(0xfec0_0000_0000_0000, 0, 10), AddressRange::LinkLocal),
    (v6(0xff00_0000_0000_0000, 0, 8), AddressRange::Multicast),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Option<AddressRange> {
        AddressRange::of(text.parse().unwrap())
    }

    /// Range, its last address before, its first, its last, the first after; `-` where the neighbour is refused as well.
    const EDGES: &str = "
Unspecified    -               0.0.0.0      0.255.255.255    1.0.0.0
Private        9.255.255.255   10.0.0.0     10.255.255.255   11.0.0.0
CarrierGrade   100.63.255.255  100.64.0.0   100.127.255.255  100.128.0.0
Loopback       126.255.255.255 127.0.0.0    127.255.255.255  128.0.0.0
LinkLocal      169.253.255.255 169.254.0.0  169.254.255.255  169.255.0.0
Private        172.15.255.255  172.16.0.0   172.31.255.255   172.32.0.0
Protocol       191.255.255.255 192.0.0.0    192.0.0.255      192.0.1.0
Documentation  192.0.1.255     192.0.2.0    192.0.2.255      192.0.3.0
SixToFour      192.88.98.255   192.88.99.0  192.88.99.255    192.88.100.0
Private        192.167.255.255 192.168.0.0  192.168.255.255  192.169.0.0
Benchmarking   198.17.255.255  198.18.0.0   198.19.255.255   198.20.0.0
Documentation  198.51.99.255   198.51.100.0 198.51.100.255   198.51.101.0
Documentation  203.0.112.255   203.0.113.0  203.0.113.255    203.0.114.0
Multicast      223.255.255.255 224.0.0.0    239.255.255.255  -
Reserved       -               240.0.0.0    255.255.255.254  -
Teredo         -               2001::       2001:0:ffff:ffff:ffff:ffff:ffff:ffff   -
Protocol       -               2001:1::     2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2001:200::
Documentation  2001:db7:ffff:: 2001:db8::   2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9::
SixToFour      2001:ffff::     2002::       2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2003::
Documentation  3ffe:ffff::     3fff::       3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff 3fff:1000::
UniqueLocal    -               fc00::       fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff -
LinkLocal      -               fe80::       febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff -
Multicast      -               ff00::       ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff -";

    #[test]
    fn the_first_and_the_last_address_of_every_range_are_known_and_their_neighbours_are_not() {
        for line in EDGES.trim().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            for inside in &words[2..4] {
                let range = of(inside).unwrap_or_else(|| panic!("{inside} passes"));
                assert_eq!(format!("{range:?}"), words[0], "{inside}");
            }
            for outside in [words[1], words[4]] {
                assert!(outside == "-" || of(outside).is_none(), "{outside}");
            }
        }
    }

    #[test]
    fn addresses_that_hide_another_are_refused_as_what_they_are() {
        use AddressRange::{
            Benchmarking, Broadcast, Discard, LinkLocal, Loopback, Mapped, Multicast, Nat64,
            Reserved, SegmentRouting, UniqueLocal, Unspecified,
        };
        for (address, range) in [
            ("::", Unspecified),
            ("::1", Loopback),
            ("::2", Mapped),
            ("::127.0.0.1", Mapped),
            ("::ffff:10.0.0.1", Mapped),
            ("::ffff:8.8.8.8", Mapped),
            ("::ffff:0:8.8.8.8", Mapped),
            ("64:ff9b::8.8.8.8", Nat64),
            ("64:ff9b:1:ffff::1", Nat64),
            ("100::1", Discard),
            ("100:0:0:1::1", Discard),
            ("2001:2::1", Benchmarking),
            ("5f00::1", SegmentRouting),
            ("fd12:3456::1", UniqueLocal),
            ("fe80::1", LinkLocal),
            ("fec0::1", LinkLocal),
            ("ff02::1", Multicast),
            ("240.0.0.1", Reserved),
            ("255.255.255.254", Reserved),
            ("255.255.255.255", Broadcast),
            ("1234::1", Reserved),
            ("4000::1", Reserved),
        ] {
            assert_eq!(of(address), Some(range), "{address}");
        }
        for open in ["8.8.8.8", "2606:4700::1111", "2a00:1450::1", "2400:cb00::1"] {
            assert_eq!(of(open), None, "{open}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_standard_library_calls_special_is_refused(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_broadcast()
                || address.is_documentation() || address.is_multicast() || address.is_unspecified();
            if special {
                prop_assert!(AddressRange::of(address.into()).is_some());
            }
            // However it is dressed, an IPv4 address inside an IPv6 one is refused.
            prop_assert_eq!(AddressRange::of(address.to_ipv6_mapped().into()), Some(AddressRange::Mapped));
            let six_to_four = Ipv6Addr::from_bits((0x2002 << 112) | (u128::from(bits) << 80));
            prop_assert_eq!(AddressRange::of(six_to_four.into()), Some(AddressRange::SixToFour));
        }

        #[test]
        fn only_global_unicast_is_ever_reached_over_ipv6(bits in any::<u128>()) {
            let address = Ipv6Addr::from_bits(bits);
            if AddressRange::of(address.into()).is_none() {
                prop_assert_eq!(address.segments()[0] >> 13, 1);
            }
        }
    }
}
