//! `attach`: cards go back to their host drivers.

use pretty_assertions::assert_eq;

use crate::{manual, with_kernel};

#[test]
fn attach_restores_drivers_and_overrides_of_every_card() {
    for (tree, cards) in [
        ("manual.tree", "all"),
        ("four-functions.tree", "gpupci1 gpupci2 gpupci3"),
    ] {
        let (host, kernel) = with_kernel(tree);
        let before = host.bindings();
        host.line(&format!("detach {cards}")).answer();
        assert_ne!(host.bindings(), before);
        host.line(&format!("attach {cards}")).answer();
        assert_eq!(host.bindings(), before, "{tree}");
        assert_eq!(host.records(), [""; 0]);
        assert_eq!(kernel.failures(), [""; 0]);
    }
}

#[test]
fn attach_prints_the_lines_of_the_original() {
    let (host, _kernel) = manual();
    host.line("-d gpupci1").answer();
    assert_eq!(
        host.line("-a gpupci1").answer(),
        "Attached video card 0000:02:00.0 of gpupci1\n\
         Attached audio card 0000:02:00.1 of gpupci1\n"
    );
    assert_eq!(
        host.line("-a gpupci1").answer(),
        "gpupci1 video card 0000:02:00.0 is already attached\n\
         gpupci1 audio card 0000:02:00.1 is already attached\n"
    );
}

#[test]
fn attach_binds_the_audio_function_last() {
    let (host, _kernel) = with_kernel("four-functions.tree");
    host.line("detach gpupci1").answer();
    assert_eq!(
        host.line("attach gpupci1").answer(),
        "Attached video card 0000:17:00.0 of gpupci1\n\
         Attached usb card 0000:17:00.2 of gpupci1\n\
         Attached serial card 0000:17:00.3 of gpupci1\n\
         Attached audio card 0000:17:00.1 of gpupci1\n"
    );
}

#[test]
fn attach_does_not_bind_a_function_that_had_no_driver() {
    let (host, kernel) = manual();
    kernel.administrator_binds("0000:02:00.1", None);
    let before = host.bindings();
    host.line("attach all").answer();
    assert_eq!(kernel.writes(), [""; 0]);
    host.line("detach gpupci1").answer();
    host.line("attach all").answer();
    assert_eq!(host.bindings(), before);
}
