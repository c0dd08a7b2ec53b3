//! The schema refuses wrong documents. If it accepted everything, the other tests would prove
//! nothing.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::TestHost;
use crate::{complaints, schema};

fn list() -> Value {
    let text = TestHost::unpacked("manual.tree")
        .line("list --json")
        .answer();
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn schema_refuses_a_wrong_value_anywhere() {
    let right = list();
    assert_eq!(complaints("cards", &right), [""; 0]);
    for (place, wrong) in [
        ("/version", json!(2)),
        ("/version", json!("1")),
        ("/cards", json!({})),
        ("/cards", json!(null)),
        ("/cards/0", json!([])),
        ("/cards/0/name", json!("gpupci0")),
        ("/cards/0/name", json!(null)),
        ("/cards/1/address", json!("02:00.0")),
        ("/cards/1/address", json!("0000:02:00")),
        ("/cards/1/address", json!("0000:02:00.0\n")),
        ("/cards/1/address", json!("pci_0000_02_00_0")),
        ("/cards/1/numa_node", json!(-1)),
        ("/cards/1/numa_node", json!("0")),
        ("/cards/0/state", json!("busy")),
        ("/cards/0/state", json!(null)),
        ("/cards/0/users", json!({})),
        ("/cards/0/users", json!([{"pid": 1}])),
        ("/cards/0/functions/0/kind", json!("display")),
        ("/cards/0/functions/0/vendor", json!("0x10de")),
        ("/cards/0/functions/0/device", json!(0x6de)),
        ("/cards/0/functions/1/driver", json!(false)),
        ("/cards/0/functions/1/iommu_group", json!("8")),
        ("/cards/0/functions/1/iommu_group", json!(8.5)),
        ("/cards/0/functions/1/boot_vga", json!(0)),
    ] {
        let mut changed = right.clone();
        *changed.pointer_mut(place).expect("it is there") = wrong.clone();
        let found = complaints("cards", &changed);
        assert!(!found.is_empty(), "{place}: {wrong}");
    }
}

#[test]
fn schema_refuses_a_missing_or_additional_key() {
    let right = list();
    for place in ["", "/cards/0", "/cards/1/functions/1"] {
        let object = right.pointer(place).expect("it is there");
        let keys: Vec<String> = object.as_object().expect("it").keys().cloned().collect();
        for key in keys {
            let mut changed = right.clone();
            let object = changed.pointer_mut(place).expect("it is there");
            object.as_object_mut().expect("it").remove(&key);
            assert!(!complaints("cards", &changed).is_empty(), "{place}/{key}");
        }
        let mut changed = right.clone();
        changed.pointer_mut(place).expect("it is there")["more"] = json!(1);
        assert!(!complaints("cards", &changed).is_empty(), "{place}");
    }
}

#[test]
fn schema_refuses_the_document_of_another_command() {
    let cards = list();
    for other in ["handed-cards", "recovered-cards", "groups", "gpus"] {
        assert!(!complaints(other, &cards).is_empty(), "{other}");
    }
    let failed = json!({
        "name": "gpupci1",
        "address": "0000:02:00.0",
        "exit": 8,
        "functions": [],
        "writes": null,
        "error": {"codes": ["card-changed"], "what": "", "causes": [], "state": "", "remedies": []},
    });
    let document = |card: &Value| json!({"version": 1, "cards": [card]});
    assert_eq!(complaints("handed-cards", &document(&failed)), [""; 0]);
    // A failed card must have an error, and a card without error must not have failed.
    for (key, value) in [
        ("exit", json!(0)),
        ("exit", json!(10)),
        ("error", json!(null)),
    ] {
        let mut wrong = failed.clone();
        wrong[key] = value;
        assert!(!complaints("handed-cards", &document(&wrong)).is_empty());
    }
}

/// A key with the value null is not omitted, and there are no keys that the schema does not list.
#[test]
fn every_object_of_the_schema_requires_all_keys_and_no_others() {
    let schema = schema();
    let mut objects = 0;
    let definitions = schema["$defs"].as_object().expect("definitions");
    for (name, definition) in definitions {
        if definition["type"] != "object" {
            continue;
        }
        objects += 1;
        assert_eq!(definition["additionalProperties"], false, "{name}");
        let keys: Vec<&String> = definition["properties"]
            .as_object()
            .expect("it")
            .keys()
            .collect();
        let mut required: Vec<&str> = definition["required"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        required.sort_unstable();
        assert_eq!(keys, required, "{name}");
    }
    assert_eq!(objects, 29);
}
