//! Back to the host.

use pretty_assertions::assert_eq;

use crate::{manual, with_kernel};

#[test]
fn every_card_comes_back_to_what_it_had() {
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
fn it_says_what_the_original_said() {
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
fn audio_comes_back_last() {
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
fn a_function_that_never_had_a_driver_is_left_alone() {
    let (host, kernel) = manual();
    kernel.administrator_binds("0000:02:00.1", None);
    let before = host.bindings();
    host.line("attach all").answer();
    assert_eq!(kernel.writes(), [""; 0]);
    host.line("detach gpupci1").answer();
    host.line("attach all").answer();
    assert_eq!(host.bindings(), before);
}
