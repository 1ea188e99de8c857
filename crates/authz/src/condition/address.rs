//! Internet addresses and networks in CIDR notation (RFC 4632, RFC 4291): `ipaddress` and
//! `in_cidr` as OpenFGA and SpiceDB have them.

use std::net::IpAddr;

/// An address such as `192.168.0.1` or `2001:db8::1`.
///
/// # Errors
/// Other text.
pub(super) fn parse(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not an IP address such as \"192.168.0.1\""))
}

/// Whether the address belongs to the network. One of IPv4 belongs to none of IPv6.
///
/// # Errors
/// Text that is not a network.
pub(super) fn is_in(address: IpAddr, network: &str) -> Result<bool, String> {
    let (base, bits) = parse_network(network)?;
    Ok(match (address.to_canonical(), base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let kept = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (a.to_bits() ^ b.to_bits()) & kept == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let kept = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (a.to_bits() ^ b.to_bits()) & kept == 0
        }
        _ => false,
    })
}

/// Whether the text is a network.
///
/// # Errors
/// What it ought to look like.
pub(super) fn check_network(text: &str) -> Result<(), String> {
    parse_network(text).map(drop)
}

/// The base and how many of its leading bits count.
fn parse_network(text: &str) -> Result<(IpAddr, u32), String> {
    let wrong = || format!("`{text}` is not a network such as \"10.0.0.0/8\"");
    let (base, bits) = text.split_once('/').ok_or_else(wrong)?;
    let base: IpAddr = base.parse().map_err(|_| wrong())?;
    let digits = bits.len() <= 3 && !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
    let bits: u32 = bits.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
    let bits_max = if base.is_ipv4() { 32 } else { 128 };
    if bits > bits_max {
        return Err(wrong());
    }
    Ok((base, bits))
}
