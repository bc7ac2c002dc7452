//! For people: the status page, an incident's own page, and what can be done there. Everything comes ready from here; the
//! few lines of script only refresh it in place and show times in the reader's zone.
//!
//! What is known now comes from memory, as the report does; the past comes from the store, at most every few seconds
//! (`past`). Names and words of other people are cut, escaped by the templates and set apart by `<bdi>`; markup that is
//! written here holds only words of ours.

mod chart;
mod days;
mod glance;
mod incident;
mod listing;
mod lists;
mod machinery;
mod now;
mod orders;
mod parts;
mod past;
mod points;
mod strip;
mod words;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use askama::Template;

use super::answer::answer;
use super::auth::Access;
use super::problem::{self, Problem};
use super::session::{Visitor, is_secure, said, what_was_done};
use super::standing::Standing;
use super::{WebState, postable, readable, reading, resource};

pub(super) use past::Past;

static HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A page is made of what comes from here, and sends its forms here; nothing else.
static POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);

const STYLE: &str = include_str!("../../../templates/page.css");

const SCRIPT: &str = include_str!("../../../templates/page.js");

/// The pages refresh themselves as often as somebody looks, within these bounds, in seconds.
const REFRESH: (u64, u64) = (5, 30);

/// What is around every page.
struct Frame<'a> {
    service: &'a str,
    standing: &'static str,
    style: String,
    script: String,
    /// Every so many seconds; a form is left alone.
    refresh: Option<u64>,
    version: &'static str,
    csrf: Option<&'a str>,
    can_sign_in: bool,
    said: Option<&'static str>,
}

/// Who comes to see a page.
enum Entry {
    /// They may.
    In(Visitor),
    /// They have to sign in first.
    Instead(HttpResponse),
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    frame: Frame<'a>,
    reading_needs_it: bool,
    refused: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "sorry.html")]
struct Sorry<'a> {
    frame: Frame<'a>,
    title: &'static str,
    detail: &'a str,
}

/// The routes of the pages.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(readable("/").route(reading().to(page)))
        .service(readable("/incidents").route(reading().to(listing::page)))
        .service(readable("/incidents/{id}").route(reading().to(incident::page)))
        .service(readable("/page.css").route(reading().to(style)))
        .service(readable("/page.js").route(reading().to(script)))
        .service(
            resource("/sign-in", "GET, HEAD, POST", "This path shows a form and takes it: GET, HEAD or POST.")
                .route(reading().to(sign_in_form))
                .route(web::post().to(orders::sign_in)),
        )
        .service(postable("/sign-out").route(web::post().to(orders::sign_out)))
        .service(postable("/check").route(web::post().to(orders::check)))
        .service(postable("/incidents/{id}/acknowledge").route(web::post().to(orders::acknowledge)))
        .service(postable("/silences/{id}/end").route(web::post().to(orders::end_silence)))
        .service(postable("/silences/{issue}/{span}").route(web::post().to(orders::silence)))
        .service(postable("/actors/{actor}/restart").route(web::post().to(orders::restart)));
}

impl WebState {
    fn frame<'a>(&'a self, visitor: Option<&'a Visitor>, standing: Standing) -> Frame<'a> {
        Frame {
            service: &self.settings.service,
            standing: standing.name(),
            style: format!("/page.css?v={:016x}", fingerprint(STYLE)),
            script: format!("/page.js?v={:016x}", fingerprint(SCRIPT)),
            refresh: visitor.map(|_| self.settings.interval.as_secs().clamp(REFRESH.0, REFRESH.1)),
            version: env!("CARGO_PKG_VERSION"),
            csrf: visitor.and_then(Visitor::csrf),
            can_sign_in: self.door.has_token(),
            said: None,
        }
    }

    /// Lets somebody in to see a page; or the page on which to sign in.
    fn let_in(&self, request: &HttpRequest) -> Result<Entry, Problem> {
        let shows_token = request.headers().contains_key(header::AUTHORIZATION);
        match self.to_see(request) {
            Ok(visitor) => Ok(Entry::In(visitor)),
            // Whoever shows a token is a program, and wants to read what is wrong with it.
            Err(problem) if shows_token => Err(problem),
            Err(_) => sign_in_page(self, None, last_sentence(request)).map(Entry::Instead),
        }
    }
}

