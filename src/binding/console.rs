//! The host's text console on a function of a card.

/// The framebuffer that shows the console, and the console device that draws on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostConsole {
    /// The framebuffer, such as `fb0`.
    pub framebuffer: String,
    /// The bound console device, such as `vtcon1`; `None` if there is none that can be unbound.
    pub device: Option<String>,
}

impl HostConsole {
    /// What to do. To unbind a console can leave the host without a screen.
    pub(super) fn remedy(&self) -> String {
        let remedy = "make another card the boot display (firmware setup)";
        match &self.device {
            Some(device) => format!(
                "{remedy}, or unbind the console, after which the host may have no screen: echo 0 \
                 > /sys/class/vtconsole/{device}/bind"
            ),
            None => remedy.to_owned(),
        }
    }
}
