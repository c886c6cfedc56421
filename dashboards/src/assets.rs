//! The style sheet and the script: inside the binary, named by their content, kept by the browser for a year.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: String,
    stem: &'static str,
    content_type: &'static str,
    body: &'static str,
}

static ASSETS: LazyLock<[Asset; 2]> = LazyLock::new(|| {
    [
        asset("dashboard.css", "text/css; charset=utf-8", include_str!("assets/dashboard.css")),
        asset("dashboard.js", "text/javascript; charset=utf-8", include_str!("assets/dashboard.js")),
    ]
});

/// The path of an asset by its plain name; empty if there is none of that name.
pub(crate) fn path(stem: &str) -> String {
    ASSETS
        .iter()
        .find(|asset| asset.stem == stem)
        .map(|asset| format!("/assets/{}", asset.name))
        .unwrap_or_default()
}

/// `GET /assets/{name}`
pub(crate) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{}\"", asset.name);
    let kept = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(header::CONTENT_TYPE, asset.content_type)], asset.body).into_response()
}

fn asset(stem: &'static str, content_type: &'static str, body: &'static str) -> Asset {
    let digest: String = Sha256::digest(body).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let name = stem.replacen('.', &format!(".{digest}."), 1);
    Asset { name, stem, content_type, body }
}