/// The status page.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "getStatusPage",
    responses(
        (status = 200, description = "For people.", body = String, content_type = "text/html"),
        (
            status = 401,
            description = "A form to sign in; for whoever shows a token that is wrong, what is wrong.",
            content((String = "text/html"), (problem::Body = "application/problem+json")),
        ),
    ),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn page(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    let page = match state.let_in(&request)? {
        Entry::In(visitor) => now::page(&state, &visitor, last_sentence(&request)).await?,
        Entry::Instead(answer) => answer,
    };
    // It was said, once.
    if what_was_done(&request).is_some() { orders::with(page, &said(is_secure(&request))) } else { Ok(page) }
}

/// What came of the visitor's last order, if this is the page that answers it.
fn last_sentence(request: &HttpRequest) -> Option<&'static str> {
    orders::sentence(&what_was_done(request)?)
}

/// `GET /sign-in`.
async fn sign_in_form(state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    if !state.door.has_token() {
        let problem = Problem::unknown("Nobody can sign in: neither OPS_TOKEN nor OPS_READ_TOKEN is set.");
        return sorry(&state, None, "There is no signing in", &problem);
    }
    let page = SignIn { frame: state.frame(None, Standing::Unknown), reading_needs_it: false, refused: None };
    html(StatusCode::OK, &page)
}

/// The form to sign in, in place of what was asked for, or because of what went wrong the last time.
fn sign_in_page(
    state: &WebState,
    refused: Option<&Problem>,
    said: Option<&'static str>,
) -> Result<HttpResponse, Problem> {
    let page = SignIn {
        frame: Frame { said, ..state.frame(None, Standing::Unknown) },
        reading_needs_it: !state.door.reading_is_open(),
        refused: refused.map(Problem::detail),
    };
    let answer = html(refused.map_or(StatusCode::UNAUTHORIZED, ResponseError::status_code), &page)?;
    let challenge = Problem::unauthorized("");
    Ok(with_headers_of(refused.unwrap_or(&challenge), answer))
}

/// A page that says what is wrong, for whoever looks at it in a browser.
fn sorry(
    state: &WebState,
    visitor: Option<&Visitor>,
    title: &'static str,
    problem: &Problem,
) -> Result<HttpResponse, Problem> {
    let frame = Frame { refresh: None, ..state.frame(visitor, Standing::Unknown) };
    let page = Sorry { frame, title, detail: problem.detail() };
    Ok(with_headers_of(problem, html(problem.status_code(), &page)?))
}

/// The page with what the headers of the problem ask for.
fn with_headers_of(problem: &Problem, mut page: HttpResponse) -> HttpResponse {
    let problem = problem.error_response();
    for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        if let Some(value) = problem.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

/// `GET /page.css`.
async fn style(request: HttpRequest) -> HttpResponse {
    static CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
    asset(&request, &CSS, STYLE)
}

/// `GET /page.js`.
async fn script(request: HttpRequest) -> HttpResponse {
    static JAVASCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
    asset(&request, &JAVASCRIPT, SCRIPT)
}

/// A file of ours: for good under the address that names its content, otherwise asked for anew.
fn asset(request: &HttpRequest, content_type: &HeaderValue, content: &'static str) -> HttpResponse {
    let fingerprint = format!("{:016x}", fingerprint(content));
    let named = request.query_string().strip_prefix("v=") == Some(fingerprint.as_str());
    let mut asset = answer(StatusCode::OK, content_type, content);
    let kept = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
    asset.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    asset
}

/// A name for a content, by FNV-1a.
const fn fingerprint(content: &str) -> u64 {
    let (bytes, mut hash, mut place) = (content.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
    while place < bytes.len() {
        hash = (hash ^ bytes[place] as u64).wrapping_mul(0x0100_0000_01b3);
        place += 1;
    }
    hash
}

fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Problem> {
    let page = page.render().map_err(|error| {
        log::error!("a page cannot be written: {error}");
        Problem::internal()
    })?;
    let mut page = answer(status, &HTML, page);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    Ok(page)
}

/// What a party said, or what kind of thing that was for whoever shows no token.
fn detail(text: &str, access: Access) -> Option<String> {
    Some(text).filter(|text| !text.is_empty() && access > Access::Nobody).map(|text| words::cut(text, LONGEST_DETAIL))
}

/// The longest words of others that are shown, in characters.
const LONGEST_DETAIL: usize = 300;
