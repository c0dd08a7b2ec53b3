//! The steps that rebind one function.

use crate::binding::{Binding, Former, Step};
use crate::pci::{ClassCode, DriverName};

/// The order in which the functions of a card are rebound: display first, audio last, else by address. A
/// host can panic if its audio driver has a card whose display function is with another owner.
pub fn in_order(bindings: &mut [Binding]) {
    let rank = |class: ClassCode| match class.kind() {
        "video" => 0,
        "audio" => 2,
        _ => 1,
    };
    bindings.sort_by_key(|binding| (rank(binding.class), binding.function));
}

/// The steps that bind a function to the stub driver. None if it is already detached.
pub fn plan_detach(now: &Binding) -> Vec<Step> {
    if now.is_detached() {
        return Vec::new();
    }
    let mut steps = Vec::new();
    overriding(&mut steps, now, Some(now.stub.as_str()));
    unbinding(&mut steps, now);
    steps.push(Step::Probe {
        function: now.function,
    });
    steps
}

/// The steps that restore a function. If another program bound it to a driver meanwhile, only our own
/// override is removed. An interrupted command of ours may have left the override of [`plan_rebind`].
pub fn plan_restore(now: &Binding, former: &Former, is_interrupted: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let is_ours = now.driver.is_none() || now.is_detached();
    let wanted = former.driver_override.as_deref();
    if now.driver == former.driver || !is_ours {
        // libvirt clears the override when it re-attaches a function.
        let is_cleared = now.driver == former.driver && now.driver_override.is_none();
        let driver = former.driver.as_ref().map(DriverName::as_str);
        let is_rebound = is_interrupted && now.driver_override.as_deref() == driver;
        if is_ours
            || is_cleared
            || is_rebound
            || now.driver_override.as_deref() == Some(now.stub.as_str())
        {
            overriding(&mut steps, now, wanted);
        }
        return steps;
    }
    let Some(driver) = &former.driver else {
        overriding(&mut steps, now, wanted);
        unbinding(&mut steps, now);
        return steps;
    };
    // A function binds only to the driver in its override. An override that names another driver was set
    // after the bind, so it is restored last.
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

/// The steps that bind a function to its former driver although the driver's ids do not match it any more:
/// it was bound by `new_id`, or by an override that was cleared later. With the override set, only the name counts.
/// The last step restores the override.
pub fn plan_rebind(former: &Former, driver: &DriverName) -> [Step; 3] {
    let function = former.function;
    let overriding = |name| Step::Override { function, name };
    let bind = Step::Bind {
        function,
        driver: driver.clone(),
    };
    let name = Some(driver.to_string());
    [
        overriding(name),
        bind,
        overriding(former.driver_override.clone()),
    ]
}

/// The steps that let the kernel choose a driver, for a function without a record.
pub fn plan_release(now: &Binding) -> Vec<Step> {
    if now.driver.is_some() && !now.is_detached() {
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
