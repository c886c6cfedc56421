//! Brings a batch to the collector.
//!
//! In: a batch, and the grant of this wake-up. Out: a request. Invariant: none without a [`Grant`]; the body is a
//! string, hence `text/plain`, and needs no preflight; the receipt travels in the `Cookie` header, never in the body.

use crate::{gate::Grant, write};
use wasm_bindgen::prelude::*;
use wire::Batch;

#[wasm_bindgen]
extern "C" {
    type RequestInit;
    #[wasm_bindgen(constructor, js_class = Object)]
    fn new() -> RequestInit;
    #[wasm_bindgen(method, setter)]
    fn set_method(this: &RequestInit, method: &str);
    #[wasm_bindgen(method, setter)]
    fn set_body(this: &RequestInit, body: &str);
    #[wasm_bindgen(method, setter)]
    fn set_keepalive(this: &RequestInit, keepalive: bool);
    #[wasm_bindgen(method, setter)]
    fn set_credentials(this: &RequestInit, credentials: &str);

    type Pending;
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(address: &str, init: &RequestInit) -> Pending;
    #[wasm_bindgen(method)]
    fn then(this: &Pending, answered: &JsValue, failed: &JsValue);

    #[wasm_bindgen(js_namespace = navigator, js_name = sendBeacon)]
    fn send_beacon(address: &str, body: &str) -> bool;
}

/// See the module.
pub struct Transport {
    endpoint: String,
}

impl Transport {
    /// To that address.
    pub fn new(endpoint: String) -> Transport {
        Transport { endpoint }
    }

    /// Sends a batch; the callback gets the response, or the error.
    pub fn send(&self, batch: &Batch, callback: &JsValue, _grant: &Grant) {
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&write::batch(batch));
        // It survives the page if that is left meanwhile.
        init.set_keepalive(true);
        // The collector may live on another host of the same site.
        init.set_credentials("include");
        fetch(&self.endpoint, &init).then(callback, callback);
    }

    /// Hands a batch to the browser, which sends it even if the page is gone; whether the browser took it.
    pub fn leave(&self, batch: &Batch, _grant: &Grant) -> bool {
        send_beacon(&self.endpoint, &write::batch(batch))
    }
}
