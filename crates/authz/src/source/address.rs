//! Addresses of PostgreSQL databases: where the password stands in them, so that it is never shown.
//!
//! Everybody who reads an address has to find the password at the same place: what one takes for a
//! host, another would take for the rest of a password.

/// An address, taken apart and not decoded: `postgres://user:password@hosts/database?options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseAddress<'a> {
    /// `postgres` or `postgresql`.
    pub scheme: &'a str,
    /// As whom it is entered.
    pub user: Option<&'a str>,
    /// With which password.
    pub password: Option<&'a str>,
    /// Hosts, ports and the name of the database.
    pub place: &'a str,
    /// What stands behind the question mark.
    pub options: &'a str,
}

impl<'a> DatabaseAddress<'a> {
    /// Takes an address apart; `None` where it is none, or where it does not say without doubt
    /// what its password is: an `@`, or a `?` before it, that is not written percent-encoded. O(n).
    pub fn of(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        if !["postgres", "postgresql"].contains(&scheme) || rest.is_empty() {
            return None;
        }
        let (who, rest) = match rest.split_once('@') {
            Some((who, rest)) => (Some(who), rest),
            None => (None, rest),
        };
        if rest.contains('@') || who.is_some_and(|it| it.contains('?')) {
            return None;
        }
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, password) = match who.map(|it| it.split_once(':').ok_or(it)) {
            Some(Ok((user, password))) => (Some(user), Some(password)),
            Some(Err(user)) => (Some(user), None),
            None => (None, None),
        };
        are_ports(place).then_some(Self {
            scheme,
            user,
            password,
            place,
            options,
        })
    }
}

/// Whether what stands behind each host is a port: without an `@`, it may be a password.
fn are_ports(place: &str) -> bool {
    let hosts = place.split('/').next().unwrap_or_default();
    hosts.split(',').all(|host| {
        // An address of IPv6 stands in brackets.
        let port = host.rsplit(']').next().unwrap_or_default();
        let port = port.split_once(':').map_or("", |(_, port)| port);
        port.bytes().all(|it| it.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let cases = [
            (
                "postgres://ada:pw@db.test:5433/shop?sslmode=require",
                Some("pw"),
            ),
            (
                "postgresql://ada:p%40%3Fw@[::1]:5432,db.test/shop",
                Some("p%40%3Fw"),
            ),
            ("postgres://ada:p:w/x@db.test/shop", Some("p:w/x")),
            ("postgres://ada@db.test", None),
            ("postgres://[::1]/shop", None),
            ("postgres:///shop?host=/run/pg", None),
        ];
        for (text, password) in cases {
            let address = DatabaseAddress::of(text).unwrap();
            assert_eq!(address.password, password, "{text}");
        }
    }

    #[test]
    fn what_may_hide_a_password_is_no_address() {
        for text in [
            "postgres://",
            "mysql://ada:s3cret@db.test/shop",
            "postgres://byp:s3cr?et@db.test/shop",
            "postgres://byp:s3cr@et@db.test/shop",
            "postgres://byp@db.test/shop?user=a@b",
            "postgres://byp:s3cret",
            "postgres://[::1]:s3cret/shop",
            "postgres://a:5432,b:s3cret/shop",
        ] {
            assert_eq!(DatabaseAddress::of(text), None, "{text}");
        }
    }
}
