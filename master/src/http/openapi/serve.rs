//! `GET /openapi.json`. Without token: it tells no more than docs/api.md.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scaleout_common::hex;
use sha2::{Digest, Sha256};

use super::document::text;

/// For so long nobody asks again. Another version of Scaleout has another document.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document, and the tag of what it holds. Made once.
struct Made {
    text: Bytes,
    tag: HeaderValue,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let text = Bytes::from(text());
    let hash = hex::print(&Sha256::digest(&text));
    let tag = HeaderValue::from_str(&format!("\"{hash}\"")).expect("digits may stand in a header");
    Made { text, tag }
});

/// `GET /openapi.json`
pub(in super::super) async fn show(headers: HeaderMap) -> Response {
    let Made { text, tag } = &*MADE;
    let cached = [(header::CACHE_CONTROL, CACHE), (header::ETAG, tag.clone())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag) {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    (cached, [(header::CONTENT_TYPE, "application/json")], text.clone()).into_response()
}
