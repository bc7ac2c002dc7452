//! Whose request it is: the address by which wrong tokens are counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address of the client, from the other end of the connection and the newest `X-Forwarded-For`.
///
/// Behind a router (Heroku's, Replit's) the other end is the router, in a private network, and the *last* entry of the
/// header is the one that it added itself: whom it saw. Earlier entries came with the request and can say anything, so
/// they are not read; and from a peer in the open network the whole header can say anything.
pub(super) fn client(peer: Option<IpAddr>, forwarded_for: Option<&str>) -> IpAddr {
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
    let seen_by_router = forwarded_for.filter(|_| is_inside(peer)).and_then(last_entry);
    network(seen_by_router.unwrap_or(peer))
}

fn last_entry(forwarded_for: &str) -> Option<IpAddr> {
    let entry = forwarded_for.rsplit(',').next()?.trim();
    let address = entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

/// Whether it is of this machine or of a network that the open one does not lead to, where a router may be.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let carrier_grade = first == 100 && (64..128).contains(&second);
            address.is_loopback() || address.is_private() || address.is_link_local() || carrier_grade
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// A single client of IPv6 has a whole /64 to come from: it counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_router_is_believed_as_to_the_last_entry_and_nobody_else_is() {
        for (peer, forwarded_for, expected) in [
            ("203.0.113.7", None, "203.0.113.7"),
            ("203.0.113.7", Some("198.51.100.1"), "203.0.113.7"),
            ("10.1.2.3", Some("198.51.100.1"), "198.51.100.1"),
            ("10.1.2.3", Some("192.0.2.66, 198.51.100.1"), "198.51.100.1"),
            ("10.1.2.3", Some("192.0.2.66,198.51.100.1:4711 "), "198.51.100.1"),
            ("10.1.2.3", Some("198.51.100.1, unknown"), "10.1.2.3"),
            ("10.1.2.3", Some(""), "10.1.2.3"),
            ("127.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
            ("100.64.0.1", Some("198.51.100.1"), "198.51.100.1"),
            ("100.128.0.1", Some("198.51.100.1"), "100.128.0.1"),
            ("::ffff:10.1.2.3", Some("::ffff:198.51.100.1"), "198.51.100.1"),
            ("fd00::1", Some("[2001:db8:1:2:3:4:5:6]:443"), "2001:db8:1:2::"),
            ("2001:db8:1:2::99", Some("198.51.100.1"), "2001:db8:1:2::"),
        ] {
            let client = client(Some(peer.parse().unwrap()), forwarded_for);
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{peer}, {forwarded_for:?}");
        }
        assert_eq!(client(None, None), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    }
}
