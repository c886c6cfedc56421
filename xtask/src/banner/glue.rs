//! Trims what wasm-bindgen writes between the module and the page.
//!
//! In: a bound module with its glue. Out: the same with short import names, without exports that nobody calls, and with
//! plain versions of the glue's helpers: no caches, no work-arounds for browsers that cannot run the module anyway. It
//! saves about a kilobyte a module, for hashes in names do not compress. Invariant: what is to be replaced must be there;
//! another version of wasm-bindgen is an error here, not a broken banner.

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Output;

/// Helpers of the glue that are always there, and how they are written instead.
const HELPERS: [(&str, &str); 2] = [
    (
        "__wbg_finalize_init",
        "(instance) {
    wasm = instance.exports;
    wasm.__wbindgen_start();
    return wasm;
}
",
    ),
    (
        "initSync",
        "({ module }) {
    return __wbg_finalize_init(new WebAssembly.Instance(module, __wbg_get_imports()));
}
",
    ),
];

/// Helpers that are there if the module needs them.
const HELPERS_IF_NEEDED: [(&str, &str); 4] = [
    // Memory that has grown has a new buffer: a view that is made at each use cannot be outdated.
    ("getDataViewMemory0", "() {\n    return new DataView(wasm.memory.buffer);\n}\n"),
    ("getUint8ArrayMemory0", "() {\n    return new Uint8Array(wasm.memory.buffer);\n}\n"),
    ("decodeText", "(bytes) {\n    return cachedTextDecoder.decode(bytes);\n}\n"),
    (
        "passStringToWasm0",
        "(text) {
    const bytes = cachedTextEncoder.encode(text);
    WASM_VECTOR_LEN = bytes.length;
    const place = wasm.__wbindgen_malloc(WASM_VECTOR_LEN, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, place);
    return place;
}
",
    ),
];

/// Arguments that the plain helper does without; leaving them out makes an export unused.
const ALLOCATORS: &str = ", wasm.__wbindgen_malloc, wasm.__wbindgen_realloc)";

/// The glue to put in place of `script`, for the module that this changes to fit.
pub(crate) fn trim(mut script: String, output: &mut Output) -> Result<String> {
    for (name, body) in HELPERS {
        script = with_body(&script, name, body).with_context(|| format!("the glue has no {name}"))?;
    }
    for (name, body) in HELPERS_IF_NEEDED {
        script = with_body(&script, name, body).unwrap_or(script);
    }
    script = script.replace(ALLOCATORS, ")").replace("\ncachedTextDecoder.decode();\n", "\n");
    if let Some((before, polyfill)) = script.split_once("if (!('encodeInto' in cachedTextEncoder))") {
        let (_, after) = polyfill.split_once("\n}\n").context("the glue's polyfill has no end")?;
        script = format!("{before}{after}");
    }
    let module = output.wasm_mut();
    let unused = |name: &str| !script.contains(&format!("wasm.{name}"));
    let unused: Vec<_> =
        module.exports.iter().filter(|export| unused(&export.name)).map(|export| export.id()).collect();
    unused.into_iter().for_each(|export| module.exports.delete(export));
    for (place, import) in module.imports.iter_mut().enumerate() {
        if import.name.starts_with("__wb") {
            let short = format!("_{place}");
            script = script.replace(&format!("{}:", import.name), &format!("{short}:"));
            import.name = short;
        }
    }
    Ok(script)
}

/// The script with another body for a function of its top level, if it has that function.
fn with_body(script: &str, name: &str, body: &str) -> Option<String> {
    let (before, rest) = script.split_once(&format!("\nfunction {name}("))?;
    let (_, after) = rest.split_once("\n}\n")?;
    Some(format!("{before}\nfunction {name}{body}{after}"))
}

#[cfg(test)]
mod tests {
    use super::with_body;

    #[test]
    fn a_function_gets_another_body_and_the_rest_stays() {
        let script = "let a;\nfunction one(x) {\n    if (x) {\n    }\n}\nfunction two() {\n}\n";
        let expected = "let a;\nfunction one() {}\nfunction two() {\n}\n";
        assert_eq!(with_body(script, "one", "() {}\n").as_deref(), Some(expected));
        assert_eq!(with_body(script, "three", "() {}\n"), None);
    }
}
