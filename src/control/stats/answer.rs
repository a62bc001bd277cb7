//! Paths, methods, and the fields of answers.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::{Instant, sleep_until, timeout};

use super::desk::Desk;
use super::guard::{Claim, Viewer, is_from_own_page};
use super::{orders, pages};
use crate::limits;
use crate::metrics::Form;
use crate::page::{Page, asset};

pub(super) type Answer = Response<Full<Bytes>>;

/// What a request is answered.
pub(super) async fn respond(request: Request<Incoming>, peer: SocketAddr, desk: &Desk) -> Answer {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    let is_order = path == "order" && request.method() == Method::POST;
    match &*path {
        "metrics" if is_read => return metrics(request.headers(), desk).await,
        _ if !is_read && !is_order => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        _ => {}
    }
    if let Some(asset) = asset(&path) {
        return with_kind(asset.text, asset.kind);
    }
    let is_page = is_order || pages::exists(&path);
    match (desk.page.now().has_page(), is_page) {
        (false, true) if path.is_empty() => text(StatusCode::OK, NO_PAGE),
        (true, true) => guarded(request, &path, peer, desk).await,
        _ => text(StatusCode::NOT_FOUND, "not found; metrics are at /metrics\n"),
    }
}

async fn metrics(headers: &HeaderMap, desk: &Desk) -> Answer {
    let accept = headers.get_all(ACCEPT).iter();
    let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
    let form = Form::asked_for(&accept.join(","));
    match desk.admin.metrics(form).await {
        Ok(metrics) => {
            let mut answer = with_kind(metrics, form.content_type());
            answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer
        }
        Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, &format!("{error}\n")),
    }
}

/// Pages and orders: for viewers.
async fn guarded(request: Request<Incoming>, path: &str, peer: SocketAddr, desk: &Desk) -> Answer {
    let refused_at = Instant::now() + desk.page.now().failure_delay;
    let viewer = match desk.page.now().claim(request.headers(), peer.ip()) {
        Claim::Good(viewer) => viewer,
        Claim::None => return unauthorized(),
        // At a time that says nothing of it, as by doveadm's protocol (W-DOV-5).
        Claim::Wrong => {
            sleep_until(refused_at).await;
            desk.admin.note(format!("stats: {peer}: refused: wrong doveadm_password"));
            return unauthorized();
        }
    };
    if !desk.take_place() {
        let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, "too many pages are asked for\n");
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return answer;
    }
    if path == "order" {
        return order(request, &viewer, peer, desk).await;
    }
    let query = request.uri().query().unwrap_or_default();
    page(&pages::make(path, query, &viewer, desk).await)
}

async fn order(
    request: Request<Incoming>,
    viewer: &Viewer,
    peer: SocketAddr,
    desk: &Desk,
) -> Answer {
    if !desk.page.now().gives_orders {
        return text(StatusCode::FORBIDDEN, "this page only shows: stats_admin = no\n");
    }
    if !is_from_own_page(request.headers()) {
        desk.admin.note(format!("stats: {peer}: an order of another site's page is refused"));
        return text(StatusCode::FORBIDDEN, "this order does not come from a page of Hale's\n");
    }
    let body = Limited::new(request.into_body(), limits::PAGE_ORDER_BYTES_MAX).collect();
    let body = match timeout(limits::PAGE_ORDER_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return text(StatusCode::PAYLOAD_TOO_LARGE, "too large\n"),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "too slow\n"),
    };
    let Some(order) = orders::read(&body) else {
        return text(StatusCode::BAD_REQUEST, "no such order\n");
    };
    if !desk.tokens.is_of(viewer, &order.token) {
        desk.admin.note(format!("stats: {peer}: an order without the page's token is refused"));
        return text(StatusCode::FORBIDDEN, "the page is an old one; load it again\n");
    }
    let done = orders::carry_out(desk, order.what, viewer, peer).await;
    page(&pages::after_order(desk, &done))
}

fn page(page: &Page) -> Answer {
    let mut answer = with_kind(page.render(), "text/html; charset=utf-8");
    let headers = answer.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        // Nothing but our own style, script and icon; in no frame; forms lead to us alone.
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
        ),
        (X_FRAME_OPTIONS, "DENY"),
        // With none at all, browsers would not say either from which page an order comes.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn with_kind(body: impl Into<Bytes>, kind: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = with_kind(text.to_owned(), "text/plain; charset=utf-8");
    *answer.status_mut() = status;
    answer
}

fn unauthorized() -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, "the user doveadm and doveadm_password\n");
    let way = HeaderValue::from_static("Basic realm=\"Hale\", charset=\"UTF-8\"");
    answer.headers_mut().insert(WWW_AUTHENTICATE, way);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

const NO_PAGE: &str = "Hale. Metrics are at /metrics. With doveadm_password set, or stats_trusted_networks and stats_user_header, \
                       this is the status page.\n";
