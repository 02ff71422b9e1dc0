//! Where a webhook may go. A name is resolved once, every address it has is checked, and these very
//! addresses are connected to: what a name means a moment later does not matter (DNS rebinding).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crm_core::Result;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::http::NotPermitted;
use crate::outcome::wrong;

/// A network such as `10.0.0.0/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(whole);
        (prefix <= whole).then_some(Self { address, prefix })
    }

    fn holds(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                own.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                own.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// The rule, and the resolver that keeps it.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    allowed: Arc<[Network]>,
    /// Whether addresses of the public internet are good without being allowed.
    public: bool,
}

impl Guard {
    /// # Errors
    /// `Configuration` for an entry that is no network.
    pub(super) fn new(allowed: &[String], public: bool) -> Result<Self> {
        let networks: Option<Vec<Network>> =
            allowed.iter().map(|text| Network::parse(text)).collect();
        let networks = networks.ok_or_else(|| {
            wrong("the webhook's allowed networks are addresses or networks, such as 10.1.0.0/16")
        })?;
        Ok(Self {
            allowed: networks.into(),
            public,
        })
    }

    /// Whether it may be connected to.
    pub(super) fn permits(&self, ip: IpAddr) -> bool {
        // An IPv4 address in the clothes of IPv6 is what the system would connect to.
        let ip = ip.to_canonical();
        self.allowed.iter().any(|network| network.holds(ip)) || (self.public && is_public(ip))
    }

    /// The addresses of a name, if all of them are good: a name with a good and a bad one is an attempt.
    fn check(
        &self,
        addresses: Vec<SocketAddr>,
    ) -> std::result::Result<Vec<SocketAddr>, NotPermitted> {
        let good = addresses.iter().all(|address| self.permits(address.ip()));
        if good {
            Ok(addresses)
        } else {
            Err(NotPermitted)
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good = guard.check(found.collect())?;
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// Whether the address belongs to the public internet (the registries of RFC 6890 and what came after).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        // This network; shared by carriers; protocol assignments; 6to4 relays; benchmarks; reserved.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Only 2000::/3 is handed out, apart from translated IPv4 (64:ff9b::/96), whose own address counts.
    // Of the former, Teredo and other protocols, documentation and 6to4 are none of the public internet.
    if a == 0x64 && b == 0xff9b && ip.segments().get(2..6) == Some(&[0; 4]) {
        let bytes = ip.to_bits().to_be_bytes();
        let [.., w, x, y, z] = bytes;
        return is_public_v4(Ipv4Addr::new(w, x, y, z));
    }
    let protocol = a == 0x2001 && b < 0x200;
    let documentation = (a == 0x2001 && b == 0xdb8) || (a == 0x3fff && b < 0x1000);
    (0x2000..0x4000).contains(&a) && !protocol && !documentation && a != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str], public: bool) -> Guard {
        let allowed: Vec<String> = allowed.iter().map(|text| (*text).to_owned()).collect();
        Guard::new(&allowed, public).unwrap()
    }

    fn permits(guard: &Guard, ip: &str) -> bool {
        guard.permits(ip.parse().unwrap())
    }

    #[test]
    fn private_addresses_are_refused() {
        let guard = guard(&[], true);
        for bad in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!permits(&guard, bad), "{bad}");
        }
        for good in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.169.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(permits(&guard, good), "{good}");
        }
    }

    #[test]
    fn an_allow_list_opens_what_it_names() {
        let some = guard(&["10.1.0.0/16", "127.0.0.1", "fd00:1::/32"], true);
        for good in [
            "10.1.0.1",
            "10.1.255.255",
            "::ffff:10.1.2.3",
            "127.0.0.1",
            "fd00:1:2::3",
            "8.8.8.8",
        ] {
            assert!(permits(&some, good), "{good}");
        }
        for bad in ["10.2.0.1", "10.0.255.255", "127.0.0.2", "fd00:2::1", "::1"] {
            assert!(!permits(&some, bad), "{bad}");
        }
        let all = guard(&["0.0.0.0/0", "::/0"], false);
        assert!(permits(&all, "10.0.0.1") && permits(&all, "::1"));
        let only = guard(&["127.0.0.0/8"], false);
        assert!(permits(&only, "127.9.9.9") && !permits(&only, "8.8.8.8"));
        for bad in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "example.org",
            "10.0.0.0/",
            "10.0.0.0/-1",
        ] {
            assert!(Guard::new(&[bad.to_owned()], true).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_bad_address_refuses_a_name() {
        let guard = guard(&[], true);
        let of = |ips: &[&str]| {
            let sockets = ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
            guard.check(sockets.collect())
        };
        assert_eq!(of(&["8.8.8.8", "1.1.1.1"]).unwrap().len(), 2);
        assert!(of(&["8.8.8.8", "127.0.0.1"]).is_err());
        assert!(of(&["::ffff:192.168.0.1"]).is_err());
    }
}
