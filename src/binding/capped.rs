//! Keeps a refusal short. Thousands of processes can use one card, and a group can have hundreds of members.
//! libvirt shows a refusal in one line, and the journal drops a line that is too long.

use std::collections::BTreeMap;

use crate::binding::Refusal;
use crate::failure::Code;
use crate::listing::NAMED_MAX;

/// The first refusals of each kind. One more refusal counts the others of that kind, so that many refusals
/// of one kind do not hide another kind.
pub(super) fn capped(refusals: Vec<Refusal>) -> Vec<Refusal> {
    let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    for refusal in refusals {
        let code = refusal.code();
        let count = counts.entry(code).or_default();
        *count += 1;
        match *count {
            0..=NAMED_MAX => kept.push(refusal),
            _ => count_one(&mut kept, code),
        }
    }
    kept
}

fn count_one(kept: &mut Vec<Refusal>, of: Code) {
    for refusal in kept.iter_mut() {
        if let Refusal::More { code, count } = refusal
            && *code == of
        {
            *count += 1;
            return;
        }
    }
    kept.push(Refusal::More { code: of, count: 1 });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::User;
    use pretty_assertions::assert_eq;

    fn user(pid: u32) -> Refusal {
        Refusal::Used(User {
            pid,
            command: "python3".to_owned(),
            guest: None,
            node: "/dev/dri/renderD128".to_owned(),
        })
    }

    #[test]
    fn many_refusals_of_one_kind_hide_no_other_kind() {
        let held = Refusal::Held {
            guest: "a".to_owned(),
        };
        let mut all: Vec<Refusal> = (1..=3000).map(user).collect();
        all.push(held.clone());
        let kept = capped(all);
        let first: Vec<Refusal> = (1..=5).map(user).collect();
        assert_eq!(kept[..5], first);
        let more = Refusal::More {
            code: Code::Busy,
            count: 2995,
        };
        assert_eq!(kept[5..], [more.clone(), held]);
        assert_eq!(more.to_string(), "and 2,995 more of this kind");
        assert_eq!(more.code(), Code::Busy);
    }

    #[test]
    fn few_refusals_stay_as_they_are() {
        let all: Vec<Refusal> = (1..=5).map(user).collect();
        assert_eq!(capped(all.clone()), all);
    }
}
