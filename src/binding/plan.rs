//! From what is to what is wanted: the steps for one function.

use crate::binding::{Binding, Former, Step};
use crate::pci::{ClassCode, DriverName};

/// The order in which the functions of a card change hands: display first, audio last, else by
/// address. A host that plays sound through a card whose display has another owner can panic.
pub fn in_order(bindings: &mut [Binding]) {
    let rank = |class: ClassCode| match class.word() {
        "video" => 0,
        "audio" => 2,
        _ => 1,
    };
    bindings.sort_by_key(|binding| (rank(binding.class), binding.function));
}

/// The steps that put a function on the stub driver; none when a guest may have it already.
pub fn plan_detach(now: &Binding, stub: &DriverName) -> Vec<Step> {
    if now.is_detached(stub) {
        return Vec::new();
    }
    let mut steps = Vec::new();
    overriding(&mut steps, now, Some(stub.as_str()));
    unbinding(&mut steps, now);
    steps.push(Step::Probe {
        function: now.function,
    });
    steps
}

/// The steps that make a function what it was. A driver that somebody else gave it meanwhile is
/// left alone; only our own override goes then.
pub fn plan_restore(now: &Binding, former: &Former, stub: &DriverName) -> Vec<Step> {
    let mut steps = Vec::new();
    let is_ours = now.driver.is_none() || now.is_detached(stub);
    let wanted = former.driver_override.as_deref();
    if now.driver == former.driver || !is_ours {
        // libvirt clears an override when it gives a function back.
        let is_cleared = now.driver == former.driver && now.driver_override.is_none();
        if is_ours || is_cleared || now.driver_override.as_deref() == Some(stub.as_str()) {
            overriding(&mut steps, now, wanted);
        }
        return steps;
    }
    let Some(driver) = &former.driver else {
        overriding(&mut steps, now, wanted);
        unbinding(&mut steps, now);
        return steps;
    };
    // Only the driver that an override names can be bound. One that was set after the driver had
    // been bound names another, so it has to wait.
    let meanwhile = wanted.filter(|name| *name == driver.as_str());
    overriding(&mut steps, now, meanwhile);
    unbinding(&mut steps, now);
    steps.push(Step::Bind {
        function: now.function,
        driver: driver.clone(),
    });
    if meanwhile != wanted {
        steps.push(Step::Override {
            function: now.function,
            name: wanted.map(str::to_owned),
        });
    }
    steps
}

/// The steps that let the kernel choose a driver for a function of which nobody knows what it had.
pub fn plan_release(now: &Binding, stub: &DriverName) -> Vec<Step> {
    if now.driver.is_some() && !now.is_detached(stub) {
        return Vec::new();
    }
    let mut steps = Vec::new();
    overriding(&mut steps, now, None);
    unbinding(&mut steps, now);
    steps.push(Step::Probe {
        function: now.function,
    });
    steps
}

fn overriding(steps: &mut Vec<Step>, now: &Binding, name: Option<&str>) {
    if now.driver_override.as_deref() != name {
        steps.push(Step::Override {
            function: now.function,
            name: name.map(str::to_owned),
        });
    }
}

fn unbinding(steps: &mut Vec<Step>, now: &Binding) {
    if let Some(driver) = &now.driver {
        steps.push(Step::Unbind {
            function: now.function,
            driver: driver.clone(),
        });
    }
}
