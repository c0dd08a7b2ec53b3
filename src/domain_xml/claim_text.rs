//! A claim as text, in the record of a start: `0000:02:00.0`, `managed 0000:02:00.0`, `mdev UUID`,
//! `rendernode PATH`.

use std::fmt;
use std::str::FromStr;

use crate::domain_xml::Claim;

const MANAGED: &str = "managed ";
const MEDIATED: &str = "mdev ";
const RENDER_NODE: &str = "rendernode ";

/// A text that is no claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoClaim;

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Function(_) => "",
            Self::Managed(_) => MANAGED,
            Self::Mediated(_) => MEDIATED,
            Self::RenderNode(_) => RENDER_NODE,
        };
        f.write_str(word)?;
        match self {
            Self::Function(address) | Self::Managed(address) => address.fmt(f),
            Self::Mediated(uuid) => f.write_str(uuid.as_str()),
            Self::RenderNode(path) => f.write_str(path),
        }
    }
}

impl FromStr for Claim {
    type Err = NoClaim;

    fn from_str(text: &str) -> Result<Self, NoClaim> {
        if let Some(path) = text.strip_prefix(RENDER_NODE) {
            return Ok(Self::RenderNode(path.to_owned()));
        }
        if let Some(uuid) = text.strip_prefix(MEDIATED) {
            return uuid.parse().map(Self::Mediated).map_err(|_| NoClaim);
        }
        let claim = match text.strip_prefix(MANAGED) {
            Some(address) => address.parse().map(Self::Managed),
            None => text.parse().map(Self::Function),
        };
        claim.map_err(|_| NoClaim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn claim_that_is_printed_and_parsed_is_the_same() {
        for text in [
            "10000:e1:00.0",
            "managed 0000:02:00.1",
            "mdev c7a5fdbd-edaf-9455-926a-d65c16db1809",
            "rendernode /dev/dri/a b\n",
        ] {
            let claim: Result<Claim, NoClaim> = text.parse();
            assert_eq!(claim.map(|claim| claim.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "managed", "mdev 1", "managed managed 0000:02:00.1"] {
            assert_eq!(text.parse::<Claim>(), Err(NoClaim), "{text}");
        }
    }
}
