//! The scripts beside the module, through Node: their own tests, and that a request reads as the protocol has it.

use std::process::Command;
use wire::{DecisionAction, DecisionRequest, Surface};

fn node(arguments: &[&str]) -> String {
    let ran = Command::new("node").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let ran = ran.expect("Node is needed to test the scripts");
    let (out, fault) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{fault}");
    out.into_owned()
}

#[test]
fn the_tests_of_the_scripts_pass() {
    assert!(node(&["--test", "src/"]).contains("# fail 0"));
}

#[test]
fn a_request_reads_as_the_protocol_has_it() {
    let script = "import { body } from './src/decide.js';
        const pending = { v: 1, action: 'save', surface: 'preferences', text: '5f0c9a1e77b3d264', language: 'nl', earlier: btoa('{}') };
        const choice = { categories: ['necessary', 'analytics'], services: {}, revision: 3, pending };
        console.log(body({ site: 'kaaidam' }, choice));";
    let printed = node(&["--input-type=module", "--eval", script]);
    let request: DecisionRequest = serde_json::from_str(&printed).unwrap();
    assert_eq!((request.v, request.site.as_str(), request.revision), (wire::VERSION, "kaaidam", 3));
    assert_eq!((request.action, request.surface), (DecisionAction::Save, Surface::Preferences));
    assert_eq!(request.categories, ["necessary", "analytics"]);
    assert_eq!(request.earlier.as_deref(), Some("%7B%7D"));
    assert_eq!((request.text.as_str(), request.language.as_str()), ("5f0c9a1e77b3d264", "nl"));
}
