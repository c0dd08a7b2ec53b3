//! Guests that migrate from another host or are restored from a save image.

use crate::hook::{Hook, Outcome, guest_of};
use crate::host::LogPriority;

impl Hook<'_> {
    /// Points the hostdevs of an incoming guest at its cards on this host. Only `gpupci` asks the cluster's
    /// database where these are.
    pub(super) fn migrate(&self, xml: &[u8]) -> Outcome {
        let Ok(guest) = guest_of(xml) else {
            return Outcome::Quiet;
        };
        let retargeted = self.machine.splice(&guest.name, true, xml);
        let retargeted_xml = match retargeted {
            Ok(retargeted_xml) => retargeted_xml,
            Err(why) => {
                let line = format!("{}: its XML is unchanged: {why}", guest.name);
                self.log(LogPriority::Info, &line, &guest);
                return Outcome::Quiet;
            }
        };
        let complete = self.machine.splice(&guest.name, false, &retargeted_xml);
        if complete.is_ok_and(|complete| complete != retargeted_xml) {
            let line = format!(
                "{} starts without its card: its save image does not have it, and libvirt accepts no \
                 new device now. When it runs: `gpupci detach` the card, virsh dumpxml --inactive {} | \
                 gpupci splice -- {}, and virsh attach-device with the <hostdev> that this command \
                 adds",
                guest.name,
                guest.uuid,
                quoted(&guest.name)
            );
            self.log(LogPriority::Error, &line, &guest);
        }
        match retargeted_xml == xml {
            true => Outcome::Quiet,
            false => Outcome::Xml(retargeted_xml),
        }
    }
}

/// A word, quoted for a shell if need be.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
