//! Guests, and the hostdevs in their XML.

/// A guest, and the content of its `<devices>`.
#[derive(Clone)]
pub struct Guest {
    pub name: String,
    pub uuid: String,
    pub devices: String,
}

impl Guest {
    /// The guest of the manual.
    pub fn with(devices: &str) -> Self {
        Self {
            name: "rocks-33".to_owned(),
            uuid: "c7a5fdbd-edaf-9455-926a-d65c16db1809".to_owned(),
            devices: devices.to_owned(),
        }
    }

    /// Another guest, a different one for each number.
    pub fn other(number: usize, devices: &str) -> Self {
        Self {
            name: format!("guest-{number}"),
            uuid: format!("00000000-0000-4000-8000-{number:012}"),
            devices: devices.to_owned(),
        }
    }

    pub fn named(self, name: &str) -> Self {
        let name = name.to_owned();
        Self { name, ..self }
    }

    pub fn xml(&self) -> String {
        let name = self.name.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<domain type='kvm' id='1'>\n  <name>{name}</name>\n  <uuid>{}</uuid>\n  \
             <devices>{}</devices>\n</domain>\n",
            self.uuid, self.devices
        )
    }

    /// The name as messages print it.
    pub fn shown(&self) -> String {
        self.name
            .replace('\n', "\\n")
            .replace('\u{202e}', "\\u{202e}")
    }
}

/// A hostdev for this function in slot 0 of this bus.
pub fn hostdev(bus: &str, function: u8) -> String {
    format!(
        "<hostdev mode='subsystem' type='pci' managed='yes'><source>\
         <address domain='0x0000' bus='0x{bus}' slot='0x00' function='0x{function}'/></source>\
         </hostdev>"
    )
}
