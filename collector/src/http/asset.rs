//! One file that browsers download, in three encodings, and how a request for it is answered.
//!
//! In: the bytes, or what the build compressed already. Out: the smallest encoding that a browser takes, or 304 where
//! it has the file.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::io::Write;

/// Children are named by their content.
pub(super) const CHILD_CACHE: &str = "public, max-age=31536000, immutable";

/// A file that the build compressed already, because nothing in it depends on a site.
pub(super) struct Built {
    pub(super) plain: &'static [u8],
    pub(super) brotli: &'static [u8],
    pub(super) gzip: &'static [u8],
}

/// One file in its three encodings.
#[derive(Clone)]
pub struct Asset {
    pub(super) plain: Bytes,
    pub(super) brotli: Bytes,
    pub(super) gzip: Bytes,
    content_type: &'static str,
    cache: &'static str,
    etag: HeaderValue,
}

impl Asset {
    pub(super) fn new(plain: Vec<u8>, content_type: &'static str, cache: &'static str) -> Asset {
        let etag = etag(&plain);
        Asset {
            brotli: brotli(&plain).into(),
            gzip: gzip(&plain).into(),
            plain: plain.into(),
            content_type,
            cache,
            etag,
        }
    }

    /// A child that the build compressed.
    pub(super) fn built(built: &Built, content_type: &'static str) -> Asset {
        Asset {
            plain: Bytes::from_static(built.plain),
            brotli: Bytes::from_static(built.brotli),
            gzip: Bytes::from_static(built.gzip),
            content_type,
            cache: CHILD_CACHE,
            etag: etag(built.plain),
        }
    }

    /// Bytes of the Brotli encoding, the figure that the budgets hold.
    pub fn brotli_bytes(&self) -> usize {
        self.brotli.len()
    }

    /// Answers a request: 304 where the browser has it, otherwise the smallest encoding that it takes.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let known = request.get(header::IF_NONE_MATCH).is_some_and(|value| value == self.etag);
        let accepted =
            request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let takes = |coding: &str| {
            accepted.split(',').any(|one| one.split(';').next().is_some_and(|name| name.trim() == coding))
        };
        let (body, coding) = if takes("br") {
            (&self.brotli, Some("br"))
        } else if takes("gzip") {
            (&self.gzip, Some("gzip"))
        } else {
            (&self.plain, None)
        };
        let mut response = Response::new(if known { Body::empty() } else { Body::from(body.clone()) });
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if let (Some(coding), false) = (coding, known) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

fn etag(plain: &[u8]) -> HeaderValue {
    let hash: String = Sha256::digest(plain).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hash}\"")).expect("hexadecimal digits in quotes are a header")
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // A window of 256 KiB holds every file whole; a larger one costs memory and time at each start, and saves no byte.
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 18, ..Default::default() };
    brotli::BrotliCompress(&mut &plain[..], &mut out, &parameters)
        .expect("memory takes what is written to it");
    out
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory takes what is written to it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_has_the_file_gets_304_and_the_others_the_smallest_they_take() {
        let asset = Asset::new("crumb ".repeat(50).into(), "text/plain", CHILD_CACHE);
        let ask = |name: header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            let answer = asset.answer(&headers);
            let coding = answer
                .headers()
                .get(header::CONTENT_ENCODING)
                .map(|value| value.to_str().unwrap().to_owned());
            (answer.status().as_u16(), coding)
        };
        assert_eq!(ask(header::ACCEPT_ENCODING, "gzip, deflate, br"), (200, Some("br".to_owned())));
        assert_eq!(ask(header::ACCEPT_ENCODING, "gzip"), (200, Some("gzip".to_owned())));
        assert_eq!(ask(header::ACCEPT, "*/*"), (200, None));
        assert_eq!(ask(header::IF_NONE_MATCH, asset.etag.to_str().unwrap()), (304, None));
    }
}
