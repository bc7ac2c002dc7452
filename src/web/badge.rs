//! Badges: `GET /badge.svg` for the whole, `GET /badge/{part}.svg` for OpenAI, Notion and the jobs; and the page's icons.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::Utc;

use super::WebState;
use super::answer::answer;
use super::problem::Problem;
use super::standing::{Part, Standing};

static SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");

/// The longest name on a badge, in characters.
const LONGEST: usize = 40;

#[derive(Template)]
#[template(path = "badge.svg")]
struct Badge<'a> {
    label: &'a str,
    word: &'static str,
    colour: &'static str,
    left: usize,
    right: usize,
    width: usize,
}

impl<'a> Badge<'a> {
    fn new(label: &'a str, standing: Standing) -> Self {
        let colour = match standing {
            Standing::Up => "#1c7d49",
            Standing::Issues => "#b3261e",
            Standing::Unknown => "#5d6976",
        };
        let word = standing.name();
        let (left, right) = (width(label), width(word));
        Self { label, word, colour, left, right, width: left + right }
    }
}

/// How wide a word is with its margins; the text is fitted into it.
fn width(text: &str) -> usize {
    text.chars().count() * 7 + 12
}

/// Whether all is up, as a badge.
#[utoipa::path(
    get,
    path = "/badge.svg",
    operation_id = "getBadge",
    responses((status = 200, description = "`up`, `issues` or `unknown`.", body = String, content_type = "image/svg+xml")),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn whole(request: HttpRequest, state: web::Data<WebState>) -> Result<HttpResponse, Problem> {
    state.to_see(&request)?;
    let label: String = state.settings.service.chars().take(LONGEST).collect();
    badge(&state, &label, state.present(Utc::now()).standing())
}

/// Whether a part is up, as a badge.
#[utoipa::path(
    get,
    path = "/badge/{part}.svg",
    operation_id = "getBadgeOfPart",
    params(("part" = String, Path, description = "`openai`, `notion` or `jobs`.")),
    responses((status = 200, description = "`up`, `issues` or `unknown`.", body = String, content_type = "image/svg+xml")),
    security((), ("token" = []), ("session" = [])),
)]
pub(super) async fn part(
    request: HttpRequest,
    state: web::Data<WebState>,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    state.to_see(&request)?;
    let part = Part::ALL.into_iter().find(|part| part.id() == *name);
    let part = part.ok_or(Problem::unknown("There are badges of openai, notion and jobs."))?;
    badge(&state, part.name(), state.present(Utc::now()).of(part))
}

fn badge(state: &WebState, label: &str, standing: Standing) -> Result<HttpResponse, Problem> {
    let badge = Badge::new(label, standing).render().map_err(|error| {
        log::error!("a badge cannot be drawn: {error}");
        Problem::internal()
    })?;
    let mut badge = answer(StatusCode::OK, &SVG, badge);
    // Where reading needs a token, nothing is for the caches of others.
    let kept = if state.door.reading_is_open() { "max-age=30" } else { "no-store" };
    badge.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    Ok(badge)
}

/// `GET /icon/{standing}.svg`: what a browser shows beside the title.
pub(super) async fn icon(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let known = [Standing::Up, Standing::Issues, Standing::Unknown].into_iter().find(|known| known.name() == *name);
    let standing = known.ok_or(Problem::unknown("There are icons of up, issues and unknown."))?;
    let colour = Badge::new("", standing).colour;
    let icon = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><circle cx=\"16\" cy=\"16\" r=\"15\" \
         fill=\"{colour}\"/><text x=\"16\" y=\"23\" text-anchor=\"middle\" font-size=\"20\" font-weight=\"bold\" \
         font-family=\"sans-serif\" fill=\"#fff\">{}</text></svg>",
        standing.sign()
    );
    let mut icon = answer(StatusCode::OK, &SVG, icon);
    icon.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    Ok(icon)
}
