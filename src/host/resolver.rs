//! Resolves host names: this host's own, `/etc/hosts`, DNS.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use crate::host::Machine;
use crate::paths::{HOST_NAME, HOSTS};
use crate::rocks::Resolver;

/// For one query: without a deadline, a DNS server that is down blocks for half a minute.
const DEADLINE: Duration = Duration::from_secs(5);

impl Resolver for Machine {
    fn own_name(&self) -> Option<String> {
        let name = self.text(HOST_NAME)?;
        let name = name.trim().split('.').next()?;
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let hosts = self.text(HOSTS).unwrap_or_default();
        let known: Vec<IpAddr> = hosts
            .lines()
            .filter_map(|line| hosts_entry(line, name))
            .collect();
        // A tree of files has no DNS of its own.
        if known.is_empty() && self.is_real() {
            resolve(name)
        } else {
            known
        }
    }
}

/// The address in a line of `/etc/hosts`, if the line has this name.
fn hosts_entry(line: &str, name: &str) -> Option<IpAddr> {
    let mut words = line.split('#').next()?.split_ascii_whitespace();
    let address = words.next()?.parse().ok()?;
    words
        .any(|word| word.eq_ignore_ascii_case(name))
        .then_some(address)
}

fn resolve(name: &str) -> Vec<IpAddr> {
    let (sender, receiver) = sync_channel(1);
    let name = name.to_owned();
    let started = thread::Builder::new().spawn(move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        // The receiver has gone if the deadline has passed.
        let _ = sender.send(found.map(|all| all.map(|one| one.ip()).collect()));
    });
    match started.map(|_| receiver.recv_timeout(DEADLINE)) {
        Ok(Ok(Ok(addresses))) => addresses,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn etc_hosts_line_maps_each_name_to_its_address() {
        let line = "10.1.9.9\toutsider.example.net Outsider # not rocks-33";
        let address = Some(IpAddr::from([10, 1, 9, 9]));
        assert_eq!(hosts_entry(line, "outsider"), address);
        assert_eq!(hosts_entry(line, "outsider.example.net"), address);
        for name in ["10.1.9.9", "rocks-33", "#", ""] {
            assert_eq!(hosts_entry(line, name), None, "{name}");
        }
    }
}
