//! Networks in CIDR notation.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::AddressRange;

/// An address and how many of its first bits count.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Block {
    base: IpAddr,
    prefix: u8,
}

impl Block {
    pub(super) const fn new(base: IpAddr, prefix: u8) -> Self {
        Self { base, prefix }
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        match (bits(self.base), bits(address)) {
            ((base, width), (other, same)) if width == same => {
                shifted(base ^ other, width - self.prefix) == 0
            }
            _ => false,
        }
    }

    pub(super) fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.base)
    }
}

/// The address as a number, and its width in bits.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn shifted(number: u128, by: u8) -> u128 {
    number.checked_shr(u32::from(by)).unwrap_or(0)
}

/// Why a text names no network that may be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It is no CIDR.
    #[error("this is not a network in CIDR notation such as \"10.0.0.0/8\"")]
    NotCidr,
    /// There are ones behind the prefix.
    #[error("the address has bits beyond its prefix; the network is {network}/{prefix}")]
    HostBits {
        /// The network's own address.
        network: IpAddr,
        /// The prefix as it was written.
        prefix: u8,
    },
    /// It lies wholly or in part outside the private networks.
    #[error(
        "only a private network may be listed (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 127.0.0.0/8, 198.18.0.0/15, fc00::/7, or a part of one)"
    )]
    NotPrivate,
}

/// A private network in which hosts may be reached: a part of one of the [ranges that may be listed](AddressRange::may_be_listed).
///
/// ```
/// use http_retry::guard::Network;
///
/// let network: Network = "10.20.0.0/16".parse()?;
/// assert!(network.contains("10.20.30.40".parse().unwrap()));
/// assert!("0.0.0.0/0".parse::<Network>().is_err());
/// assert!("169.254.169.254/32".parse::<Network>().is_err());
/// # Ok::<(), http_retry::guard::NetworkError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(Block);

impl Network {
    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(address)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').ok_or(NetworkError::NotCidr)?;
        let address: IpAddr = address.parse().map_err(|_| NetworkError::NotCidr)?;
        if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NetworkError::NotCidr);
        }
        let prefix: u8 = prefix.parse().map_err(|_| NetworkError::NotCidr)?;
        let (number, width) = bits(address);
        let host_bits = width.checked_sub(prefix).ok_or(NetworkError::NotCidr)?;
        let network = shifted(number, host_bits)
            .checked_shl(u32::from(host_bits))
            .unwrap_or(0);
        if network != number {
            let network = match u32::try_from(network) {
                Ok(network) if width == 32 => IpAddr::V4(network.into()),
                _ => IpAddr::V6(network.into()),
            };
            return Err(NetworkError::HostBits { network, prefix });
        }
        let block = Block::new(address, prefix);
        match AddressRange::around(block) {
            Some(range) if range.may_be_listed() => Ok(Self(block)),
            _ => Err(NetworkError::NotPrivate),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.base, self.0.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_and_parts_of_them_may_be_listed() {
        for text in [
            "10.0.0.0/8",
            "10.1.2.3/32",
            "172.16.0.0/12",
            "192.168.178.0/24",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "198.18.0.0/15",
            "fd00::/8",
            "fc00::/7",
            "::1/128",
        ] {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.to_string(), text);
            assert_eq!(format!("{network:?}"), text);
        }
    }

    #[test]
    fn what_would_open_more_than_a_private_network_is_refused() {
        for text in [
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/7",
            "8.8.8.0/24",
            "169.254.169.254/32",
            "fe80::/10",
            "224.0.0.0/4",
            "::ffff:10.0.0.0/104",
            "64:ff9b::/96",
            "2002:a00::/24",
            "172.0.0.0/11",
        ] {
            assert_eq!(
                text.parse::<Network>(),
                Err(NetworkError::NotPrivate),
                "{text}"
            );
        }
    }

    #[test]
    fn a_network_is_written_whole_and_without_host_bits() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10/8",
            "fc00::/129",
            "a/8",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(
                text.parse::<Network>(),
                Err(NetworkError::NotCidr),
                "{text}"
            );
        }
        let error = "10.1.2.3/8".parse::<Network>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the address has bits beyond its prefix; the network is 10.0.0.0/8"
        );
        assert_eq!(
            "fd00::1/8".parse::<Network>(),
            Err(NetworkError::HostBits {
                network: "fd00::".parse().unwrap(),
                prefix: 8
            })
        );
    }

    #[test]
    fn an_address_of_the_other_family_is_in_no_network() {
        let network: Network = "10.0.0.0/8".parse().unwrap();
        assert!(network.contains("10.255.255.255".parse().unwrap()));
        assert!(!network.contains("11.0.0.0".parse().unwrap()));
        assert!(!network.contains("::ffff:10.0.0.1".parse().unwrap()));
    }
}
